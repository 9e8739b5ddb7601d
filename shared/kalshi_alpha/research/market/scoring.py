"""``kalshi-alpha score-market``: files in, every comparison with the market out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from kalshi_alpha.errors import ConfigurationError, DataError
from kalshi_alpha.markets.registry import Registry
from kalshi_alpha.pricing.blend import BlendEvidence, MarketBlend, MarketBlends
from kalshi_alpha.pricing.parameters import load_parameters
from kalshi_alpha.research.data.findings import Bools, day_of, short_name
from kalshi_alpha.research.data.panel import Panel, read_panels
from kalshi_alpha.research.data.store import sha256_of
from kalshi_alpha.research.market.blending import Walked, walk_forward
from kalshi_alpha.research.market.cases import Excluded, MarketCases
from kalshi_alpha.research.market.compare import (
    INDEX_BUCKETS,
    TEMPERATURE_BUCKETS,
    Buckets,
    Compared,
    briers,
)
from kalshi_alpha.research.market.index import IndexCases, index_cases, series_of
from kalshi_alpha.research.market.temperature import read_results, temperature_cases
from kalshi_alpha.research.market.trades import Trades, read_trades
from kalshi_alpha.research.model.laws import Dated
from kalshi_alpha.research.model.measured import Measured, measure
from kalshi_alpha.research.walk import Walk
