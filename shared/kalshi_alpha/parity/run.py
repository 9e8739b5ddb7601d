"""A recorded day, decided once more: which windows there are, and how each came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

from kalshi_alpha.clock import from_iso
from kalshi_alpha.cloud.artifacts import ArtifactStore, FolderStore
from kalshi_alpha.errors import DataError, WindowClosed
from kalshi_alpha.markets.registry import Registry, load_registry
from kalshi_alpha.markets.sessions import Sessions, load_sessions
from kalshi_alpha.markets.units import cash_text
from kalshi_alpha.markets.windows import Window, window_from_id
from kalshi_alpha.parity import heard
from kalshi_alpha.parity.decisions import compare_decisions, compare_plans
from kalshi_alpha.parity.differences import CAPTURE, DECISION, INPUT, Difference, Findings
from kalshi_alpha.parity.fills import compare_fees, compare_fills, compare_reports, compare_trades
from kalshi_alpha.parity.orders import SetOut, compare_desk, compare_orders
from kalshi_alpha.parity.own import from_ledger, from_reports
from kalshi_alpha.parity.recall import Recall
from kalshi_alpha.pricing.fees import FeeTerms, fee_terms
from kalshi_alpha.steps.bookkeeping import Books, read_books
from kalshi_alpha.steps.scanning import Scan
from kalshi_alpha.steps.sight import unpacked
from kalshi_alpha.trading.arming import Broker
from kalshi_alpha.trading.plan import QuotePlan, quote_plan

SCHEMA = "kalshi-alpha/parity/1"
SAME, PART = "same", "part"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much of one window was compared.

    Attributes:
        scans: replayed.
        decisions: candidates and refusals compared.
        quotes: targets of all plans.
        actions: of all desks.
        orders: that rested.
        not_placed: set out for and held back by a limit, the budget or the venue.
        fills: recorded.
        fills_forced: of them, those that price-time priority leaves no choice about.
        fees: charged, in cash.
        readings: heartbeats made again from index values.
        books: read by request and met in the capture.
        values: index values heard.
        ev_difference: the most an expected value differs by, in dollars a contract.
    """

    scans: int = 0
    decisions: int = 0
    quotes: int = 0
    actions: int = 0
    orders: int = 0
    not_placed: int = 0
    fills: int = 0
    fills_forced: int = 0
    fees: int = 0
    readings: int = 0
    books: int = 0
    values: int = 0
    ev_difference: float = 0.0

    HEADINGS: ClassVar[tuple[str, ...]] = (
        "scans", "decisions", "quotes", "actions", "orders", "fills", "forced", "fees $", "EV",
    )  # fmt: skip

    def told(self) -> list[str]:
        """Return the columns of ``HEADINGS`` as texts."""
        numbers = (self.scans, self.decisions, self.quotes, self.actions, self.orders, self.fills)
        return [
            *map(str, numbers),
            str(self.fills_forced),
            cash_text(self.fees),
            f"{self.ev_difference:.1e}",
        ]


@dataclass(frozen=True, slots=True)
class WindowParity:
    """How one window came out."""

    window_id: str
    broker: str
    counts: Counts
    differences: tuple[Difference, ...]

    @property
    def verdict(self) -> str:
        """Return ``same`` or ``part``."""
        return PART if self.differences else SAME

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "window_id": self.window_id,
            "broker": self.broker,
            "verdict": self.verdict,
            "counts": asdict(self.counts),
            "differences": [found.to_json() for found in self.differences],
        }


def document(windows: Sequence[WindowParity]) -> dict[str, Any]:
    """Return the whole comparison as plain JSON values."""
    count = sum(len(window.differences) for window in windows)
    return {
        "schema": SCHEMA,
        "verdict": PART if count else SAME,
        "differences": count,
        "windows": [window.to_json() for window in windows],
    }


def windows_in(folder: Path, day: date | None = None, only: str = "") -> list[str]:
    """Return the ids of the windows recorded below ``folder``, in order.

    Raises:
        DataError: when there is none, or none of that day or name.
    """
    root = _root(folder) / "windows"
    found = sorted(path.name for path in root.glob("*") if path.is_dir())
    wanted = [
        name
        for name in found
        if (day is None or name.startswith(f"{day:%Y%m%d}-")) and only in ("", name)
    ]
    if not wanted:
        asked = only or (f"{day}" if day else "any day")
        raise DataError(
            f"{folder} holds no window of {asked}; it needs windows/ and capture/, or artifacts/ "
            "with both, as a rehearsal or a copy of the artifact store has them"
        )
    return wanted


def compare_window(folder: Path, window_id: str) -> WindowParity:
    """Decide one recorded window once more from its records, and compare.

    Args:
        folder: a rehearsal's folder, or one with ``windows/`` and ``capture/``.
        window_id: one of ``windows_in``.

    Raises:
        DataError: when the window's own records cannot be read at all.
    """
    registry, sessions = load_registry(), load_sessions()
    window = window_from_id(window_id, registry, sessions)
    return _Replay(FolderStore(_root(folder)), window, registry, sessions).run()


def compare(folder: Path, names: Sequence[str]) -> list[WindowParity]:
    """Compare windows one by one; one that cannot be read at all has that as its difference."""
    found = []
    for name in names:
        try:
            found.append(compare_window(folder, name))
        except (DataError, WindowClosed) as error:
            findings = Findings(name)
            findings.part(CAPTURE, name, f"the window cannot be decided once more: {error}")
            found.append(WindowParity(name, "", Counts(), tuple(findings.differences)))
    return found


