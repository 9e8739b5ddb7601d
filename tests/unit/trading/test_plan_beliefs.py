"""Kelly's stake is cut by what the fills of a quote's bin have earned."""

from dataclasses import replace
from datetime import date

from trading_samples import CAPS, FREE, QUOTING, contract, top

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.candidate_gates import Moment
from kalshi_alpha.trading.candidates import candidate
from kalshi_alpha.trading.gates import Refuse
from kalshi_alpha.trading.honesty import BinWeight, Honesty, HonestyView, bin_key
from kalshi_alpha.trading.plan import Exposure, choose

MOMENT = Moment(level=6840.0, ticks_per_point=100, seconds_to_fixing=180.0)
KEY = bin_key("index", "above", 0.60, 180.0, Side.BID)
WIDE = replace(CAPS, max_size=10_000, max_loss_per_strike=10**9, max_loss_per_window=10**9)
WIDE = replace(WIDE, max_loss_per_day=10**9, max_loss_per_week=10**9)


def decided(belief, caps=WIDE, bankroll=10_000_000):
    seen = candidate(contract(), Side.BID, 0.60, top(5000, 5500), FREE, QUOTING)
    artifact = Honesty({}, "", date.min, date.max, {KEY: belief})
    view = HonestyView(artifact, "index", "above", 180.0)
    (found,) = choose([seen], MOMENT, caps, QUOTING, Exposure(bankroll), honesty=view)
    return found


def test_a_bin_that_is_fully_believed_takes_all_of_the_tempered_stake():
    # Kelly is 0.09 / 0.49; a quarter of it of 100 dollars is 4.59, nine contracts of 0.51
    found = decided(BinWeight(1.0), bankroll=100_000_000)
    assert (found.sizing.bound_by, found.sizing.size) == ("kelly", 900)


def test_half_a_belief_is_half_a_stake_and_one_contract_survives_where_kelly_is_large():
    half = decided(BinWeight(0.5, reason="earned half"), bankroll=100_000_000)
    assert (half.sizing.bound_by, half.sizing.size) == ("honesty", 400)

    one = decided(BinWeight(0.2, reason="earned little"), caps=CAPS, bankroll=100_000_000)
    assert (one.sizing.bound_by, one.target.size) == ("honesty", 100)


def test_a_cap_on_a_bin_is_a_cap_on_its_quote():
    found = decided(BinWeight(1.0, cap=200, reason="few fills"), bankroll=100_000_000)
    assert (found.sizing.bound_by, found.sizing.size) == ("honesty", 200)


def test_a_belief_that_leaves_less_than_a_contract_refuses_with_its_reason():
    found = decided(BinWeight(0.05, reason="fills lost 3 cents", n=40), bankroll=100_000_000)

    assert isinstance(found.verdict, Refuse)
    assert found.verdict.code == "size-honesty"
    assert found.verdict.reason.endswith("less than one contract: fills lost 3 cents")
    assert found.verdict.evidence["n"] == 40


def test_a_bin_that_is_switched_off_refuses_before_anything_is_sized():
    found = decided(BinWeight(0.0, reason="fills lost 9 cents", n=80))

    assert isinstance(found.verdict, Refuse)
    assert (found.verdict.code, found.sizing) == ("honesty", None)
    assert KEY in found.verdict.reason
