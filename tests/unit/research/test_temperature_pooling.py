"""The learned pool: neutral without evidence, coherent always, and it recovers a known power."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.temperature.pooling import Terms, centred, fit


def terms_of(share, there=None) -> Terms:
    there = np.ones(share.shape, dtype=bool) if there is None else there
    logs = centred(np.log(np.where(there, share, 1.0)), there)
    beside = centred(np.log(np.where(there, share[:, ::-1] + 0.1, 1.0)), there)
    values = np.stack([logs, beside], axis=2)
    return Terms(values, there, np.array([1.0, 0.0]), ("power@0", "neighbours"))


def drawn(law, seed):
    random = np.random.default_rng(seed).random(len(law))
    return (np.cumsum(law, axis=1) < random[:, None]).sum(axis=1)


def test_neutral_weights_give_the_share_back():
    share = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8]])
    assert terms_of(share).probabilities(np.array([1.0, 0.0])) == pytest.approx(share)


def test_a_place_without_a_bracket_has_no_probability():
    share, there = np.array([[0.6, 0.4, 0.0]]), np.array([[True, True, False]])
    found = terms_of(share, there).probabilities(np.array([1.0, 0.0]))
    assert found == pytest.approx(share)


def test_prices_that_are_too_flat_are_found_to_be_so():
    random = np.random.default_rng(3)
    law = random.dirichlet(np.full(6, 0.7), 4000)
    flat = law ** (1 / 1.5)
    flat /= flat.sum(axis=1, keepdims=True)
    weights = fit(terms_of(flat), drawn(law, 4), ridge=1.0)
    assert weights == pytest.approx([1.5, 0.0], abs=0.1)


def test_a_hard_ridge_changes_nothing_whatever_won():
    law = np.random.default_rng(3).dirichlet(np.ones(5), 30)
    weights = fit(terms_of(law), np.zeros(30, dtype=np.int64), ridge=1e9)
    assert weights == pytest.approx([1.0, 0.0], abs=1e-4)


def test_nothing_can_be_learned_from_no_moment():
    with pytest.raises(DataError, match="there is none"):
        fit(terms_of(np.empty((0, 3))), np.empty(0, dtype=np.int64), ridge=1.0)


@given(
    st.lists(st.floats(0.001, 1.0), min_size=4, max_size=4),
    st.floats(-3.0, 3.0),
    st.floats(-3.0, 3.0),
)
def test_every_pool_sums_to_one(share, power, beside):
    law = np.array([share]) / sum(share)
    found = terms_of(law).probabilities(np.array([power, beside]))
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0.0).all()


def test_terms_are_taken_by_name():
    terms = terms_of(np.array([[0.5, 0.3, 0.2]]))
    assert terms.only(("power",)).names == ("power@0",)
    assert terms.only(("neighbours",)).neutral.tolist() == [0.0]
