import pytest

from kalshi_alpha.errors import InvariantBroken
from kalshi_alpha.trading.queue import CAPACITY, Waiting, WorkQueue


def drained(queue):
    found = []
    while (waiting := queue.pop()) is not None:
        found.append(waiting.item)
    return found


def test_work_leaves_in_the_order_it_came():
    queue = WorkQueue()
    for item in "abc":
        assert queue.push(item) is None

    assert (len(queue), drained(queue), queue.pop()) == (3, ["a", "b", "c"], None)


def test_work_that_finds_no_place_is_handed_back_with_its_number():
    queue = WorkQueue(capacity=2)
    handed_back = [queue.push(item) for item in "abcd"]

    assert handed_back == [None, None, Waiting("c", 2), Waiting("d", 3)]
    assert drained(queue) == ["a", "b"]


def test_nothing_overtakes_what_was_turned_away():
    queue = WorkQueue()
    queue.push("cancel")
    queue.push("its replacement")
    first = queue.pop()

    assert queue.again(first) is None
    assert drained(queue) == ["cancel", "its replacement"]


def test_work_is_tried_three_times_with_longer_pauses_and_then_handed_back():
    queue = WorkQueue()
    queue.push("cancel")
    pauses = []
    while True:
        waiting = queue.pop()
        pauses.append(waiting.pause_s)
        if tired := queue.again(waiting):
            break

    assert (pauses, tired) == ([0.0, 0.25, 0.5], Waiting("cancel", 0, 3))
    assert len(queue) == 0


def test_a_queue_that_could_do_nothing_is_refused():
    with pytest.raises(InvariantBroken, match="0 places"):
        WorkQueue(capacity=0)
    with pytest.raises(InvariantBroken, match="0 tries"):
        WorkQueue(tries=0)
    assert CAPACITY == 64
