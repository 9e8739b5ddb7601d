from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kalshi_alpha.markets.orders import LiveOrder, OrderStatus, Side
from kalshi_alpha.trading.ids import belongs_to, client_order_id
from kalshi_alpha.trading.match import Amend, Cancel, Create, Foreign, Keep, reconcile
from kalshi_alpha.trading.plan import TargetQuote

WINDOW = "20251104-1600-index-close"
tickers = st.sampled_from([f"KXINX-25NOV04H1600-B{number}" for number in (6812, 6837, 6862)])
one_market = st.just("KXINX-25NOV04H1600-B6812")  # where orders crowd
sides = st.sampled_from(Side)
prices = st.integers(1, 5).map(lambda cents: cents * 100)
sizes = st.integers(1, 3).map(lambda lots: lots * 100)
origins = st.sampled_from([WINDOW, WINDOW, WINDOW, "20251103-1600-index-close", ""])


@st.composite
def targets(draw):
    keys = draw(st.lists(st.tuples(tickers, sides), unique=True, max_size=4))
    return [
        TargetQuote(ticker, side, draw(prices), draw(sizes), 0, 500_000, 50_000)
        for ticker, side in keys
    ]


@st.composite
def live_orders(draw, tickers=tickers):
    found = []
    for n in range(draw(st.integers(0, 7))):
        ticker, side, origin = draw(tickers), draw(sides), draw(origins)
        name = client_order_id(origin, ticker, side, 0, n) if origin else f"manual-{n}"
        remaining = draw(st.sampled_from([0, 100, 100, 200]))
        found.append(
            LiveOrder(
                order_id=f"order-{draw(st.integers(0, 99))}-{n}",
                client_order_id=name,
                ticker=ticker,
                side=side,
                price=draw(prices),
                initial_size=300,
                filled_size=300 - remaining,
                remaining_size=remaining,
                status=draw(st.sampled_from(OrderStatus)),
            )
        )
    return found


def is_live(order):
    over = (OrderStatus.CANCELED, OrderStatus.EXECUTED)
    return order.remaining_size > 0 and order.status not in over


def applied(actions, live):
    """Perform the actions on a small book; refuse what a venue would refuse."""
    book = {order.order_id: order for order in live if is_live(order)}
    for n, action in enumerate(actions):
        match action:
            case Cancel(order):
                del book[order.order_id]
            case Amend(order, target):
                changed = replace(order, price=target.price, remaining_size=target.size)
                assert order.order_id in book
                book[order.order_id] = changed
            case Keep(order) | Foreign(order):
                assert book[order.order_id] == order
            case Create(target):
                book[f"new-{n}"] = LiveOrder(
                    order_id=f"new-{n}",
                    client_order_id=client_order_id(WINDOW, target.ticker, target.side, 0, 500),
                    ticker=target.ticker,
                    side=target.side,
                    price=target.price,
                    initial_size=target.size,
                    filled_size=0,
                    remaining_size=target.size,
                    status=OrderStatus.RESTING,
                )
    return book


def mine(orders):
    return [order for order in orders if belongs_to(WINDOW, order.client_order_id)]


def quote(order):
    return (order.ticker, order.side, order.price, order.remaining_size)


@given(targets(), live_orders())
def test_performing_the_actions_leaves_exactly_the_targets(wanted, live):
    book = applied(reconcile(WINDOW, wanted, live), live)

    expected = sorted((t.ticker, t.side, t.price, t.size) for t in wanted)
    assert sorted(quote(order) for order in mine(book.values())) == expected


@given(targets(), live_orders())
def test_foreign_orders_are_untouched_and_all_reported(wanted, live):
    actions = reconcile(WINDOW, wanted, live)
    book = applied(actions, live)

    foreign = {o.order_id for o in live if is_live(o) and o not in mine(live)}
    assert {a.order.order_id for a in actions if isinstance(a, Foreign)} == foreign
    assert foreign <= set(book)


@given(targets(), live_orders())
def test_nothing_is_created_where_an_order_of_ours_still_rests(wanted, live):
    actions = reconcile(WINDOW, wanted, live)
    left = applied([action for action in actions if isinstance(action, Cancel)], live)
    occupied = {(order.ticker, order.side) for order in mine(left.values())}
    for action in actions:
        if isinstance(action, Create):
            assert (action.target.ticker, action.target.side) not in occupied


@given(targets(), live_orders())
def test_no_amend_steps_towards_the_other_side(wanted, live):
    for action in reconcile(WINDOW, wanted, live):
        if isinstance(action, Amend):
            assert (action.target.price - action.order.price) * action.order.side.sign <= 0


@given(targets(), live_orders(tickers=one_market))
def test_there_is_never_more_than_one_order_of_ours_on_a_side_once_cancels_are_done(wanted, live):
    actions = reconcile(WINDOW, wanted, live)
    kinds = [type(action).__name__ for action in actions]
    book = applied([a for a in actions if isinstance(a, Cancel)], live)
    keys = [(order.ticker, order.side) for order in mine(book.values())]

    assert kinds == sorted(kinds, key=["Cancel", "Amend", "Keep", "Create", "Foreign"].index)
    assert len(keys) == len(set(keys))


@given(targets(), live_orders(), st.randoms(use_true_random=False))
def test_the_order_in_which_the_venue_lists_does_not_matter(wanted, live, shuffler):
    shuffled = list(live)
    shuffler.shuffle(shuffled)
    assert reconcile(WINDOW, wanted, live) == reconcile(WINDOW, list(reversed(wanted)), shuffled)


@given(targets(), live_orders())
def test_a_second_look_finds_nothing_to_do(wanted, live):
    book = applied(reconcile(WINDOW, wanted, live), live)
    again = reconcile(WINDOW, wanted, book.values())
    assert {type(action) for action in again} <= {Keep, Foreign}
