"""Who cancelled, fitted from places in the queue."""

from __future__ import annotations

import random

import pytest

from kalshi_alpha.errors import DataError
from kalshi_alpha.research.replay.queue_fit import PlaceSeen, fit_share
from kalshi_alpha.research.replay.rules import Cancels


def places(share: float, count: int, noise: int = 0) -> list[PlaceSeen]:
    draw = random.Random(3)
    found = []
    for _ in range(count):
        level, traded = draw.randrange(2000, 9000), draw.randrange(0, 400)
        front = draw.randrange(traded + 1, level)
        cancelled = draw.randrange(1, (level - traded) // 2)
        moved = round(share * cancelled * (front - traded) / (level - traded))
        found.append(
            PlaceSeen(front, level, traded, cancelled, moved + draw.randint(-noise, noise))
        )
    return found


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0, 1.3])
def test_a_known_share_is_found_again(share: float) -> None:
    fitted = fit_share(places(share, 400, noise=50))
    assert fitted.share == pytest.approx(share, abs=4 * fitted.error + 1e-9)
    assert 0 < fitted.error < 0.05
    assert fitted.queue.cancels is Cancels.SHARED
    assert fitted.queue.share == fitted.share


def test_places_that_tell_nothing_do_not_count() -> None:
    silent = [PlaceSeen(500, 500, 0, 10, 10), PlaceSeen(100, 500, 100, 10, 0)]
    silent += [PlaceSeen(100, 500, 0, 0, 0)]
    with pytest.raises(DataError, match="0 places tell who cancelled and 30 are needed"):
        fit_share(silent * 100)
    assert fit_share(places(1.0, 30) + silent).places == 30


def test_a_share_below_nothing_is_nothing() -> None:
    assert fit_share(places(-0.5, 100)).share == 0.0
