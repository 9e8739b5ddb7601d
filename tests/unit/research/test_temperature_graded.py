"""Climate days graded from what their processes left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kalshi_alpha.cloud.artifacts import FolderStore
from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.markets.stations import load_stations
from kalshi_alpha.research.temperature.graded_days import (
    GradedClimateDay,
    grade_event,
    open_event,
)
from kalshi_alpha.research.temperature.record import (
    ClimateRecord,
    of_stage,
    read_lines,
    rehearsed,
    series_in,
)
from kalshi_alpha.trading.grades import Proof
from tests.climate_days import (
    DAY,
    MIAMI,
    MINUTES,
    NEW_YORK,
    a_fill,
    a_settled_day,
    leans,
    leave,
    looks,
)


def test_a_fill_is_graded_with_its_claim_its_result_and_what_was_believed_a_minute_later():
    bought = a_fill()
    found = grade_event(a_settled_day(DAY, NEW_YORK, bought), leans(bought), looks(belief=0.52))
    (fill,) = found.fills

    assert (found.source, found.settled, found.ungraded) == ("paper", True, ())
    assert (fill.series, fill.day, fill.proof) == (NEW_YORK, DAY, Proof.TRADE_THROUGH)
    assert fill.probability == 0.55
    assert fill.claimed == pytest.approx(0.10)
    assert fill.realised == pytest.approx(0.55)
    assert fill.realised * fill.contracts == pytest.approx(bought.result / 1e6)
    assert fill.markouts == {60: pytest.approx(0.07)}
    assert fill.bin == "temperature|range|p40-60|m4+|bid"


def test_an_ask_is_graded_from_the_other_side():
    sold = a_fill(won=False, side=Side.ASK, price=6000)
    found = grade_event(a_settled_day(DAY, NEW_YORK, sold), leans(sold), looks(belief=0.5))
    (fill,) = found.fills

    assert fill.claimed == pytest.approx(0.05)
    assert fill.realised == pytest.approx(0.60)
    assert fill.markouts == {60: pytest.approx(0.10)}


def test_a_fill_that_no_quote_of_ours_explains_is_ungraded_and_counted():
    bought, other = a_fill(), a_fill(price=4600, number=2)
    settled = a_settled_day(DAY, NEW_YORK, bought, other)
    late = leans(bought, other, before_s=-1.0)
    found = grade_event(settled, [*leans(bought), *late], looks())

    # One price was wanted before both: a later quote at another price explains the other one.
    assert len(found.fills) == 2
    assert grade_event(settled, late, looks()).ungraded == ("f-2024-12-03-1", "f-2024-12-03-2")
    assert grade_event(settled, late, looks()).fills == ()


def test_a_refusal_explains_nothing():
    bought = a_fill()
    (_, refused) = leans(bought)

    assert grade_event(a_settled_day(DAY, NEW_YORK, bought), [refused], []).fills == ()


def test_without_a_look_soon_after_a_fill_has_no_markout():
    bought = a_fill()
    settled = a_settled_day(DAY, NEW_YORK, bought)
    gap = range(722, 740)  # noon is minute 720

    (fill,) = grade_event(settled, leans(bought), looks(missing=gap)).fills
    assert fill.markouts == {}
    (fill,) = grade_event(settled, leans(bought), []).fills
    assert fill.markouts == {}


def test_minutes_without_a_look_or_a_whole_stream_are_down():
    found = grade_event(a_settled_day(), [], looks(missing=range(100), deaf=range(200, 205)))

    assert (found.minutes, found.up) == (MINUTES, MINUTES - 105)
    assert grade_event(a_settled_day(), [], []).up == 0


def test_looks_before_the_day_and_after_its_close_and_twice_a_minute_add_nothing():
    rows = looks()
    outside = [rows[0] | {"at": rows[0]["at"] - 60.0}, rows[-1] | {"at": rows[-1]["at"] + 60.0}]
    again = [row | {"at": row["at"] + 20.0} for row in rows]

    assert grade_event(a_settled_day(), [], [*rows, *outside, *again]).up == MINUTES


def test_a_look_of_older_code_says_nothing_of_what_was_heard():
    rows = [{name: value for name, value in row.items() if name != "heard"} for row in looks()]

    assert grade_event(a_settled_day(), [], rows).up == 0


@pytest.mark.parametrize(
    ("down", "clean"), [(0, True), (71, True), (72, False)]
)  # 1439 minutes, of which 95 % are 1367.05
def test_a_clean_day_is_settled_and_up_for_nearly_all_of_it(down, clean):
    found = grade_event(a_settled_day(), [], looks(missing=range(down)))

    assert found.clean(0.95) == clean
    assert not replace(found, settled=False).clean(0.95)


def test_a_day_whose_books_are_open_has_minutes_and_nothing_else():
    day = load_stations().of(NEW_YORK).day(DAY)
    found = open_event("KXHIGHNY-24DEC03", day, looks(missing=range(39)))

    assert (found.minutes, found.up, found.settled, found.source) == (1440, 1400, False, "")
    assert not found.clean(0.0)


def test_what_was_bought_on_paper_on_a_live_day_is_none_of_its_fills():
    paper, live = a_fill(), a_fill(number=2, order="uuid-2")
    settled = a_settled_day(DAY, NEW_YORK, paper, live, source="live")
    (fill,) = grade_event(settled, leans(paper, live), looks()).fills

    assert fill.fill.order_id == "uuid-2"
    assert fill.proof is Proof.QUEUE_CLEARED


def test_garbled_lines_are_a_sentence():
    bought = a_fill()
    settled = a_settled_day(DAY, NEW_YORK, bought)
    for rows, seen in (
        ([{"action": "quote"}], looks()),
        (leans(bought), [{"at": "noon"}]),
        ([row | {"at": 1e30} for row in leans(bought)], []),
    ):
        with pytest.raises(DataError, match="what KXHIGHNY-24DEC03 left is garbled"):
            grade_event(settled, rows, seen)
    with pytest.raises(DataError, match="garbled"):
        open_event("KXHIGHNY-24DEC03", load_stations().of(NEW_YORK).day(DAY), [{"heard": True}])


def test_two_cities_share_a_day_and_the_grade_comes_back_whole(tmp_path):
    store, bought = FolderStore(tmp_path / "artifacts"), a_fill(DAY, MIAMI)
    leave(store, a_settled_day(), [], looks())
    leave(store, a_settled_day(DAY, MIAMI, bought), leans(bought), looks(DAY, MIAMI))
    (day,) = rehearsed(tmp_path).graded()

    assert [one.event for one in day.events] == ["KXHIGHMIA-24DEC03", "KXHIGHNY-24DEC03"]
    assert [len(one.fills) for one in day.events] == [1, 0]
    assert GradedClimateDay.from_bytes(day.to_bytes()) == day


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"schema": "x", "day": "2024-12-03", "events": []}']
)
def test_a_garbled_grade_is_a_sentence(data):
    with pytest.raises(DataError, match="a graded climate day"):
        GradedClimateDay.from_bytes(data)


def test_a_garbled_file_is_named(tmp_path):
    store = FolderStore(tmp_path / "artifacts")
    leave(store, a_settled_day(), [], looks())
    store.write("momentum/KXHIGHNY-24DEC03/settled.json", b"{}")
    with pytest.raises(DataError, match=r"KXHIGHNY-24DEC03/settled.json: a settled day is"):
        rehearsed(tmp_path).graded()
    store.write("momentum/KXHIGHNY-24DEC03/leans/2.jsonl", b'{"action": "quote"}\n')
    with pytest.raises(DataError, match=r"leans/2.jsonl holds a line that is none"):
        read_lines(store, "KXHIGHNY-24DEC03", "leans")
    store.write("momentum/KXHIGHNY-24DEC/features/1.jsonl", b"")
    with pytest.raises(DataError, match="names no day"):
        rehearsed(tmp_path).days()


def test_where_nothing_was_rehearsed_it_says_what_to_run(tmp_path):
    with pytest.raises(DataError, match="rehearse --family temperature first"):
        rehearsed(tmp_path)


def test_the_days_of_a_folder_are_those_rehearsed_and_one_day_may_be_asked_for(tmp_path):
    for days in (0, 7):
        when = DAY + timedelta(days=days)
        store = FolderStore(tmp_path / f"rehearsal/{when}/artifacts")
        leave(store, a_settled_day(when), [], looks(when))
    (tmp_path / "rehearsal/2025-11-04/artifacts/windows").mkdir(parents=True)

    assert rehearsed(tmp_path).days() == (DAY, DAY + timedelta(days=7))
    assert rehearsed(tmp_path / f"rehearsal/{DAY}").days() == (DAY,)


def test_a_stage_looks_for_its_deployed_cities_and_for_all_where_none_is_named(tmp_path):
    store = FolderStore(tmp_path)

    assert of_stage(store, "east").series == series_in("east")
    assert set(series_in("east,central")) < set(of_stage(store, "").series)
    assert not ClimateRecord((store,)).continuous
    with pytest.raises(ConfigurationError, match="no city group 'north'"):
        of_stage(store, "north")


def test_a_daily_table_or_a_grade_without_a_day_is_a_sentence(tmp_path):
    store = FolderStore(tmp_path)
    store.write("daily/temperature_grades/last.json", b"")
    with pytest.raises(DataError, match="has no day"):
        of_stage(store, "east").days()
