"""Answers of the weather sources: real reports as issued, and made ones with every known fault."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from kalshi_alpha.markets.stations import load_stations

TEXTS = Path(__file__).resolve().parent / "weather_texts"
STATIONS = load_stations()
NYC, CHI, MIA = (STATIONS.of(f"KXHIGH{city}") for city in ("NY", "CHI", "MIA"))
DAY = NYC.day(date(2026, 7, 9))
READ_AT = datetime(2026, 7, 9, 21, 0, tzinfo=UTC)


def text(name):
    """Return a real report's bytes."""
    return (TEXTS / f"{name}.txt").read_bytes()


def changed(name, *swaps):
    """Return a real report with words exchanged; each must be there."""
    found = text(name).decode()
    for old, new in swaps:
        assert old in found, old
        found = found.replace(old, new)
    return found.encode()


TABLE = """
000
CXUS51 KOKX 041130
CF6NYC
PRELIMINARY LOCAL CLIMATOLOGICAL DATA (WS FORM: F-6)

                                          STATION:   CENTRAL PARK NY
                                          MONTH:     JULY
                                          YEAR:      2026
                                          LATITUDE:   40 46 N
                                          LONGITUDE:  73 58 W

  TEMPERATURE IN F:       :PCPN:    SNOW:  WIND      :SUNSHINE: SKY     :PK WND
================================================================================
1   2   3   4   5  6A  6B    7    8   9   10  11  12  13   14  15   16   17  18
                                     12Z  AVG MX 2MIN
DY MAX MIN AVG DEP HDD CDD  WTR  SNW DPTH SPD SPD DIR MIN PSBL S-S WX    SPD DR
================================================================================

 1  93  76  85   9   0  20 0.00  0.0    0  3.1  9 220   M    M   2        17 230
 2 100  82  91  15   0  26    T  0.0    0  4.0 12 240   M    M   3        21 250
 3   M   M   M   M   M   M 0.10  0.0    0  4.4 13  10   M    M   8 13     22  20
 4  80  68  74  -2   0   9 0.41  0.0    0  5.0 14  90   M    M   9 1      23  90
================================================================================
SM  273 226              0  55 0.51     0.0  16.5          M      22
"""

METAR_TENTHS = (
    "KNYC 091951Z AUTO VRB03KT 10SM CLR 28/16 A3005 RMK AO2 SLP167 T02780161 10294 20200 58012"
)


def seconds(at):
    """Return whole seconds since 1970."""
    return int(at.timestamp())


def feature(at, value, *, raw="", unit="wmoUnit:degC", quality="V", station="KNYC"):
    """Return one observation of the office's JSON."""
    return {
        "properties": {
            "station": f"https://weather.example/stations/{station}",
            "timestamp": at.isoformat(),
            "rawMessage": raw,
            "temperature": {"value": value, "unitCode": unit, "qualityControl": quality},
            "maxTemperatureLast24Hours": {"value": None},
        }
    }


def observations(*features):
    """Return the office's JSON."""
    return json.dumps({"type": "FeatureCollection", "features": list(features)}).encode()


def minute(at, temp, station="KMDW", *, source="obs", **elements):
    """Return one row of a timeline."""
    row = {"datetimeEpoch": seconds(at), "temp": temp, "stations": [station], "source": source}
    return row | elements


def timeline(*minutes):
    """Return a timeline of one day and one hour."""
    return json.dumps({"days": [{"hours": [{"minutes": list(minutes)}]}]}).encode()


def hourly_forecast(start, temperatures, *, updated="2026-07-09T05:00:00+00:00"):
    """Return an hourly forecast."""
    periods = [
        {
            "startTime": (start + timedelta(hours=k)).isoformat(),
            "temperature": degrees,
            "temperatureUnit": "F",
        }
        for k, degrees in enumerate(temperatures)
    ]
    properties = {"periods": periods, "generatedAt": "2026-07-09T06:30:00+00:00"}
    if updated:
        properties["updateTime"] = updated
    return json.dumps({"properties": properties}).encode()
