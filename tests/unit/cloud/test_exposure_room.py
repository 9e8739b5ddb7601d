from __future__ import annotations

import pytest

from kalshi_alpha.cloud.exposure import Usage


@pytest.mark.parametrize(
    ("held", "total", "room"),
    [(0, 0, 100), (60, 60, 40), (60, 85, 15), (60, 10, 40), (0, -500, 100), (120, 120, -20)],
)
def test_what_was_lost_narrows_the_room_and_what_was_won_leaves_it(
    held: int, total: int, room: int
) -> None:
    assert Usage(open=held, total=total).room(100) == room
