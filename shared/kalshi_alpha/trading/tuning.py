"""What past days taught the strategy, as a file that proves itself: when not to quote, and fills.

One JSON object: ``schema``, ``checksum``, ``provenance``, ``as_of``, ``valid_until`` and ``body``
by series. Each series carries the configuration the evidence is of; with another one it is
refused, for what was learned of one way to quote says nothing of another. No file is the default:
quote wherever the window allows, without a fill model.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.markets.registry import Caps, Phases, Quoting
from kalshi_alpha.trading.fills import FillModel, FillView, fill_model_from_json
from kalshi_alpha.trading.when import ALWAYS, When, when_from_json

SCHEMA = "kalshi-alpha/tuning/1"
LIFETIME = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What was learned for one series.

    Args:
        when: stretches that are closed.
        fills: chance and cost of a fill; the rule without one when None.
        checksum: of the file it came from, for the record of what was decided with it.
    """

    when: When = ALWAYS
    fills: FillModel | None = None
    checksum: str = ""

    def view(self, every_s: float, seconds_to_fixing: float) -> FillView | None:
        """Return the fill model as a scan reads it: a quote rests until the next scan."""
        if self.fills is None:
            return None
        return FillView(self.fills, every_s, seconds_to_fixing)


UNTUNED = Tuning()


def configuration_in(
    quoting: Quoting, caps: Caps, *, start_s: float, stop_s: float, every_s: float
) -> dict[str, float]:
    """Return the numbers that say how a series is quoted; evidence holds for these alone."""
    return {
        "min_ev": quoting.min_ev,
        "favor_ticks": quoting.favor_ticks,
        "max_bins": caps.max_bins,
        "max_size": caps.max_size,
        "start_s": start_s,
        "stop_s": stop_s,
        "every_s": every_s,
    }


def configuration_of(quoting: Quoting, caps: Caps, phases: Phases) -> dict[str, float]:
    """Return ``configuration_in`` what trades: from the window's first scan to its pull."""
    return configuration_in(
        quoting,
        caps,
        start_s=phases.make,
        stop_s=phases.pull + phases.pull_lead,
        every_s=phases.scan_every,
    )


def dump_tuning(
    series: str,
    tuning: Tuning,
    configuration: Mapping[str, float],
    as_of: date,
    provenance: Mapping[str, Any],
) -> bytes:
    """Return the file for one series; ``as_of`` is the last day the evidence knows."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "checksum": "",
        "provenance": dict(provenance),
        "as_of": as_of.isoformat(),
        "valid_until": (as_of + LIFETIME).isoformat(),
        "body": {
            series: {
                "configuration": dict(configuration),
                "closed": tuning.when.to_json(),
                "fills": None if tuning.fills is None else tuning.fills.to_json(),
            }
        },
    }
    document["checksum"] = _checksum(document)
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode()


def load_tuning(data: bytes, series: str, configuration: Mapping[str, float], on: date) -> Tuning:
    """Return what was learned for ``series``, for use on the day ``on``.

    A file that says nothing of the series leaves it untuned.

    Raises:
        ParameterError: when the file is not JSON, of another schema, does not match its checksum,
            knows the day ``on``, has run out, is of another configuration, or garbles a field.
    """
    document = _document(data)
    try:
        as_of = date.fromisoformat(document["as_of"])
        valid_until = date.fromisoformat(document["valid_until"])
        entry = document["body"].get(series)
        checksum = str(document["checksum"])
        learned_with = {} if entry is None else dict(entry["configuration"])
        when = ALWAYS if entry is None else when_from_json(entry["closed"])
        model = None if entry is None else entry["fills"]
        fills = None if model is None else fill_model_from_json(model)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParameterError(f"the tuning lacks or garbles a field: {error!r}"[:200]) from None
    if on <= as_of:
        raise ParameterError(f"the tuning knows days to {as_of}: on {on} that is looking ahead")
    if on > min(valid_until, as_of + LIFETIME):
        raise ParameterError(f"the tuning was good until {valid_until}, not on {on}: learn it anew")
    if entry is None:
        return UNTUNED
    _require_same(series, learned_with, configuration)
    return Tuning(when, fills, checksum)


def _require_same(
    series: str, learned_with: Mapping[str, Any], configuration: Mapping[str, float]
) -> None:
    names = sorted({*learned_with, *configuration})
    other = [name for name in names if learned_with.get(name) != configuration.get(name)]
    if other:
        said = ", ".join(
            f"{name} {learned_with.get(name)} and not {configuration.get(name)}" for name in other
        )
        raise ParameterError(
            f"the tuning of {series} was learned with {said[:300]}: run the backtest with the "
            "settings that trade, or remove the file"
        )


def _document(data: bytes) -> dict[str, Any]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise ParameterError("the tuning is not JSON: write it again") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ParameterError(f"the tuning is not of schema {SCHEMA}: write it again")
    if document.get("checksum") != _checksum(document):
        raise ParameterError("the tuning does not match its checksum: write it again")
    return document


def _checksum(document: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
