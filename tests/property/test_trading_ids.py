import re

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.ids import belongs_to, client_order_id

windows = st.text(min_size=1, max_size=40)
intents = st.tuples(
    windows,
    st.text(max_size=60),
    st.sampled_from(Side),
    st.integers(0, 99),
    st.integers(0, 999_999),
)


@given(intents)
def test_a_name_is_short_and_plain_whatever_it_names(intent):
    assert re.fullmatch(r"[A-Za-z0-9-]{1,64}", client_order_id(*intent))


@given(intents, intents)
def test_names_are_equal_exactly_when_intents_are(one, other):
    same = client_order_id(*one) == client_order_id(*other)
    assert same == (one == other)


@given(intents, windows)
def test_a_name_belongs_to_its_window_alone(intent, other):
    name = client_order_id(*intent)
    assert belongs_to(intent[0], name)
    assert belongs_to(other, name) == (other == intent[0])
