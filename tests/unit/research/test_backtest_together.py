"""A backtest decides as live does: inventory, joint limit and honesty; series share a fixing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import pytest

from kalshi_alpha.clock import from_iso
from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.research.backtest.engine import play, play_together
from kalshi_alpha.research.backtest.fixings import at_fixings, require_known_before, told_together
from kalshi_alpha.research.backtest.loading import Loaded, Missing
from kalshi_alpha.research.backtest.pricing import pricer
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.backtest.tape import at_second
from kalshi_alpha.trading.honesty import BinWeight, Honesty, dump_honesty, honesty_from_json
from tests.made_parameters import made_parameters, made_part
from tests.made_tapes import DAY, pricer_of, quiet, tape_of

BASE = Settings()
OFF = BinWeight(0.0, reason="its fills lost")


def other_tape(series="KXNASDAQ100U", symbol="NDX", group="index-hourly", rows=None):
    """Return the tape of another series at the same fixing, on the very same strikes."""
    tape = tape_of(quiet() if rows is None else rows)
    names = load_registry().groups[group].series
    event = tape.ladder.event_ticker.replace("KXINXU", series)
    contracts = tuple(
        replace(c, ticker=c.ticker.replace("KXINXU", series), event_ticker=event, series=series)
        for c in tape.ladder.contracts
    )
    return replace(
        tape,
        series=series,
        symbol=symbol,
        ladder=replace(tape.ladder, event_ticker=event, series=series, contracts=contracts),
        window=replace(tape.window, group=group, series=names),
    )


def other_pricer():
    """Return its pricer, with the same round parameters."""
    parameters = replace(made_parameters(made_part(), made_part()), symbol="NDX")
    return pricer(other_tape(), load_registry(), parameters)


def tight(priced, dollars):
    """Return a pricer whose fixing may lose so many dollars."""
    risk = replace(priced.registry.risk, max_shortfall=round(dollars * 1_000_000))
    return replace(priced, registry=replace(priced.registry, risk=risk))


def honesty(**bins):
    doc = Honesty({}, load_registry().hash, date(2026, 1, 2), date(2026, 3, 1), {}, OFF)
    made = dump_honesty(replace(doc, **bins))
    return honesty_from_json(made, config_hash=load_registry().hash, today=DAY)


def reasons(found):
    return [json.loads(line) for line in found.why]


def targets(found):
    return [plan.targets for plan in found.plans]


def test_what_is_held_moves_a_quote_back_that_adds_to_it():
    found = play(pricer_of(tape_of(quiet())), BASE, keep_why=True)

    moved = [r for r in reasons(found) if "a fill adds to the risk of what is held" in r["reason"]]
    assert moved
    assert all(r["decision"] == "quote" for r in moved)
    first = at_second(min(fill.at for fill in found.fills))
    assert all(from_iso(r["at"]) > first for r in moved)
    level = replace(pricer_of(tape_of(quiet())).registry.risk, shade_ticks=0)
    flat = pricer_of(tape_of(quiet()))
    flat = replace(flat, registry=replace(flat.registry, risk=level))
    assert not [r for r in reasons(play(flat, BASE, keep_why=True)) if "instead of" in r["reason"]]


def test_a_quote_that_the_fixing_has_no_room_for_is_refused():
    roomy, none = pricer_of(tape_of(quiet())), tight(pricer_of(tape_of(quiet())), 0.01)

    assert play(roomy, BASE).refusals["joint-shortfall"] == 0
    found = play(none, BASE, keep_why=True)

    assert found.refusals["joint-shortfall"] > 0
    assert not any(targets(found))
    refused = [r for r in reasons(found) if r.get("code") == "joint-shortfall"]
    assert refused[0]["evidence"]["limit"] == 10_000


def test_the_fixings_limit_grows_with_bins_and_lots_as_a_windows_cap_does():
    series, limits = load_registry().series["KXINXU"], load_registry().risk

    assert BASE.risk(limits, series) == limits
    assert replace(BASE, lots=3).risk(limits, series).max_shortfall == 3 * limits.max_shortfall
    wide = replace(BASE, max_bins=20).risk(limits, series)
    assert wide.max_shortfall == 10 * limits.max_shortfall
    caps = replace(BASE, max_bins=20).caps(series)
    assert caps.max_loss_per_window == 10 * series.caps.max_loss_per_window
    assert replace(BASE, max_bins=1).risk(limits, series) == limits


def test_a_bin_that_honesty_switched_off_is_not_quoted():
    believed = honesty(others=BinWeight(1.0))

    plain = play(pricer_of(tape_of(quiet())), BASE)
    same = play(pricer_of(tape_of(quiet())), replace(BASE, honesty=believed))
    none = play(pricer_of(tape_of(quiet())), replace(BASE, honesty=honesty()))

    assert targets(same) == targets(plain)
    assert not any(targets(none))
    assert none.refusals["honesty"] > 0


def test_an_artifact_is_told_by_its_checksum():
    artifact = honesty()

    assert BASE.as_json()["honesty"] is None
    assert replace(BASE, honesty=artifact).as_json()["honesty"] == artifact.checksum
    json.dumps(replace(BASE, honesty=artifact).as_json())


def test_series_with_room_decide_together_as_they_do_apart():
    one, other = pricer_of(tape_of(quiet())), other_pricer()

    together = play_together([one, other], BASE)

    assert targets(together[0])[0] == targets(play(one, BASE))[0] != ()
    assert targets(together[1])[0] == targets(play(other, BASE))[0] != ()


def test_two_series_of_one_window_share_what_the_fixing_may_lose():
    pair = [tight(pricer_of(tape_of(quiet())), 1.0), tight(other_pricer(), 1.0)]

    apart = [len(play(each, BASE).plans[0].targets) for each in pair]
    together = play_together(pair, BASE)

    assert apart == [2, 2]
    assert sum(len(one.plans[0].targets) for one in together) < 4
    assert sum(one.refusals["joint-shortfall"] for one in together) > 0


def test_the_answers_keep_the_order_of_the_question():
    one, other = pricer_of(tape_of(quiet())), other_pricer()

    forth, back = play_together([one, other], BASE), play_together([other, one], BASE)

    assert [targets(each) for each in forth] == [targets(each) for each in reversed(back)]


def test_what_rests_of_another_window_uses_up_the_room_of_the_fixing():
    close = other_tape("KXINX", "SPX", "index-close")
    window = replace(close.window, group="index-aaa")  # its turn comes before the hourly one's
    first = tight(pricer_of(replace(close, window=window)), 1.0)
    second = tight(pricer_of(tape_of(quiet())), 1.0)

    alone = play(second, BASE)
    together = play_together([first, second], BASE)

    assert first.tape.window.window_id < second.tape.window.window_id
    assert targets(together[0])[0]
    assert len(targets(together[1])[0]) < len(targets(alone)[0])
    assert together[1].refusals["joint-shortfall"] > 0


def loaded(*tapes, missing=(), level="recorded"):
    parameters = made_parameters(made_part(), made_part())
    return Loaded(
        tapes=tapes,
        parameters={tape.window.day: parameters for tape in tapes},
        missing=tuple(missing),
        requested=len(tapes) + len(missing),
        rows=(7, 5),
        made_with="fitted",
        level=level,
        provenance=(("Registry", "x"),),
    )


def test_tapes_are_laid_out_by_fixing_in_order_of_time():
    later = tape_of(quiet(), day=date(2026, 1, 6))

    found = at_fixings([loaded(tape_of(quiet()), later), loaded(other_tape())])

    assert [[tape.series for tape, _ in events] for events in found] == [
        ["KXINXU", "KXNASDAQ100U"],
        ["KXINXU"],
    ]
    assert found[1][0][0] is later


def test_a_day_that_one_series_lacks_is_told_with_its_name():
    gone = Missing(date(2026, 1, 6), "no-trades", "no trade is recorded")
    found = told_together(
        [
            loaded(tape_of(quiet()), tape_of(quiet(), day=date(2026, 1, 6))),
            loaded(other_tape(), missing=[gone], level="read off the ladder"),
        ]
    )

    assert [one.sentence for one in found.missing] == ["KXNASDAQ100U: no trade is recorded"]
    assert (found.requested, len(found.tapes), found.rows) == (2, 3, (14, 10))
    assert found.made_with == "fitted"
    assert found.level == "KXINXU: recorded; KXNASDAQ100U: read off the ladder"
    assert found.provenance == (("Registry", "x"),)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        ([date(2026, 1, 2), date(2026, 1, 5)], "on 2026-01-02 that is looking ahead"),
        ([date(2026, 1, 5), date(2026, 3, 2)], "play no day after it, and 2026-03-02 is one"),
    ],
)
def test_an_artifact_knows_no_day_that_is_played_and_holds_for_the_last(days, said):
    require_known_before(None, days)
    require_known_before(honesty(), [date(2026, 1, 3), date(2026, 3, 1)])

    with pytest.raises(ParameterError, match=said):
        require_known_before(honesty(), days)
