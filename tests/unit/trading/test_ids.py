import re

import pytest

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.markets.orders import Side
from kalshi_alpha.trading.ids import MAX_LENGTH, belongs_to, client_order_id

WINDOW = "20251104-1200-index-hourly"
TICKER = "KXINXU-25NOV04H1200-T6844.9999"


def test_the_same_intent_always_gets_the_same_name():
    name = client_order_id(WINDOW, TICKER, Side.BID, 0, 3)

    assert name == client_order_id(WINDOW, TICKER, Side.BID, 0, 3)
    assert re.fullmatch(r"ka-202511041200-[0-9a-f]{8}-b0-3-[0-9a-f]{24}", name)


def test_every_part_of_the_intent_changes_the_name():
    names = {
        client_order_id(WINDOW, TICKER, Side.BID, 0, 3),
        client_order_id("20251104-1300-index-hourly", TICKER, Side.BID, 0, 3),
        client_order_id(WINDOW, TICKER + "0", Side.BID, 0, 3),
        client_order_id(WINDOW, TICKER, Side.ASK, 0, 3),
        client_order_id(WINDOW, TICKER, Side.BID, 1, 3),
        client_order_id(WINDOW, TICKER, Side.BID, 0, 4),
    }
    assert len(names) == 6


def test_the_window_recognises_its_own_and_no_other():
    name = client_order_id(WINDOW, TICKER, Side.BID, 0, 3)

    assert belongs_to(WINDOW, name)
    assert not belongs_to("20251104-1200-index-close", name)
    assert not belongs_to(WINDOW, "manual-1")
    assert not belongs_to(WINDOW, "")


def test_the_longest_name_fits():
    name = client_order_id("x" * 200, TICKER, Side.ASK, 99, 999_999)
    assert len(name) <= MAX_LENGTH == 64


@pytest.mark.parametrize(("level", "revision"), [(-1, 0), (100, 0), (0, -1), (0, 1_000_000)])
def test_what_a_name_cannot_hold_is_an_error(level, revision):
    with pytest.raises(InvariantBroken, match="0 to 99, 0 to 999999"):
        client_order_id(WINDOW, TICKER, Side.BID, level, revision)
