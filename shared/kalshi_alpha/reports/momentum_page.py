"""The page of one climate day of momentum: what was believed, leant on, quoted, filled and paid."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.markets.orders import Fill, Side
from kalshi_alpha.markets.units import CASH_UNIT, PRICE_UNIT
from kalshi_alpha.reports import wording
from kalshi_alpha.reports.momentum_pictures import Quote, beliefs_svg, money_svg
from kalshi_alpha.reports.plots import bars_svg
from kalshi_alpha.reports.study import Fact, Section, Study, Table, table_or

_MOST_ROWS = 60
_MOST_PROS = 3
_BELIEVED = (
    "What was believed of each bracket (the filter, pooled where weights were fitted), beside the "
    "middle of the market. Marks are fills; bars are what rested."
)
_NOTHING_HEARD = "Nothing was heard of every bracket at once, so there is nothing to show."
_GOES_ON = "A signal that goes on is quoted anew; a refusal that does is recorded once in a while."
_EVIDENCE = (
    "A paper order fills only by a public trade strictly through its price, at most by that "
    "trade's size. A trade at its price is no evidence: others were in the queue."
)
_SIDE = {"bid": "buy", "ask": "sell"}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bracket:
    """One bracket, in words, and what one YES of it paid in price units; None while open."""

    ticker: str
    words: str
    value: int | None


@dataclass(frozen=True, slots=True)
class FilledOrder:
    """One fill with what became of it, in cash; None while its market is open."""

    fill: Fill
    result: int | None


@dataclass(frozen=True, slots=True)
class MomentumDay:
    """Everything the page shows.

    Attributes:
        event: its ticker.
        city: in words.
        climate: the climate day, by whose standard time all times are written.
        brackets: ascending.
        features: how each bracket looked, row by row, as the process kept it.
        leans: its decisions.
        orders: as the ledger has them.
        fills: in time.
        degrees: what it settled on; empty while it has not.
        played: public trades that were heard.
        frames: of the socket.
        told: sentences for the operator, with their times.
        labels: where each kind of data is from.
        provenance: what the page was made from.
        shadow: whether nothing was placed.
    """

    event: str
    city: str
    climate: ClimateDay
    brackets: Sequence[Bracket]
    features: Sequence[Row]
    leans: Sequence[Row]
    orders: Sequence[Row]
    fills: Sequence[FilledOrder]
    degrees: str
    played: int
    frames: int
    told: Sequence[tuple[datetime, str]]
    labels: Mapping[str, str]
    provenance: Sequence[tuple[str, str]]
    shadow: bool = False

    @property
    def day(self) -> date:
        """Return the climate day's name."""
        return self.climate.date

    def clock(self, at: datetime) -> str:
        """Write an instant as standard time of the station."""
        return f"{at.astimezone(UTC) + timedelta(hours=self.climate.offset):%H:%M:%S}"

    @property
    def result(self) -> int | None:
        """Return what the day won in cash, None while it has not settled."""
        results = [one.result for one in self.fills]
        return None if None in results else sum(r for r in results if r is not None)

    def words(self, ticker: str) -> str:
        """Return a bracket in words."""
        return next((one.words for one in self.brackets if one.ticker == ticker), ticker)


@dataclass(frozen=True, slots=True)
class DayScore:
    """Mean scores over the looks at all brackets of a day, lower better; one day proves nothing."""

    looks: int
    belief_brier: float
    market_brier: float
    belief_rps: float
    market_rps: float


def score(day: MomentumDay) -> DayScore | None:
    """Return how the beliefs and the middles, held to one, did; None while the day is open.

    The Brier score sums squared errors over brackets, the ranked probability score those of the
    cumulated probabilities.
    """
    if any(one.value is None for one in day.brackets):
        return None
    place = {one.ticker: k for k, one in enumerate(day.brackets)}
    truth = [float(one.value == PRICE_UNIT) for one in day.brackets]
    looks: dict[float, dict[int, Row]] = defaultdict(dict)
    for row in day.features:
        looks[row["at"]][place[row["ticker"]]] = row
    whole = [rows for rows in looks.values() if len(rows) == len(truth)]
    sums, seen = [0.0] * 4, 0
    for rows in whole:
        middles = [rows[k]["mid"] for k in range(len(truth))]
        if sum(middles) <= 0:
            continue
        seen += 1
        market = [middle / sum(middles) for middle in middles]
        beliefs = [rows[k]["belief"] for k in range(len(truth))]
        for k, found in enumerate((beliefs, market)):
            sums[k] += _brier(found, truth)
            sums[2 + k] += _rps(found, truth)
    return DayScore(seen, *(total / seen for total in sums)) if seen else None


