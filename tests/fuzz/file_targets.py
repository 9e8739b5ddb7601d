"""Files and words of an operator's or the schedule's: parameters, registry, events, bars, ids."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from kalshi_alpha.errors import TickerError
from kalshi_alpha.markets.events import parse_events
from kalshi_alpha.markets.limits import limits_on
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import Sessions, load_sessions, parse_sessions
from kalshi_alpha.markets.tickers import parse_event, parse_market
from kalshi_alpha.markets.windows import window_from_id
from kalshi_alpha.pricing.parameters import load_parameters, shipped_parameters
from kalshi_alpha.research.data.bars import read_bars
from tests.fuzz.judging import judged, sentence, sound
from tests.fuzz.mutating import CORPUS

DAY = date(2025, 11, 4)


def parameters(body: bytes) -> None:
    judged(lambda: load_parameters(body, DAY))


def signed_parameters(body: bytes) -> None:
    """Read parameters whose checksum fits whatever they say: the domains must hold alone."""
    try:
        document = json.loads(body)
        rest = {key: value for key, value in document.items() if key != "checksum"}
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    except (ValueError, AttributeError, RecursionError):
        return
    document["checksum"] = hashlib.sha256(text.encode()).hexdigest()
    found = judged(lambda: load_parameters(json.dumps(document).encode(), DAY))
    for one in (found or {}).values():
        for part in (one.hourly, one.close):
            if part is not None:
                assert abs(sum(part.curve.shares) - 1.0) < 1e-6
                assert all(shape.stretch > 0 for shape in part.shapes)


def registry(body: bytes) -> None:
    """Read a registry from a file, as its bytes are."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "registry.toml"
        path.write_bytes(body)
        found = judged(lambda: load_registry(path))
    for series in found.series.values() if found else ():
        assert series.ticker == series.ticker.strip()
        assert series.caps.max_loss_per_strike > 0
        assert found.groups[series.group].phases.pull >= 2


def events(body: bytes) -> None:
    judged(lambda: parse_events(body.decode("utf-8", "replace")))


def sessions(body: bytes) -> None:
    """Read a session table that anything may be wrong with."""
    _sessions(lambda: parse_sessions(body.decode("utf-8", "replace")))


def overrides(body: bytes) -> None:
    """Read an operator's overrides of the shipped table."""
    table = _shipped("sessions.json").decode()
    _sessions(lambda: parse_sessions(table, body.decode("utf-8", "replace")))


def _sessions(read: Callable[[], Sessions]) -> None:
    found: Sessions | None = judged(read)
    day = found.first if found else DAY
    while found and day <= min(found.last, found.first + timedelta(days=400)):
        session = found.on(day)
        assert (session is None) == bool(found.why_closed(day))
        assert session is None or session.open < session.close
        day += timedelta(days=1)


def limits(body: bytes) -> None:
    """Ask which limits a market counts against: all of them, or a refusal."""
    ticker, known = body.decode("utf-8", "replace"), load_registry()
    window = window_from_id("20251104-1200-index-hourly", known, load_sessions())
    found = judged(lambda: limits_on(known, window, ticker))
    if found is not None:
        assert len({limit.key for limit in found}) == len(found) > 6
        assert all(limit.cap > 0 for limit in found)


def tickers(body: bytes) -> None:
    text = body.decode("utf-8", "replace")
    for parse in (parse_event, parse_market):
        try:
            found: Any = parse(text)
        except TickerError as error:
            sentence(error)
        else:
            assert str(found) == text, "a ticker is not printed back"
    window = judged(lambda: window_from_id(text, load_registry(), load_sessions()))
    assert window is None or window.window_id == text


def bars_csv(body: bytes) -> None:
    _bars(body, "bars.csv")


def bars_parquet(body: bytes) -> None:
    _bars(body, "bars.parquet")


def _bars(body: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(body)
        found = judged(lambda: _times(path))
    assert found is None or found == sorted(set(found)) or found


def _times(path: Path) -> list[datetime]:
    bars = read_bars(path, last=DAY)
    assert bars.row.size == bars.start.size == bars.close.size
    assert not (bars.start % 60).any()
    sound(bars.symbols)
    return [datetime.fromtimestamp(int(at), UTC) for at in bars.start]


def good_parameters() -> bytes:
    return shipped_parameters(DAY)


def _shipped(name: str) -> bytes:
    return resources.files("kalshi_alpha.markets").joinpath(name).read_bytes()


def good_table() -> bytes:
    """Return the first weeks of the shipped sessions: the whole table only takes longer."""
    tree = json.loads(_shipped("sessions.json"))
    tree["sessions"] = tree["sessions"][:25]
    tree["last"] = tree["sessions"][-1][0]
    return json.dumps(tree).encode()


def good_csv() -> bytes:
    return (CORPUS / "bars.csv").read_bytes()


def good_parquet() -> bytes:
    table = pa_csv.read_csv(io.BytesIO(good_csv()))
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


# A target, and the good bytes that are spoiled for it.
TARGETS: dict[str, tuple[Callable[[], bytes], Callable[[bytes], None]]] = {
    "parameters": (good_parameters, parameters),
    "registry": (partial(_shipped, "registry.toml"), registry),
    "events": (partial(_shipped, "events.toml"), events),
    "sessions": (good_table, sessions),
    "session-overrides": (partial(_shipped, "session_overrides.toml"), overrides),
    "limits": (lambda: b"KXINXU-25NOV04H1200-T6844.9999", limits),
    "bars-csv": (good_csv, bars_csv),
    "bars-parquet": (good_parquet, bars_parquet),
    "tickers": (lambda: b"KXINXU-25NOV04H1200-T6844.9999", tickers),
}
