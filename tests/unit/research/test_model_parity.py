"""The law for many decisions at once is the live law, case by case, to the last digits."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from kalshi_alpha.families.index import terminal_law
from kalshi_alpha.markets.contracts import Payoff
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.ladder import probabilities
from kalshi_alpha.pricing.parameters import (
    KINDS,
    Drift,
    IndexParameters,
    Shape,
    load_parameters,
    shipped_parameters,
)
from kalshi_alpha.pricing.reading import Reading, Realised, RealisedMeter, bar_variance
from kalshi_alpha.pricing.table import student_table
from kalshi_alpha.pricing.variance import RegimeMix, VarianceCurve, forecast
from kalshi_alpha.research.model.forecast import probabilities_above, scales
from kalshi_alpha.research.model.measured import Measured
from tests.made_parameters import made_parameters, made_part

# The second is a day of the Federal Reserve's decision.
DAYS = (date(2025, 10, 28), date(2025, 10, 29), date(2025, 10, 30))
FOMC = 1
CLOSE = 390.0
EXACT = 1e-9
LEVEL = 6_800.0
WAVE = np.exp(0.8 * np.cos(np.arange(390) / 62.0))
CURVE = VarianceCurve(tuple(float(x) for x in WAVE / WAVE.sum()))


def parts() -> dict[str, IndexParameters]:
    """Two parts that differ in everything, both with an event, odd weights and four shapes."""
    shapes = tuple(
        Shape(up_to, stretch, student_table(freedom, reach=100.0, step=0.5))
        for up_to, stretch, freedom in (
            (2.0, 0.93, 4.0),
            (7.5, 0.97, 6.0),
            (12.5, 1.04, 9.0),
            (60.0, 1.11, 15.0),
        )
    )
    hourly = made_part(
        level=2.2e-5,
        minute_ratio=0.74,
        curve=CURVE,
        events={"fomc": (1.0,) * 9 + (1.4, 10.4, 10.7, 3.5), "cpi": (1.7,) + (1.0,) * 12},
        mix=RegimeMix(1.39, 0.42, 0.38, 0.26, 1.0, 0.02, 200.0),
        shapes=shapes,
    )
    close = replace(
        hourly,
        level=4.6e-5,
        minute_ratio=0.55,
        mix=RegimeMix(1.02, 0.33, 0.29, 0.31, 4.0, 0.3, 3.0),  # bounds that bind
        shapes=shapes[1:],
        events={"fomc": (1.0,) * 9 + (2.0, 5.0, 7.0, 3.0)},
    )
    return {"hourly": hourly, "close": close}


def sessions(step: int, *, seed: int = 3) -> Measured:
    """Sessions that wander, each by its own liveliness; the last one wildly at noon."""
    random = np.random.default_rng(seed)
    bars = 390 // step
    lively = np.array([0.4, 1.0, 3.0])[:, None] * np.ones(bars)
    lively[2, bars // 2 : bars // 2 + 10] *= 400.0
    shares = np.array(CURVE.shares).reshape(bars, step).sum(axis=1)
    variance = 2.2e-5 * lively * shares * random.lognormal(0.0, 0.8, (3, bars))
    moves = random.normal(size=(3, bars)) * np.sqrt(variance)
    logs = math.log(LEVEL) + np.pad(np.cumsum(moves, axis=1), ((0, 0), (1, 0)))
    return Measured("SPX", step, DAYS, logs, variance, 0)


def realised(measured: Measured, day: int, start: float) -> Realised:
    """Return what a meter would say that measured what the bars did, bar by bar."""
    seen = math.floor(start / measured.step)
    bars = [float(x) for x in measured.bars[day, :seen]]
    return Realised(
        minutes=seen * measured.step,
        since_open=math.fsum(bars),
        last_30=math.fsum(bars[-(30 // measured.step) :]),
        last_10=math.fsum(bars[-(10 // measured.step) :]),
    )


def live_scale(
    part: IndexParameters, kind: str, measured: Measured, day: int, start: float, end: float
) -> float:
    """Return the scale of the live law, settlement basis zero, for one decision."""
    session = load_sessions().on(measured.days[day])
    assert session is not None
    now, fixing = (session.open + timedelta(minutes=each) for each in (start, end))
    bare = replace(part, basis=0.0)
    reading = Reading(measured.symbol, LEVEL, now, 0.0, 0.0, realised(measured, day, start))
    both = made_parameters(**{"hourly": None, "close": None} | {kind: bare})
    return terminal_law(reading, both, fixing, now, session).scale


def horizons(kind: str, step: int) -> list[tuple[int, float, float]]:
    """Return decisions of all days: on bars' ends, and for minutes also between them."""
    ends = (CLOSE,) if kind == "close" else (30.0, 90.0, 150.0, 270.0, 330.0)
    before = (30.0, 25.0, 20.0, 15.0, 10.0, 5.0)
    if step == 1:
        before += (29.5, 12.5, 7.5, 2.0, 1.75, 1.0, 0.25, 1 / 32)
    return [
        (day, end - minutes, end) for day in range(len(DAYS)) for end in ends for minutes in before
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [1, 5])
def test_the_scales_are_the_live_laws(kind: str, step: int) -> None:
    measured, cases = sessions(step), horizons(kind, step)
    # Only one-minute bars are compared as the live meter's minutes are.
    part = parts()[kind] if step == 1 else replace(parts()[kind], minute_ratio=1.0)
    day, start, end = (np.array(column) for column in zip(*cases, strict=True))

    found = scales(parts()[kind], measured, day, start, end)

    assert found == pytest.approx(
        [live_scale(part, kind, measured, *case) for case in cases], rel=EXACT
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_scales_are_the_roots_of_the_live_forecast_stretched(kind: str) -> None:
    measured, cases = sessions(1), horizons(kind, 1)
    part = parts()[kind]
    day, start, end = (np.array(column) for column in zip(*cases, strict=True))
    expected = []
    for one, begin, finish in cases:
        session = load_sessions().on(DAYS[one])
        assert session is not None
        now, fixing = (session.open + timedelta(minutes=each) for each in (begin, finish))
        ahead = forecast(part, realised(measured, one, begin), session, now, fixing)
        expected.append(part.shape(finish - begin).stretch * math.sqrt(ahead))

    assert scales(part, measured, day, start, end) == pytest.approx(expected, rel=EXACT)


@pytest.mark.parametrize("kind", KINDS)
def test_an_events_afternoon_is_in_the_scales(kind: str) -> None:
    measured = sessions(1)
    part = parts()[kind]
    calm = replace(part, events={})
    start = np.array([300.0, 300.0, 60.0])
    end, day = start + 15.0, np.array([FOMC, 0, FOMC])

    ratio = scales(part, measured, day, start, end) / scales(calm, measured, day, start, end)

    assert ratio[0] > 1.5
    assert ratio[1] == 1.0
    assert ratio[2] == pytest.approx(1.0, rel=EXACT)  # the morning of the day


def test_the_bounds_of_the_regime_bind_in_both() -> None:
    measured = sessions(1)
    part = parts()["close"]
    wild, calm = (replace(measured, bars=measured.bars * factor) for factor in (1_000.0, 1e-9))
    for bars, bound in ((wild, 3.0), (calm, 0.3)):
        found = scales(part, bars, np.array([0]), np.array([360.0]), np.array([CLOSE]))
        usual = part.level * sum(part.curve.shares[360:])
        assert found[0] == pytest.approx(1.11 * math.sqrt(usual * bound), rel=EXACT)
        assert found[0] == pytest.approx(
            live_scale(part, "close", bars, 0, 360.0, CLOSE), rel=EXACT
        )


def test_no_bar_after_the_decision_is_looked_at() -> None:
    measured = sessions(1)
    part = parts()["hourly"]
    day, start, end = np.array([2]), np.array([147.5]), np.array([150.0])
    later = measured.bars.copy()
    later[2, 147:] = np.nan  # the minute that is under way is not over either

    cut = replace(measured, bars=later)

    assert scales(part, cut, day, start, end) == scales(part, measured, day, start, end)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("basis", [0.0, 0.2])
def test_the_probabilities_are_the_live_laws(kind: str, basis: float) -> None:
    measured = sessions(1)
    part = replace(parts()[kind], basis=basis)
    both = made_parameters(**{"hourly": None, "close": None} | {kind: part})
    end = CLOSE if kind == "close" else 330.0
    strike = 6_795.0
    for day in range(len(DAYS)):
        session = load_sessions().on(DAYS[day])
        assert session is not None
        starts = end - np.array([30.0, 12.5, 5.0, 1.5, 0.25])
        levels = np.exp(measured.logs[day, np.floor(starts).astype(int)])
        found = probabilities_above(
            part, measured, day, starts, end, levels, np.full(5, strike), basis=basis
        )
        fixing = session.open + timedelta(minutes=end)
        for start, level, probability in zip(starts, levels, found, strict=True):
            now = session.open + timedelta(minutes=float(start))
            seen = realised(measured, day, float(start))
            reading = Reading("SPX", float(level), now, 0.0, 0.0, seen)
            law = terminal_law(reading, both, fixing, now, session)
            assert probability == pytest.approx(law.sf(strike), rel=1e-9)


def test_what_a_feed_of_seconds_measures_gives_the_scale_of_its_minute_bars() -> None:
    """The whole way: a meter fed each second, against bars drawn from the same seconds."""
    random = np.random.default_rng(11)
    session = load_sessions().on(DAYS[0])
    assert session is not None
    seconds = math.log(LEVEL) + np.cumsum(random.normal(0.0, 3e-5, 150 * 60))
    meter = RealisedMeter(session.open, session.close)
    for k, log in enumerate(seconds):
        meter.observe(session.open + timedelta(seconds=k), math.exp(float(log)))
    minutes = seconds.reshape(150, 60)
    bars = np.zeros((1, 390))
    bars[0, :150] = [bar_variance(m[0], m.max(), m.min(), m[-1]) for m in minutes]
    logs = np.zeros((1, 391))
    measured = Measured("SPX", 1, DAYS[:1], logs, bars, 0)
    part = parts()["hourly"]
    now = session.open + timedelta(minutes=140)
    reading = Reading("SPX", LEVEL, now, 0.0, 0.0, meter.realised(now))

    law = terminal_law(
        reading,
        made_parameters(replace(part, basis=0.0), None),
        session.open + timedelta(minutes=150),
        now,
        session,
    )

    found = scales(part, measured, np.array([0]), np.array([140.0]), np.array([150.0]))
    assert found[0] == pytest.approx(law.scale, rel=EXACT)


@pytest.mark.parametrize("symbol", ["SPX", "NDX"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_shipped_parameters_give_the_same_both_ways(symbol: str, kind: str) -> None:
    data = shipped_parameters(date(2025, 11, 4))
    part = load_parameters(data, date(2025, 11, 4))[symbol].part(at_close=kind == "close")
    measured, cases = replace(sessions(1), symbol="SPX"), horizons(kind, 1)
    day, start, end = (np.array(column) for column in zip(*cases, strict=True))

    found = scales(part, measured, day, start, end)

    assert part.drift == Drift(0.0, 0.25)
    assert found == pytest.approx(
        [live_scale(part, kind, measured, *case) for case in cases], rel=EXACT
    )


def test_a_ladder_of_the_live_law_and_the_many_at_once_agree_on_ticks() -> None:
    """A contract that pays above a strike pays from half a tick above it on."""
    measured = sessions(1)
    part = parts()["hourly"]
    session = load_sessions().on(DAYS[0])
    assert session is not None
    now, fixing = (session.open + timedelta(minutes=each) for each in (140.0, 150.0))
    reading = Reading("SPX", LEVEL, now, 0.0, 0.0, realised(measured, 0, 140.0))
    law = terminal_law(reading, made_parameters(part, None), fixing, now, session)
    ticks = [679_000 + 250 * k for k in range(9)]

    live = list(probabilities(law, [Payoff(tick, None) for tick in ticks], 100))

    many = probabilities_above(
        part,
        measured,
        0,
        np.full(9, 140.0),
        150.0,
        np.full(9, LEVEL),
        np.array([(tick - 0.5) / 100 for tick in ticks]),
        basis=part.basis,
    )
    assert many == pytest.approx(live, rel=EXACT)