def momentum_page(day: MomentumDay, links: Sequence[tuple[str, str]] = ()) -> Study:
    """Return the page."""
    return Study(
        title=f"Highest temperature, {day.city}, {day.day}",
        lead=(
            f"{day.event} on paper: {wording.count(day.played, 'public trade')} heard, "
            f"{wording.count(len(day.orders), 'order')} of ours, "
            f"{wording.count(len(day.fills), 'fill')}. Times are {day.city}'s standard time."
            if not day.shadow
            else f"{day.event} in shadow: {wording.count(day.played, 'public trade')} heard; what "
            "would have been quoted is recorded, and nothing was placed."
        ),
        facts=_facts(day),
        sections=[
            _believed(day),
            _why(day),
            _quoted(day),
            _filled(day),
            _settled(day),
            _made_up(day),
        ],
        provenance=list(day.provenance),
        links=links,
    )


def _facts(day: MomentumDay) -> list[Fact]:
    counts = Counter(str(row["action"]) for row in day.leans)
    found, result = score(day), day.result
    facts = [
        Fact("Public trades", f"{day.played:,}", "Each at its recorded time, price and size."),
        Fact("Signals that stood", f"{counts['quote']:,}", "Every gate let them pass."),
        Fact(
            "Refusals recorded",
            f"{counts['refuse']:,}",
            "Each with its reason.",
        ),
        Fact("Orders", f"{len(day.orders):,}", "Post-only, each with an expiry within its hour."),
        Fact("Fills", f"{len(day.fills):,}", "Only where a trade went through our price."),
        Fact(
            "Paper result",
            wording.signed_cash(result),
            "One day on a recorded tape: no proof of anything.",
        ),
    ]
    if found is not None:
        facts.append(
            Fact(
                "Brier, ours and market",
                f"{found.belief_brier:.3f} / {found.market_brier:.3f}",
                f"Over {wording.count(found.looks, 'look')}, lower is better: one day.",
            )
        )
    return facts


def _believed(day: MomentumDay) -> Section:
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in day.features:
        rows[str(row["ticker"])].append(row)
    quotes = _quotes(day)
    charts = [
        beliefs_svg(
            f"belief{k}",
            day.climate,
            one.words,
            rows[one.ticker],
            [quote for quote in quotes if quote.ticker == one.ticker],
            [filled.fill for filled in day.fills if filled.fill.ticker == one.ticker],
        )
        for k, one in enumerate(day.brackets)
        if rows[one.ticker]
    ]
    return Section(
        "What was believed, and what was traded",
        [_BELIEVED if charts else _NOTHING_HEARD],
        charts,
    )


def _why(day: MomentumDay) -> Section:
    refused = Counter(str(row["code"]) for row in day.leans if row["action"] == "refuse")
    quoted = Counter(str(row["kind"]) for row in day.leans if row["action"] == "quote")
    withdrawn = Counter(str(row["code"]) for row in day.leans if row["action"] == "withdraw")
    charts = []
    if refused:
        common = [(code, float(n)) for code, n in refused.most_common(10)]
        charts.append(
            bars_svg(common, "refused", "Why signals were refused", "records", lambda n: f"{n:.0f}")
        )
    example = [row for row in day.leans if row["action"] == "quote"]
    rows = [
        (
            day.clock(datetime.fromtimestamp(row["at"], UTC)),
            str(row["kind"]),
            f"{_SIDE[row['side']]} {day.words(row['ticker'])}",
            wording.cents(row["price"]),
            wording.percent(row["belief"]),
            wording.ev_cents(row["edge"]),
            _pros(row["pros"]),
        )
        for row in _spread(example)
    ]
    return Section(
        "Signals and their reasons",
        [f"What stood: {_said(quoted)}. What was taken back: {_said(withdrawn)}.", _GOES_ON],
        charts,
        [
            table_or(
                "no signal stood",
                _caption("Signals that stood", len(example)),
                ("time", "kind", "what", "price", "belief", "edge a contract", "what spoke for it"),
                rows,
            )
        ],
    )


def _quoted(day: MomentumDay) -> Section:
    orders = sorted(day.orders, key=_placed)
    rows = [
        (
            _clock(day, _placed(order)),
            f"{_SIDE[order['side']]} {day.words(order['ticker'])}",
            wording.cents(int(order["price"])),
            wording.contracts(int(order["size"])),
            wording.contracts(int(order.get("filled_size", 0))),
            str(order["status"]),
            _clock(day, str(order.get("expires_at", ""))),
        )
        for order in _spread(orders)
    ]
    return Section(
        "Orders",
        (),
        (),
        [
            table_or(
                "nothing was quoted",
                _caption("Orders", len(orders)),
                ("placed", "what", "price", "size", "filled", "ended as", "expiry"),
                rows,
            )
        ],
    )