@dataclass
class _Replay:
    store: ArtifactStore
    window: Window
    registry: Registry
    sessions: Sessions

    def run(self) -> WindowParity:
        name = self.window.window_id
        seen = {int(key[-12:-8]): key for key in self.store.keys(f"windows/{name}/seen/")}
        if not seen and self.store.keys(f"windows/{name}/why/"):
            raise DataError(
                f"windows/{name} holds no record of what its scans saw: it was made before they "
                "were kept"
            )
        books = read_books(self.store.read(f"windows/{name}/books.json.gz"))
        capture = self._capture()
        docs = {revision: unpacked(self.store.read(key)) for revision, key in sorted(seen.items())}
        # A window that preflight refused has scanned nothing, and must have done nothing.
        first = next(iter(docs.values()), {"broker": "", "registry": self.registry.hash})
        findings = Findings(name)
        for trouble in capture.troubles:
            findings.part(CAPTURE, name, trouble)
        paper = first["broker"] == Broker.PAPER
        if first["registry"] != self.registry.hash:
            findings.part(
                INPUT,
                "registry",
                "the window was decided under another registry than the one at hand: check out the "
                "code of that day",
                first["registry"],
                self.registry.hash,
            )
        counts = _Compared(self, books, capture, findings, paper=paper).all(docs)
        return WindowParity(name, str(first["broker"]), counts, tuple(findings.differences))

    def _capture(self) -> heard.Window:
        session = self.sessions.on(self.window.day)
        if session is None:
            raise DataError(self.sessions.why_closed(self.window.day))
        return heard.hear(
            self.store,
            self.window.prep_at,
            self.window.fixing + timedelta(minutes=1),
            self.registry,
            session,
            session.open - timedelta(hours=1),
        )


class _Compared:
    """One window's comparison, in the order in which one thing leads to the next."""

    def __init__(
        self,
        replay: _Replay,
        books: Books,
        capture: heard.Window,
        findings: Findings,
        *,
        paper: bool,
    ) -> None:
        self._replay, self._books, self._capture = replay, books, capture
        self._findings, self._paper = findings, paper
        self._own = (
            from_ledger(books.orders, books.fills, books.paper)
            if paper
            else from_reports(capture.orders)
        )
        self._fills = {fill.fill_id: fill for fill in books.fills}
        self._set_out = SetOut()
        self._terms: dict[str, FeeTerms] = {}
        self._readings = self._met = self._decisions = self._quotes = 0
        self._furthest = 0.0

    def all(self, docs: dict[int, dict[str, Any]]) -> Counts:
        """Compare scans, desks, orders, fills and fees; return how much was compared."""
        for revision, seen in docs.items():
            self._findings.revision = revision
            try:
                self._scan(revision, seen)
            except DataError as error:
                self._findings.part(DECISION, "", f"scan {revision} cannot be replayed: {error}")
        self._findings.revision = 0
        placed, held_back = compare_orders(
            self._set_out, self._own, self._books.orders, self._findings
        )
        if not self._paper:
            compare_reports(self._books.fills, self._capture.fills, self._findings)
        compare_trades(self._capture.trades, self._books.trades, self._findings)
        explained = compare_fills(
            self._own,
            self._books.fills,
            self._books.trades,
            self._capture.tapes,
            self._findings,
            paper=self._paper,
        )
        fees = compare_fees(self._books.fills, self._terms, self._findings, paper=self._paper)
        return Counts(
            scans=len(docs),
            decisions=self._decisions,
            quotes=self._quotes,
            actions=self._set_out.actions,
            orders=placed,
            not_placed=held_back,
            fills=explained.fills,
            fills_forced=explained.forced,
            fees=fees,
            readings=self._readings,
            books=self._met,
            values=self._capture.values,
            ev_difference=self._furthest,
        )

    def _scan(self, revision: int, seen: dict[str, Any]) -> None:
        replay, window = self._replay, self._replay.window
        folder = f"windows/{window.window_id}"
        shown = json.loads(replay.store.read(f"{folder}/scan/{revision:04d}.json"))
        recorded = QuotePlan.from_json(shown["plan"])
        lines = replay.store.read(f"{folder}/why/{revision:04d}.jsonl").decode().splitlines()
        for series, said in seen["series"].items():
            known = said.get("known", {})
            if known.get("fee_type"):
                self._terms[series] = fee_terms(known["fee_type"], known["fee_multiplier"])
        eyes = Recall(
            seen, self._capture, self._own, self._fills, replay.registry, self._findings,
            self._looked_before(revision),
        )  # fmt: skip
        scan = Scan(window, revision, replay.registry, replay.sessions, eyes)
        scans = scan.run()
        decisions = [decision for found in scans for decision in found.decisions]
        plan = quote_plan(window.window_id, revision, recorded.made_at, decisions)
        whys = scan.why_lines(scans, from_iso(shown["at"]))
        compared, furthest = compare_decisions(map(json.loads, lines), whys, self._findings)
        compare_plans(recorded.targets, plan.targets, self._findings)
        self._decisions += compared
        self._quotes += len(recorded.targets)
        self._furthest = max(self._furthest, furthest)
        self._readings += eyes.readings
        self._met += eyes.books_met
        desk = self._books.desks.get(revision)
        if desk is not None:
            actions = compare_desk(desk, plan.targets, self._own, self._findings)
            self._set_out.take(window.window_id, revision, actions)

    def _looked_before(self, revision: int) -> Any:
        """Return when the ledger last heard of the venue for certain before a scan."""
        desk = self._books.desks.get(revision - 1)
        return None if desk is None else from_iso(desk["asked_at"])


def _root(folder: Path) -> Path:
    return folder / "artifacts" if (folder / "artifacts").is_dir() else folder
