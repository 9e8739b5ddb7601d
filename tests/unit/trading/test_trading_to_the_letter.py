"""Edges of the trading rules that whole runs of mistakes have shown to be nobody's business."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum

import pytest
from test_drift import FITTED, LIMITS, TODAY, judged, laws
from test_lifecycle import NOW, at, live
from test_match import WINDOW, order, target
from test_plan import CAPS, RICH, A, B, ask, bid, codes, decide

from kalshi_alpha.errors import DataError, InvariantBroken
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.drift import LawOutcome, fit_of
from kalshi_alpha.trading.gates import Allow
from kalshi_alpha.trading.lifecycle import State, step
from kalshi_alpha.trading.match import Cancel, Create, reconcile
from kalshi_alpha.trading.order_events import (
    Acked,
    Blocked,
    Changed,
    Filled,
    Refused,
    Seen,
    Unclear,
)
from kalshi_alpha.trading.plan import TargetQuote
from kalshi_alpha.trading.queue import WorkQueue
from kalshi_alpha.trading.why import canonical_json


@pytest.mark.parametrize("period", ["day", "week"])
def test_what_is_chosen_first_uses_up_the_day_and_the_week(period):
    caps = replace(CAPS, **{f"max_loss_per_{period}": 1_000_000})
    decisions = decide(bid(A, 0.60), bid(B, 0.62), caps=caps)

    assert codes(decisions) == [f"loss-cap-{period}", "quote"]
    assert "$0.490000 is left" in decisions[0].verdict.reason


@pytest.mark.parametrize("period", ["day", "week"])
def test_a_loss_of_the_period_narrows_what_is_left(period):
    lost = {"day": "lost_today", "week": "lost_this_week"}[period]
    caps = replace(CAPS, **{f"max_loss_per_{period}": 1_000_000})

    exposure = replace(RICH, **{lost: 600_000})
    (refused,) = decide(bid(A, 0.60), caps=caps, exposure=exposure)

    assert codes([refused]) == [f"loss-cap-{period}"]
    assert "$0.400000 is left" in refused.verdict.reason


def test_what_is_held_leaves_its_part_of_the_largest_size():
    caps = replace(CAPS, max_size=500, max_loss_per_strike=40_000_000)
    caps = replace(caps, max_loss_per_window=40_000_000)
    held = replace(RICH, positions={A.ticker: -300}, at_risk={A.ticker: 0}, bankroll=10**10)

    (short,) = decide(ask(A, 0.30), caps=caps, exposure=held)

    assert short.sizing.bound_by == "max-size"
    assert short.target.size == 200


@pytest.mark.parametrize("price", [1, 9999])
@pytest.mark.parametrize("probability", [0, 1_000_000])
def test_a_target_at_the_ends_of_its_domain_travels(price, probability):
    quote = TargetQuote("M", Side.ASK, price, 1, 0, probability, -5)

    assert TargetQuote.from_json(quote.to_json()) == quote


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", 0), ("price", 10_000), ("size", 0), ("size", 10**15 + 1), ("level", -1),
        ("probability_ppm", -1), ("probability_ppm", 1_000_001), ("ev", -(10**15) - 1),
        ("ev", 10**400),
    ],
)  # fmt: skip
def test_a_target_outside_its_domain_is_refused(name, value):
    document = TargetQuote("M", Side.BID, 4500, 100, 0, 500_000, 70_000).to_json()

    with pytest.raises(DataError):
        TargetQuote.from_json(document | {name: value})


def test_the_smallest_step_towards_the_other_side_is_placed_anew():
    actions = reconcile(WINDOW, [target(price=4501)], [order()])

    assert [type(action) for action in actions] == [Cancel, Create]


NOT_AMENDED = set(State) - {State.RESTING, State.PARTLY_FILLED}
NOT_ASKED = {State.INTENDED, State.FILLED, State.CANCELED, State.EXPIRED, State.REJECTED}


@pytest.mark.parametrize(
    ("state", "event"),
    [
        *((state, Changed(NOW, 4400, 100)) for state in sorted(NOT_AMENDED)),
        *((state, Unclear()) for state in sorted(NOT_ASKED)),
        *((state, Acked("o1", 4500, 0, 100)) for state in sorted(set(State) - {State.SENT})),
        *((state, Refused()) for state in sorted(set(State) - {State.SENT})),
        *((state, Blocked()) for state in sorted(set(State) - {State.INTENDED, State.SENT})),
        *((state, Seen(live())) for state in (State.INTENDED, State.REJECTED)),
        *((state, Filled("t9", 1)) for state in (State.INTENDED, State.REJECTED)),
    ],
)
def test_what_cannot_happen_to_an_order_in_its_state_is_told(state, event):
    with pytest.raises(InvariantBroken, match=f"is {state} and cannot have been"):
        step(at(state), event)


def test_a_listing_that_counts_more_than_was_asked_for_is_told():
    with pytest.raises(InvariantBroken, match=r"no more than 1\.00 was asked for"):
        step(at(State.RESTING), Seen(live(filled=101, remaining=0)))


def test_a_queue_of_one_place_and_one_try_is_one():
    queue = WorkQueue(capacity=1, tries=1)

    assert queue.push("create") is None
    assert queue.push("cancel") is not None
    waiting = queue.pop()
    assert waiting is not None
    assert queue.again(waiting) is not None


@pytest.mark.parametrize("pit", [0.0, 1.0])
def test_a_law_whose_every_draw_lay_on_one_side_is_a_record(pit):
    assert LawOutcome(date(2026, 2, 3), 1e-3, 0.0, pit).pit == pit


def test_as_many_days_and_laws_as_are_needed_are_enough():
    assert fit_of(laws(4), replace(LIMITS, fewest_days=4, fewest_laws=8)) is not None
    assert fit_of(laws(4), replace(LIMITS, fewest_days=5)) is None
    assert fit_of(laws(4), replace(LIMITS, fewest_laws=9)) is None


def test_the_oldest_day_and_today_count():
    far = laws(4, size=3.0, last=TODAY - timedelta(days=LIMITS.days - 3))
    here = laws(4, size=3.0)

    for found in (judged(far), judged(here, as_of=FITTED - timedelta(days=3))):
        assert found != Allow()
    assert judged([one for one in far if one.day > TODAY - timedelta(days=LIMITS.days)]) == Allow()


def test_a_member_of_any_enumeration_is_written_as_its_value():
    class Colour(Enum):
        RED = "red"

    at_noon = datetime(2026, 2, 3, 17, tzinfo=UTC)
    assert canonical_json({"a": Colour.RED, "at": at_noon}) == (
        '{"a":"red","at":"2026-02-03T17:00:00Z"}'
    )
