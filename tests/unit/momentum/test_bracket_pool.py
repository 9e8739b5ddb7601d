"""The pool live: the study's formula, for one moment, from a file that proves itself."""

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError, ParameterError
from kalshi_alpha.momentum.pool import PoolWeights, pool_from_json, pooled, shares
from kalshi_alpha.research.temperature.filtering import SETTINGS, Panel
from kalshi_alpha.research.temperature.panel import shares_of
from kalshi_alpha.research.temperature.study import artifact
from kalshi_alpha.research.temperature.walking import terms_of

NEUTRAL = PoolWeights((1.0,) * 5, 0.0, 0.0)
FITTED = PoolWeights((1.2, 1.1, 1.3, 1.6, 2.1), 0.4, 0.3)
FIRST = date(2024, 12, 6)
NAMED = {
    **{f"power@{k}": power for k, power in enumerate(FITTED.powers)},
    "middles": FITTED.middles,
    "neighbours": FITTED.neighbours,
}


def file_of(weights=NAMED) -> bytes:
    return artifact("pool", [{"first": FIRST.toordinal(), "weights": weights}], {"File": "x"})


def test_neutral_weights_change_nothing():
    found = pooled((0.5, 0.3, 0.2), (0.9, None, 0.1), 10.0, NEUTRAL)
    assert found == pytest.approx((0.5, 0.3, 0.2))


@given(
    st.lists(st.floats(0.001, 1.0), min_size=6, max_size=6),
    st.lists(st.one_of(st.none(), st.floats(0.0, 1.0)), min_size=6, max_size=6),
    st.floats(-9.0, 23.9),
)
def test_live_and_in_the_study_it_is_one_formula(raw, middles, hour):
    beliefs = np.array([raw]) / sum(raw)
    price = np.array([[np.nan if m is None else m for m in middles]])
    share = shares_of(price)
    assert shares(middles) == pytest.approx(share[0].tolist())
    panel = Panel(
        np.array([1]), np.array([hour]), ("KXHIGHNY",), np.array([0]), np.ones((1, 6), bool),
        share, share, {SETTINGS[0]: beliefs},
    )  # fmt: skip
    terms = terms_of(panel, SETTINGS[0])
    wanted = terms.probabilities(np.array([NAMED[name] for name in terms.names]))
    found = pooled(beliefs[0].tolist(), middles, hour, FITTED)
    assert found == pytest.approx(wanted[0].tolist(), rel=1e-9)
    assert sum(found) == pytest.approx(1.0)


def test_probabilities_and_middles_must_pair():
    with pytest.raises(DataError, match="do not pair"):
        pooled((0.5, 0.5), (0.5,), 10.0, NEUTRAL)


def test_the_file_of_the_study_is_read():
    assert pool_from_json(file_of(), FIRST) == FITTED


@pytest.mark.parametrize(
    ("data", "on", "said"),
    [
        (b"{", FIRST, "cannot be read"),
        (b"[]", FIRST, "cannot be read"),
        (file_of().replace(b"2.1", b"2.2"), FIRST, "does not match its checksum"),
        (file_of(), date(2024, 12, 5), "looking ahead"),
        (file_of(), date(2025, 1, 4), "too long before"),
        (file_of({**NAMED, "middles": "x"}), FIRST, "lacks or garbles a weight"),
        (file_of({"middles": 1.0}), FIRST, "lacks or garbles a weight"),
    ],
)
def test_a_file_that_proves_nothing_is_refused(data, on, said):
    with pytest.raises(ParameterError, match=said):
        pool_from_json(data, on)


def test_a_file_of_another_schema_is_refused():
    other = artifact("horizons", [{"first": 1, "weights": NAMED}], {})
    with pytest.raises(ParameterError, match="temperature-horizons"):
        pool_from_json(other, FIRST)


def test_weights_that_are_no_numbers_are_refused():
    with pytest.raises(ParameterError, match="it needs 5"):
        PoolWeights((1.0,), 0.0, 0.0)
    assert json.loads(file_of())["body"][0]["first"] == FIRST.toordinal()
