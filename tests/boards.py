"""A scoreboard and a readiness as their makers write them, for pages that only render them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from kalshi_alpha.research.scoreboard import Row, Scoreboard, Span, Stat
from kalshi_alpha.trading.readiness import Alpha

AT = datetime(2025, 11, 4, 22, tzinfo=UTC)
DAY = date(2025, 11, 4)


def a_scoreboard() -> dict[str, Any]:
    """Return a board of one series and its family over one span."""
    claimed, realised = Stat(0.062, 0.05, 0.074, 41, 9), Stat(0.031, -0.02, 0.082, 41, 9)
    row = Row(
        series="KXINXU", family="index", windows=63, go_windows=60, fills=41, contracts=41.0,
        ev_claimed=claimed, realised=realised, pnl_dollars=1.27, fees_dollars=0.0,
        alpha=Alpha(38.2, 41, 30.0, 200), markouts={"20": Stat(0.01, None, None, 2, 1)}, quotes=200,
        quote_seconds=9000.0, quote_dollar_seconds=4500.0,
        brier_ours=Stat(0.071, 0.06, 0.08, 63, 9),
        brier_market=Stat(0.074, 0.06, 0.09, 63, 9), brier_gain=Stat(0.003, -0.001, 0.007, 63, 9),
        crps_ours=None, crps_market=None, crps_gain=None, calibration_age_days=5, last_age_s=0.8,
        incidents=(("2025-11-04", "20251104-1200-index-hourly", "SPX was silent for 2.9 s"),),
    )  # fmt: skip
    empty = Row(
        series="", family="index", windows=0, go_windows=0, fills=0, contracts=0.0, ev_claimed=None,
        realised=None, pnl_dollars=0.0, fees_dollars=0.0, alpha=None, markouts={}, quotes=0,
        quote_seconds=0.0, quote_dollar_seconds=0.0, brier_ours=None, brier_market=None,
        brier_gain=None, crps_ours=None, crps_market=None, crps_gain=None,
        calibration_age_days=None, last_age_s=None, incidents=(),
    )  # fmt: skip
    spans = (Span("7 days", date(2025, 10, 29), DAY, 5, (row, empty)),)
    return Scoreboard(AT, "twin", DAY, spans).to_json()


def a_readiness() -> dict[str, Any]:
    """Return a readiness that lacks fills and has one criterion against it."""
    fills = {
        "name": "fills", "title": "Graded fills", "verdict": "INSUFFICIENT", "value": 41,
        "limit": 300, "unit": "fills", "sample": 9, "sample_unit": "days", "low": None,
        "high": None, "sentence": "41 graded fills: 259 of 300 are missing.",
    }  # fmt: skip
    switch = {
        "name": "switch", "title": "Kill-switch", "verdict": "NO-GO", "value": None, "limit": None,
        "unit": "", "sample": 1, "sample_unit": "look", "low": 0.0, "high": 0.25,
        "sentence": "The kill-switch is on: practice.",
    }  # fmt: skip
    return {
        "schema": "kalshi-alpha/readiness/1", "at": "2025-11-04T22:00:00Z", "source": "twin",
        "standing": "paper", "verdict": "NO-GO", "days": 9, "first_day": "2025-10-23",
        "last_day": "2025-11-04", "sentence": "The kill-switch is on: practice.",
        "criteria": [fills, switch],
    }  # fmt: skip
