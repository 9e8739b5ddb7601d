"""One fixing played: scans on a clock, the pure core at each, a recorded market in between.

The core is the one that trades: terminal law, ladder, candidates, gates, sizing, the risk of the
fixing, plan and the matching of plan against orders are called, never copied. Series of one fixing
are played together, for they share what may be lost there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kalshi_alpha.research.backtest.desk import Desk, Played
from kalshi_alpha.research.backtest.pricing import Pricer
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.tape import Tape
from kalshi_alpha.trading.risk import FixingBook, together
from kalshi_alpha.trading.risk_plan import Chosen, within_risk

__all__ = ["Played", "play", "play_together", "scan_times"]


def scan_times(tape: Tape, settings: Settings) -> list[float]:
    """Return when the strategy looks, seconds since 1970 UTC: to the stop, which it excludes."""
    begin = max(tape.fixing_s - settings.start_s, tape.session.open.timestamp())
    end = tape.fixing_s - settings.stop_s
    count = max(0, -int(-(end - begin) // settings.every_s))
    return [begin + k * settings.every_s for k in range(count)]


def play(pricer: Pricer, settings: Settings, *, keep_why: bool = False) -> Played:
    """Play one tape with one setting; what is recorded after a scan never reaches it."""
    return play_together((pricer,), settings, keep_why=keep_why)[0]


def play_together(
    pricers: Sequence[Pricer], settings: Settings, *, keep_why: bool = False
) -> tuple[Played, ...]:
    """Play the tapes of one fixing with one setting; the answers are in the order given.

    At each scan the windows of the fixing have their turn by name, and the series of a window in
    the registry's order. Each knows what all hold, and what rests of the other windows.
    """
    desks = [Desk(pricer, settings, keep_why) for pricer in pricers]
    tape, windows = pricers[0].tape, _by_window(desks)
    stops = [*scan_times(tape, settings), tape.fixing_s - settings.stop_s, tape.fixing_s]
    for place, now in enumerate(stops):
        for desk in desks:
            _catch_up(desk, now)
        if place < len(stops) - 2:
            for name, mine in windows.items():
                beside = [desk for other in windows if other != name for desk in windows[other]]
                _scan(mine, beside, now)
        else:
            for desk in desks:
                desk.venue.end_all(now)
    return tuple(desk.result() for desk in desks)


def _by_window(desks: Sequence[Desk]) -> Mapping[str, list[Desk]]:
    found: dict[str, list[Desk]] = {}
    for desk in sorted(desks, key=_turn):
        found.setdefault(desk.tape.window.window_id, []).append(desk)
    return found


def _turn(desk: Desk) -> tuple[str, int]:
    window = desk.tape.window
    return window.window_id, window.series.index(desk.tape.series)


def _catch_up(desk: Desk, now: float) -> None:
    """Let the recorded seconds pass that are over at ``now``."""
    seconds, row = desk.tape.seconds, desk.row
    while row < len(seconds) and seconds.at[row] + 1.0 <= now:
        desk.pass_second(row)
        row += 1
    desk.row = row


def _scan(mine: Sequence[Desk], beside: Sequence[Desk], now: float) -> None:
    """Decide for the series of one window, and make their orders what was decided."""
    correlations = mine[0].registry.risk.correlations
    parts = [{desk.tape.symbol: desk.part(now, with_orders=False)} for desk in mine]
    parts += [{desk.tape.symbol: desk.part(now, with_orders=True)} for desk in beside]
    book, chosen = FixingBook(together(parts), correlations), []
    for desk in mine:
        book = desk.priced_in(book, now)
        chosen.append(Chosen(desk.tape.symbol, desk.decide(now, book)))
    claims = [claim for desk in beside for claim in desk.claims(now)]
    left = within_risk(chosen, book, mine[0].limits, claims)
    for desk, one in zip(mine, left, strict=True):
        desk.act(now, one.decisions, book)
