"""How likely a signal's resting quote fills while it is wanted, and what the fill then costs.

By a fill model (``trading.fills``) fitted on the signals of past days: ``kalshi-alpha temperature
study`` keeps it in ``odds.json``. Who fills us may know better, so what an order claims is what is
left after that loss.
"""

from __future__ import annotations

from datetime import date

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.momentum.checks import Signal
from kalshi_alpha.momentum.fitted import newest, proven
from kalshi_alpha.momentum.signals import Moment
from kalshi_alpha.trading.fills import FillModel, FillView, Outlook, fill_model_from_json

SCHEMA = "kalshi-alpha/temperature-odds/1"


def fill_odds(signal: Signal, moment: Moment, view: FillView) -> Outlook:
    """Return how likely a signal's resting quote fills, and what the fill costs, by a fitted model.

    A taker's fills at once and costs nothing more than it says.
    """
    if signal.taker:
        return Outlook(1.0, 0.0)
    top = moment.state.top(signal.place)
    return view.of(signal.side, signal.price, moment.beliefs[signal.place], top)


def odds_from_json(data: bytes, on: date) -> FillModel:
    """Return the fill model that a study fitted last before a day.

    Args:
        data: ``odds.json``.
        on: the climate day it is to be used on.

    Raises:
        ParameterError: when it cannot be read, does not match its checksum, or was fitted only
            after ``on``, or too long before.
    """
    body = proven(data, SCHEMA, "fill model")
    if not isinstance(body, list):
        raise ParameterError("the fill model cannot be read: it is no list of weeks")
    return fill_model_from_json(newest(body, on, "fill model"))
