"""The fill model: censoring, the pure reader beside the fit, recovery of what was simulated."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.backtest.settings import Settings
from kalshi_alpha.research.fills.fitting import (
    STEP_S,
    curve_rows,
    fit,
    markout_rows,
    predicted,
    product_limit,
)
from kalshi_alpha.research.fills.spells import Spells, spells_of
from kalshi_alpha.trading.fills import FillModel, Place, fill_model_from_json
from tests.made_tapes import pricer_of, quiet, tape_of

TRUTH = FillModel(
    "trade_through", STEP_S, (-1.5, -1.8, 0.5, -0.5, 0.9, 0.4, 0.0, 0.0, -0.3), (0.05, 0.04, -0.01)
)


def spells(count=4, **changed):
    base = {
        "day": np.arange(count) % 2,
        "side": np.arange(count),
        "offset": np.full(count, 3.0),
        "seconds": np.full(count, 300.0),
        "probability": np.full(count, 0.5),
        "spread": np.full(count, 3.0),
        "lasted": np.full(count, 60.0),
        "filled": np.zeros(count, dtype=bool),
        "edge": np.full(count, 0.03),
        "markout_5s": np.full(count, np.nan),
        "markout_30s": np.full(count, np.nan),
        "settled": np.full(count, np.nan),
        "ahead": np.full(count, np.nan),
        "imbalance": np.full(count, np.nan),
    }
    return Spells(**(base | {name: np.asarray(value) for name, value in changed.items()}))


def test_the_product_limit_counts_the_censored_only_while_they_were_there():
    # Of five at 10 s one fills; one leaves at 20 s; of three at 30 s one fills: 1 - 4/5 x 2/3.
    made = spells(
        5,
        lasted=[10.0, 20.0, 30.0, 60.0, 60.0],
        filled=[True, False, True, False, False],
    )

    found = product_limit(made, np.array([5.0, 10.0, 29.0, 60.0]))

    assert found == pytest.approx([0.0, 0.2, 0.2, 1 - 4 / 5 * 2 / 3])


def test_leaving_out_what_is_censored_would_say_too_much():
    made = spells(4, lasted=[10.0, 20.0, 20.0, 20.0], filled=[True, False, False, False])

    assert product_limit(made, np.array([60.0]))[0] == pytest.approx(0.25)
    assert product_limit(made.where(made.filled), np.array([60.0]))[0] == 1.0


def simulated(seed=3, count=30_000, days=40):
    """Return spells whose fills are drawn from TRUTH, some of them censored early."""
    random = np.random.default_rng(seed)
    made = spells(
        count,
        day=np.sort(random.integers(0, days, count)),
        side=random.integers(0, 400, count),
        offset=random.uniform(-1.0, 10.0, count),
        seconds=random.uniform(70.0, 900.0, count),
        probability=random.uniform(0.05, 0.95, count),
        spread=np.where(random.random(count) < 0.3, np.nan, random.uniform(1.0, 10.0, count)),
    )
    end = random.choice([20.0, 40.0, 60.0], count)
    lasted, filled = end.copy(), np.zeros(count, dtype=bool)
    for k in range(12):
        left_by = 1.0 - predicted(TRUTH, made, k * STEP_S)
        chance = 1.0 - (1.0 - predicted(TRUTH, made, (k + 1) * STEP_S)) / left_by
        hit = (random.random(count) < chance) & ~filled & (end >= (k + 1) * STEP_S)
        lasted = np.where(hit, k * STEP_S + 2.0, lasted)
        filled |= hit
    fair = made.edge - 0.05 - 0.04 * made.offset / 10.0 + 0.01 * np.log(made.seconds / 60.0)
    noise = random.normal(0.0, 0.02, count)
    return replace(
        made, lasted=lasted, filled=filled, markout_30s=np.where(filled, fair + noise, np.nan)
    )


def test_the_fit_finds_what_was_simulated():
    found = fit(simulated())

    for ours, truth, error in zip(found.model.hazard, TRUTH.hazard, found.errors, strict=True):
        assert abs(ours - truth) < 4.0 * error + 0.01
    assert found.model.loss == pytest.approx(TRUTH.loss, abs=0.004)
    assert max(found.errors) < 0.2
    assert found.model.untold == ("queue", "imbalance")
    assert found.model.rests_on["offset"] == "trade_through"
    assert found.model.rests_on["queue"] == "nothing"


def test_a_queue_that_is_known_is_fitted_and_says_so():
    random = np.random.default_rng(5)
    made = simulated(count=12_000)
    ahead = random.uniform(0.0, 2000.0, len(made))
    kept = ~(made.filled & (ahead > 1000.0) & (random.random(len(made)) < 0.7))
    made = replace(made, ahead=ahead, imbalance=np.zeros(len(made)), filled=made.filled & kept)

    found = fit(made, evidence="queue_cleared")

    assert found.model.hazard[6] < -4.0 * found.errors[6]
    assert found.model.untold == ()
    assert found.model.rests_on["queue"] == "queue_cleared"


QUEUED = replace(TRUTH, hazard=(*TRUTH.hazard[:6], -0.4, -0.2, -0.3), evidence="queue_cleared")


@pytest.mark.parametrize("horizon", [3.0, 5.0, 20.0, 60.0])
@pytest.mark.parametrize("model", [TRUTH, QUEUED])
def test_the_pure_reader_says_what_the_fit_says(model, horizon):
    made = simulated(count=60)
    ahead = np.where(np.arange(60) % 3 == 0, np.nan, 37.0 * np.arange(60) ** 2)
    made = replace(made, ahead=ahead, imbalance=np.where(ahead > 900.0, np.nan, 0.02 * ahead - 1.0))

    many = predicted(model, made, horizon)

    for k in range(len(made)):
        spread, before, lean = (
            None if np.isnan(each[k]) else float(each[k])
            for each in (made.spread, made.ahead, made.imbalance)
        )
        place = Place(
            float(made.offset[k]),
            float(made.seconds[k]),
            float(made.probability[k]),
            spread,
            before,
            lean,
        )
        assert model.probability(place, horizon) == pytest.approx(many[k], rel=1e-12)


def test_few_fills_are_refused():
    with pytest.raises(DataError, match="0 quotes filled"):
        fit(spells())


def test_curves_and_markouts_come_with_counts_and_intervals():
    made = replace(simulated(count=4000), settled=np.full(4000, 0.01))

    curve = curve_rows(made, np.array([5.0, 60.0]))[0]
    assert curve["by"]["5"] < curve["by"]["60"]
    assert 0 < curve["error"] < 0.2
    row = markout_rows(made)[-1]
    assert row["fills"] == int(made.filled.sum())
    assert row["settled"] == pytest.approx(0.01)
    assert row["markout_30s_low"] < row["markout_30s"] < row["markout_30s_high"]


def test_an_imagined_quote_ends_with_the_first_trade_through_it():
    rows = [*quiet(), {"left": 285.0, "market": 2, "sold": 2200}]
    made = spells_of([pricer_of(tape_of(rows))], Settings(), start_s=300.0)

    market_two_bid = made.side == 4
    first = made.where(market_two_bid & (made.seconds == 300.0))
    prices = np.rint(100 * first.probability - first.offset)
    # At 25 cents somebody sells every ten seconds, and once at 22.
    assert first.filled.tolist() == [bool(p > 22) for p in prices]
    lasted = dict(zip(prices.tolist(), first.lasted.tolist(), strict=True))
    assert lasted[max(lasted)] == pytest.approx(10.25)
    assert all(last == 15.25 for price, last in lasted.items() if 22 < price <= 25)
    assert all(last == 60.0 for price, last in lasted.items() if price <= 22)


def test_nothing_is_imagined_beyond_the_pull():
    made = spells_of([pricer_of(tape_of(quiet()))], Settings(), start_s=300.0)

    assert (made.lasted <= made.seconds - 2.25).all()
    late = made.where(made.seconds == 30.0)
    assert len(late)
    assert late.lasted.max() <= 27.75


@pytest.mark.shared_data
def test_the_command_fits_and_its_file_is_read_again(run, shared_data, tmp_path):
    bars = [shared_data / name / "bars.parquet" for name in ("spx_1m", "spx_5m")]
    said = run(
        "fills", "fit", "--series", "KXINXU", "--data",
        shared_data / "kalshi_inx_trades" / "above_1s.parquet", "--bars", *bars,
        "--from", "2026-01-05", "--to", "2026-01-16", "--out", "o",
    )  # fmt: skip

    assert said.code == 0, said.err
    found = json.loads((tmp_path / "o" / "fills.json").read_text())
    model = fill_model_from_json(found)
    assert model.evidence == "trade_through"
    assert found["check"]["calibration"]
    near, far = (model.probability(Place(x, 240.0, 0.5, 3.0), 60.0) for x in (1.0, 9.0))
    assert near > far
    assert "Kaplan" in (tmp_path / "o" / "fills.md").read_text()
