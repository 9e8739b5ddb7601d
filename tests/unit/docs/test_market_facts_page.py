"""The page of market facts is what the command writes, and says what the registry says."""

from __future__ import annotations

from pathlib import Path

from kalshi_alpha.markets.known import market_facts
from kalshi_alpha.markets.registry import load_registry
from kalshi_alpha.markets.sessions import load_sessions
from kalshi_alpha.pricing.fees import FULL_INDEX_RATE_SINCE, series_terms_at
from kalshi_alpha.reports.market_facts import market_facts_page

PAGE = Path(__file__).parents[3] / "docs" / "market_facts.md"


def test_the_committed_page_is_the_generated_one() -> None:
    made = market_facts_page(market_facts(), load_registry(), load_sessions())

    assert PAGE.read_text() == made, "write it anew: kalshi-alpha facts write"


def test_the_fact_data_agrees_with_the_registry_and_the_fee_history() -> None:
    facts, registry = market_facts(), load_registry()

    assert set(facts.series) == set(registry.series)
    for name, known in facts.series.items():
        terms = series_terms_at(name, FULL_INDEX_RATE_SINCE)
        assert (known.fee_type, known.fee_multiplier) == (terms.fee_type, str(terms.multiplier))


def test_the_page_has_a_row_for_every_series_and_every_early_close() -> None:
    text = PAGE.read_text()

    for name in load_registry().series:
        assert f"| {name} | " in text
    assert "2026-11-27 at 13:00, 2026-12-24 at 13:00, 2027-11-26 at 13:00" in text