def _filled(day: MomentumDay) -> Section:
    rows = [
        (
            day.clock(one.fill.at),
            f"{_SIDE[one.fill.side.value]} {day.words(one.fill.ticker)}",
            wording.cents(one.fill.price),
            wording.contracts(one.fill.size),
            "traded through",
            wording.signed_cash(-one.fill.fee if one.fill.fee else 0),
            wording.signed_cash(one.result),
        )
        for one in day.fills
    ]
    charts = (
        [money_svg("money", day.climate, [(o.fill.at, o.result) for o in day.fills])]
        if day.fills
        else []
    )
    return Section(
        "Fills on paper",
        [_EVIDENCE],
        charts,
        [
            table_or(
                "nothing was filled",
                "Fills",
                ("time", "what", "price", "size", "evidence", "fee", "result"),
                rows,
            )
        ],
    )


def _settled(day: MomentumDay) -> Section:
    held: Counter[str] = Counter()
    paid: Counter[str] = Counter()
    for one in day.fills:
        held[one.fill.ticker] += one.fill.size * one.fill.side.sign
        paid[one.fill.ticker] += one.result or 0
    rows = [
        (
            bracket.words,
            wording.NOTHING if bracket.value is None else wording.cents(bracket.value),
            wording.contracts(held[bracket.ticker]) if held[bracket.ticker] else wording.NOTHING,
            wording.signed_cash(paid[bracket.ticker])
            if bracket.ticker in paid
            else wording.NOTHING,
        )
        for bracket in day.brackets
    ]
    words = (
        f"The venue paid the bracket of {day.degrees} degrees."
        if day.degrees
        else "The markets were not decided when this page was made."
    )
    return Section(
        "Settlement",
        [words],
        (),
        [Table("Brackets", ("bracket", "one YES paid", "held at the end", "result"), rows)],
    )


def _made_up(day: MomentumDay) -> Section:
    rows = [(name, label) for name, label in day.labels.items()]
    told = [(day.clock(at), said) for at, said in day.told[:_MOST_ROWS]]
    return Section(
        "What is recorded and what is made up",
        (),
        (),
        [
            table_or("nothing was labelled", "Data", ("what", "where it is from"), rows),
            table_or("nothing", "What the process told its operator", ("time", "sentence"), told),
        ],
    )


def _quotes(day: MomentumDay) -> list[Quote]:
    found = []
    for order in day.orders:
        begun, ended = _placed(order), _ended(order)
        if begun and ended:
            side, price = Side(order["side"]), int(order["price"]) / PRICE_UNIT
            found.append(Quote(str(order["ticker"]), side, price, _at(begun), _at(ended)))
    return found


def _placed(order: Row) -> str:
    events = order.get("events") or []
    return str(events[0]["at"]) if events else str(order.get("sent_at", ""))


def _ended(order: Row) -> str:
    events = order.get("events") or []
    return str(events[-1]["at"]) if len(events) > 1 else str(order.get("expires_at", ""))


def _spread(rows: Sequence[Row]) -> Sequence[Row]:
    """Return at most so many rows, spread over all."""
    step = -(-len(rows) // _MOST_ROWS) or 1
    return rows[::step]


def _caption(what: str, count: int) -> str:
    if count <= _MOST_ROWS:
        return what
    return f"{what}: one in {-(-count // _MOST_ROWS)} of {count:,}"


def _pros(sentences: Sequence[str]) -> str:
    """Return the last gates that a signal passed, which say what it is worth.

    The tables beside the page have every word.
    """
    more = len(sentences) - _MOST_PROS
    return "; ".join(sentences[-_MOST_PROS:]) + (f"; and {more} more" if more > 0 else "")


def _said(counts: Counter[str]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.most_common()) or "nothing"


def _clock(day: MomentumDay, text: str) -> str:
    return day.clock(_at(text)) if text else wording.NOTHING


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _brier(found: Sequence[float], truth: Sequence[float]) -> float:
    return sum((p - t) ** 2 for p, t in zip(found, truth, strict=True))


def _rps(found: Sequence[float], truth: Sequence[float]) -> float:
    total, below, won = 0.0, 0.0, 0.0
    for p, t in zip(found, truth, strict=True):
        below, won = below + p, won + t
        total += (below - won) ** 2
    return total


def dollars(cash: int | None) -> float | None:
    """Return cash in dollars."""
    return None if cash is None else cash / CASH_UNIT
