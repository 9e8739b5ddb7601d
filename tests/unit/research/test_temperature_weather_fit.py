"""The fit of the weather law: known truths are recovered, and nothing looks ahead."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.families.temperature_book import load_parameters
from kalshi_alpha.markets.climate_day import ClimateDay
from kalshi_alpha.pricing.high_law import HighLaw
from kalshi_alpha.research.macro.study import scores
from kalshi_alpha.research.temperature.weather_fit import (
    fit_book,
    sentence_of,
    sentences_of_proof,
    start,
    table_of_days,
    table_of_hours,
)
from kalshi_alpha.research.temperature.weather_highs import Highs, fit_climate, load_highs
from kalshi_alpha.research.temperature.weather_hours import (
    Hourly,
    between_hours,
    fit_diurnal,
    load_hourly,
    load_reports,
)
from kalshi_alpha.research.temperature.weather_leads import (
    FORECAST_OVER_MARKET,
    Implied,
    implied_means,
    lead_errors,
)
from kalshi_alpha.research.temperature.weather_proof import Agreement, agreement
from kalshi_alpha.research.temperature.weather_scores import (
    crps,
    crps_by_hour,
    own_law,
    scores_by_hour,
    scores_elsewhere,
    study_of_days,
)

FIRST = date(2020, 1, 1).toordinal()
TRUE_MEAN = (65.0, -20.0, -7.0, 0.0, 0.0)


def made_highs(days, station="KNYC", seed=7, persistence=0.6):
    """Return highs of a known season, spread and persistence."""
    random = np.random.default_rng(seed)
    day = FIRST + np.arange(days)
    of_year = np.array([date.fromordinal(int(d)).timetuple().tm_yday for d in day])
    one = 2 * np.pi * of_year / 365.25
    mean = TRUE_MEAN[0] + TRUE_MEAN[1] * np.cos(one) + TRUE_MEAN[2] * np.sin(one)
    spread = np.exp(2.0 + 0.2 * np.cos(one))
    z = np.empty(days)
    z[0] = random.standard_normal()
    for k in range(1, days):
        narrow = math.sqrt(1 - persistence**2)
        z[k] = persistence * z[k - 1] + narrow * random.standard_normal()
    return Highs(station, day, np.round(mean + spread * z))


def test_a_known_season_and_persistence_are_recovered():
    found = fit_climate(made_highs(2200))

    assert found.mean[0] == pytest.approx(65.0, abs=0.8)
    assert found.mean[1] == pytest.approx(-20.0, abs=1.1)
    assert found.mean[2] == pytest.approx(-7.0, abs=1.1)
    assert found.log_spread[0] == pytest.approx(2.0, abs=0.05)
    assert found.log_spread[1] == pytest.approx(0.2, abs=0.07)
    assert found.persistence == pytest.approx(0.6, abs=0.05)
    assert found.freedom > 12


def test_a_known_skew_is_recovered_and_the_law_with_it_beats_the_even_one():
    random = np.random.default_rng(11)
    even = made_highs(1500, persistence=0.0)
    longer_below = -np.log(random.uniform(size=1500))  # an exponential: far out on one side alone
    skewed = Highs("KMIA", even.day, np.round(85.0 - 4.0 * longer_below))
    found = fit_climate(skewed)

    assert found.skew < 0.6
    assert 0.9 < fit_climate(even).skew < 1.1
    own = own_law(skewed, start(made_hours()))
    assert own.even.low > 0.01
    assert 0.05 < own.lower < 0.15
    assert "CRPS" in sentence_of(own)


def test_a_gap_of_days_carries_no_persistence():
    whole = made_highs(1600)
    every_third = Highs("KNYC", whole.day[::3], whole.degrees[::3])
    found = fit_climate(every_third)
    assert found.persistence == pytest.approx(0.5)  # where it began: nothing speaks of it
    assert found.log_spread[0] == pytest.approx(2.0, abs=0.08)


def test_a_season_of_a_few_months_is_refused():
    with pytest.raises(DataError, match="200 highs of KNYC are known; 250 are needed"):
        fit_climate(made_highs(200))


def test_the_fit_before_a_day_does_not_change_with_what_came_after():
    whole = made_highs(900)
    day = date.fromordinal(FIRST + 700)
    changed = Highs("KNYC", whole.day, np.where(whole.day < FIRST + 700, whole.degrees, 0.0))
    assert fit_climate(whole.before(day)) == fit_climate(changed.before(day))


def test_the_recorded_highs_are_read_by_thermometer_and_others_passed_over(tmp_path):
    table = pa.table(
        {
            "city": ["NYC", "NYC", "CHI", "MIA"],
            "station_id": [
                "GHCND:USW00094728",
                "GHCND:USW00094728",
                "GHCND:USW00094846",
                "GHCND:USW00012839",
            ],
            "date": [date(2024, 1, 2), date(2024, 1, 1), date(2024, 1, 1), date(2024, 1, 1)],
            "tmax_f": pa.array([41.0, 40.0, 30.0, None], pa.float32()),
        }
    )
    pq.write_table(table, tmp_path / "ghcnd_daily_high.parquet")
    found = load_highs(tmp_path)

    assert list(found) == ["KNYC"]
    assert found["KNYC"].degrees.tolist() == [40.0, 41.0]
    twice = pa.concat_tables([table, table])
    pq.write_table(twice, tmp_path / "ghcnd_daily_high.parquet")
    with pytest.raises(DataError, match="gives 2024-01-02 of KNYC twice"):
        load_highs(tmp_path)
    with pytest.raises(DataError, match="cannot be read"):
        load_highs(tmp_path / "nowhere")


def made_hours(days=180, seed=3):
    """Return days that warm towards 14:00, more in summer, with a level of their own."""
    random = np.random.default_rng(seed)
    hours = np.arange(25)
    shape = 6.0 * np.cos(2 * np.pi * (hours - 14) / 24)
    day = FIRST + 2 * np.arange(days)
    level = 60.0 + 4.0 * random.standard_normal(days)
    noise = 0.5 * random.standard_normal((days, 25))
    return Hourly(day, np.zeros(days, dtype=np.int64), level[:, None] + shape + noise, 0)


def test_the_curves_of_known_days_are_recovered():
    found = fit_diurnal(made_hours(), 0.3)

    assert found.rise.mid[2] == pytest.approx(12.0, abs=0.8)
    assert found.rise.mid[8] == pytest.approx(6.0, abs=0.8)
    assert found.drop.mid[10] == pytest.approx(0.0, abs=0.05)
    assert found.gap.mid[14] == pytest.approx(0.3, abs=0.3)
    assert found.gap.mid[24] == pytest.approx(11.3, abs=1.0)
    assert found.step.mid[8] == pytest.approx(1.5, abs=0.3)
    assert found.still.mid[4] == 1.0
    assert found.still.mid[14] < 0.7
    assert found.still.mid[24] == 0.0
    assert found.together == 0.3


def test_few_days_make_no_curve():
    with pytest.raises(DataError, match="59 whole days are too few"):
        fit_diurnal(made_hours(59))


def test_what_lies_between_full_hours_is_extrapolated_from_looking_less_often():
    random = np.random.default_rng(5)
    walk = np.cumsum(random.standard_normal((4000, 288)) / math.sqrt(12.0), axis=1)
    smooth = 6.0 * np.cos(2 * np.pi * (np.arange(288) / 12 - 14) / 24)
    fine = smooth + 0.7 * walk
    hourly = np.column_stack([fine[:, 0], fine[:, 11::12]])
    days = Hourly(np.arange(4000), np.zeros(4000, dtype=np.int64), hourly, 0)
    true = float((fine.max(axis=1) - hourly[:, 1:].max(axis=1)).mean())

    assert between_hours(days) == pytest.approx(true, rel=0.3)


def test_hours_are_laid_at_the_end_of_their_report_and_days_with_a_hole_left_out(tmp_path):
    file = tmp_path / "hours.csv"
    begin = datetime(2013, 7, 1, 4, tzinfo=UTC)  # 23:00 standard time of the day before
    with file.open("w", newline="") as lines:
        rows = csv.writer(lines)
        rows.writerow(["origin", "time_hour", "temp"])
        for k in range(60):
            at = (begin + timedelta(hours=k)).strftime("%Y-%m-%dT%H:%M:%SZ")
            rows.writerow(["LGA", at, "NA" if k == 40 else f"{50 + k}"])
            rows.writerow(["XXX", at, "0"])
    found = load_hourly(file, {"LGA": -5})

    assert [date.fromordinal(int(d)) for d in found.day] == [date(2013, 7, 1)]
    assert found.degrees[0].tolist() == [50.0 + k for k in range(25)]
    assert found.incomplete == 3
    file.write_text("origin,time_hour,temp\n")
    with pytest.raises(DataError, match="no day with all its hours"):
        load_hourly(file, {"LGA": -5})
    file.write_text("origin,temp\nLGA,3\n")
    with pytest.raises(DataError, match="cannot be read"):
        load_hourly(file, {"LGA": -5})


def test_of_a_stations_reports_the_routine_ones_make_its_hours(tmp_path):
    begin = datetime(2018, 1, 2, 4, 51, tzinfo=UTC)
    stamps = [begin + timedelta(hours=k) for k in range(26)]
    special = begin + timedelta(hours=3, minutes=20)
    table = pa.table(
        {
            "ts_utc": pa.array([*stamps, special], pa.timestamp("us", "UTC")),
            "temp_f": [*(30.0 + k for k in range(26)), 99.0],
        }
    )
    pq.write_table(table, tmp_path / "reports.parquet")
    found = load_reports(tmp_path / "reports.parquet", -5)

    assert [date.fromordinal(int(d)) for d in found.day] == [date(2018, 1, 2)]
    assert found.degrees[0].tolist() == [30.0 + k for k in range(25)]
    with pytest.raises(DataError, match="cannot be read"):
        load_reports(tmp_path / "none.parquet", -5)


def trades(rows):
    """Return a table of trades from (day, strike, hours before the day's end, cents)."""
    end = {day: ClimateDay(date.fromisoformat(day), -5).end for day, *_ in rows}
    stamps = [end[day] - timedelta(hours=hours) for day, _, hours, _ in rows]
    return pa.table(
        {
            "event_day": [day for day, *_ in rows],
            "ticker": [
                f"KXHIGHNY-{date.fromisoformat(day):%y%b%d}-{strike}".upper()
                for day, strike, *_ in rows
            ],
            "ts_utc": pa.array(stamps, pa.timestamp("us", "UTC")),
            "yes_price": pa.array([cents for *_, cents in rows], pa.int64()),
        }
    )


STRIKES = ("T70", "B70.5", "B72.5", "B74.5", "B76.5", "T77")


def test_the_implied_mean_is_that_of_the_last_prices_before_each_lead(tmp_path):
    day = "2024-07-09"
    early = [(day, strike, 36, 50 if strike == "B72.5" else 1) for strike in STRIKES[:5]]
    late = [(day, "B74.5", 20, 95), (day, "B72.5", 20, 1), (day, "T77", 17, 99)]
    other = [("2024-07-10", strike, 36, 20) for strike in STRIKES[:3]]
    file = tmp_path / "trades.parquet"
    pq.write_table(trades(early + late + other), file)
    (found,) = implied_means(file, -5)

    assert found.day == date(2024, 7, 9)
    assert set(found.mean) == {18.0, 26.0, 34.0}
    weights = np.array([1, 1, 50, 1, 1, 2])
    middles = np.array([68.5, 70.5, 72.5, 74.5, 76.5, 78.5])
    assert found.mean[26.0] == pytest.approx(weights @ middles / weights.sum())
    weights = np.array([1, 1, 1, 95, 1, 2])
    assert found.mean[18.0] == pytest.approx(weights @ middles / weights.sum())


def test_trades_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        list(implied_means(tmp_path / "none.parquet", -5))


def test_a_forecasts_error_is_the_markets_and_a_tenth_more_and_never_falls_with_the_lead():
    random = np.random.default_rng(2)
    highs = made_highs(400)
    implied = [
        Implied(
            date.fromordinal(int(day)),
            {
                18.0: degrees + 2.0 * random.standard_normal(),
                26.0: degrees + 1.0 * random.standard_normal(),
                34.0: degrees + 3.0 * random.standard_normal(),
            },
        )
        for day, degrees in zip(highs.day, highs.degrees, strict=True)
    ]
    leads, freedom = lead_errors(highs, implied)

    assert [one.hours for one in leads] == [18.0, 26.0, 34.0]
    assert leads[0].spread == pytest.approx(2.0 * FORECAST_OVER_MARKET, rel=0.1)
    assert leads[1].spread == leads[0].spread
    assert leads[2].spread == pytest.approx(3.0 * FORECAST_OVER_MARKET, rel=0.1)
    assert freedom > 8
    with pytest.raises(DataError, match="5 events of KNYC reach 18 hours back"):
        lead_errors(highs, implied[:5])


def test_a_score_of_a_sure_law_is_its_distance_and_of_a_sure_hit_nothing():
    assert crps(HighLaw(None, ((80, 1.0),)), 80) == pytest.approx(0.0, abs=1e-12)
    assert crps(HighLaw(None, ((80, 1.0),)), 83) == pytest.approx(3.0)
    assert crps(HighLaw(None, ((80, 0.5), (82, 0.5))), 80) == pytest.approx(0.5)


def test_with_persistence_in_the_days_ours_beats_season_climatology_and_yesterday():
    study = study_of_days(made_highs(1400), start(made_hours()))
    rows = {row.model: row for row in scores(study)}

    assert rows["season"].gain.low > 0.1
    assert rows["climatology"].gain.low > 0.1
    assert rows["yesterday"].gain.low > 0.0
    assert 0.7 < rows["ours"].inside.estimate < 0.9
    table = table_of_days(study.name, tuple(rows.values()), 5)
    assert table.startswith("### Daily highs of KNYC: 5 days")
    assert table.count("\n") == 7


def test_a_study_of_days_looks_ahead_of_nothing():
    whole, shown = made_highs(1000), start(made_hours())
    cut = 950
    spoiled = Highs("KNYC", whole.day, np.where(np.arange(1000) < cut, whole.degrees, 0.0))
    one, other = study_of_days(whole, shown), study_of_days(spoiled, shown)
    known = cut - (1000 - len(one.outcome))
    for name in one.models:
        assert np.array_equal(one.models[name].centre[:known], other.models[name].centre[:known])
        assert np.array_equal(one.models[name].scale[:known], other.models[name].scale[:known])


def test_seeing_the_day_beats_the_evening_before_and_more_so_the_later_it_is():
    days = 330
    base = made_hours(days)
    hourly = replace(base, day=FIRST + np.arange(days))
    shown = start(hourly)
    rows = scores_by_hour(hourly, shown, (9, 12, 18))

    assert [row.hour for row in rows] == [9, 12, 18]
    assert rows[0].crps > rows[1].crps > rows[2].crps
    assert all(row.prior.low > 0.5 for row in rows)
    assert rows[2].came == pytest.approx(rows[2].still, abs=0.05)
    assert crps_by_hour(hourly, shown, (12,))[0] == pytest.approx(rows[1].crps)
    elsewhere = replace(shown, climate=fit_climate(made_highs(400)))
    (other,) = scores_elsewhere(made_hours(40, seed=9), elsewhere, (12,))
    assert other.crps < 2 * rows[1].crps + 0.5
    assert table_of_hours(rows, 1).count("\n| ") == 5


def test_a_book_holds_every_station_and_says_where_it_is_from(tmp_path):
    random = np.random.default_rng(4)
    rows = []
    for k in range(1500, 1540):
        day = date.fromordinal(FIRST + k)
        rows += [(str(day), strike, 40, int(random.integers(2, 60))) for strike in STRIKES]
    for file in ("trades_kxhighny.parquet", "trades_kxhighmia.parquet"):
        pq.write_table(trades(rows), tmp_path / file)
    highs = {"KNYC": made_highs(1600), "KMIA": made_highs(1600, "KMIA", 8)}
    book, events = fit_book(highs, made_hours(), tmp_path, 0.4)

    assert dict(events) == {"KNYC": 40, "KMIA": 40}
    assert book.as_of == date.fromordinal(FIRST + 1599)
    assert set(book.climate) == set(book.leads) == {"KNYC", "KMIA"}
    assert book.diurnal.together == 0.4
    assert "KNYC 2020-01-01 to 2024-05-18" in book.provenance["climate"]


def test_a_high_is_laid_beside_the_bracket_that_won(tmp_path):
    rows = {
        "event_day": ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-03", "2031-01-01"],
        "series": ["HIGHNY", *["KXHIGHNY"] * 4],
        "strike_type": ["between", "greater", "less", "greater", "between"],
        "floor_strike": [40.0, 41.0, None, 50.0, 40.0],
        "cap_strike": [41.0, None, 43.0, None, 41.0],
        "result": ["yes", "yes", "yes", "no", "yes"],
    }
    pq.write_table(pa.table(rows), tmp_path / "markets.parquet")
    highs = Highs("KNYC", FIRST + np.arange(3), np.array([41.0, 41.0, 42.0]))

    assert agreement(tmp_path, "KXHIGHNY", highs) == Agreement(3, 2)
    assert agreement(tmp_path, "KXHIGHMIA", highs) == Agreement(0, 0)
    with pytest.raises(DataError, match="cannot be read"):
        agreement(tmp_path / "none", "KXHIGHNY", highs)


@pytest.mark.shared_data
def test_the_venue_settled_on_these_thermometers_and_not_on_a_neighbour(shared_data):
    assert list(sentences_of_proof(shared_data)) == [
        "KMIA in the winning bracket of KXHIGHMIA: 77 of 77",
        "KNYC in the winning bracket of KXHIGHNY: 77 of 77",
        "KORD in the winning bracket of KXHIGHCHI: 46 of 77",
    ]


@pytest.mark.shared_data
def test_the_shipped_seasons_are_those_of_the_recorded_highs(shared_data):
    highs = load_highs(shared_data / "weather")
    for station in ("KNYC", "KMIA"):
        fitted, shipped = fit_climate(highs[station]), load_parameters(station).climate
        for day in (15, 105, 196, 288):
            assert fitted.expected(day) == pytest.approx(shipped.expected(day), abs=0.05)
        assert fitted.persistence == pytest.approx(shipped.persistence, abs=0.01)


@pytest.mark.shared_data
def test_the_shipped_leads_are_those_of_the_recorded_trades(shared_data):
    highs = load_highs(shared_data / "weather")
    file = shared_data / "kalshi_high" / "trades_kxhighmia.parquet"
    leads, _ = lead_errors(highs["KMIA"], list(implied_means(file, -5)))
    assert leads == load_parameters("KMIA").leads
