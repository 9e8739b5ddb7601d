"""Made streams that this project and its peers are both given; nothing here but the interpreter."""

from __future__ import annotations

import math
from random import Random

BRACKETS = 6
WANDER, START, NOISE = 2e-4, 0.8, 0.05  # variances: a second, at first, of one look
STEP_S = 15.0
LAW = (0.03, 0.12, 0.35, 0.3, 0.15, 0.05)
LAW_VARIANCE = 0.4
BASE, BRANCHING, DECAY = 0.5, 0.6, 3.0
MIDDLE_SD = 0.02


def looks(steps: int, seed: int) -> list[tuple[float, list[float], float]]:
    """Return (seconds, log scores, noise) of looks at uneven times, with uneven noise."""
    random = Random(seed)
    at, made = 0.0, []
    truth = [random.gauss(0.0, 1.0) for _ in range(BRACKETS)]
    for _ in range(steps):
        elapsed = random.expovariate(1.0 / STEP_S)
        at += elapsed
        truth = [y + random.gauss(0.0, math.sqrt(WANDER * elapsed)) for y in truth]
        noise = NOISE * math.exp(random.gauss(0.0, 0.7))
        made.append((at, [y + random.gauss(0.0, math.sqrt(noise)) for y in truth], noise))
    return made


def even_looks(steps: int, seed: int) -> list[tuple[float, list[float]]]:
    """Return (seconds, log scores) of looks at even times."""
    return [(STEP_S * (k + 1), scores) for k, (_, scores, _) in enumerate(looks(steps, seed))]


def middles(steps: int, seed: int) -> list[list[float]]:
    """Return the middles of all brackets, in dollars, as a random walk of log ratios shows them."""
    random = Random(seed)
    truth = [random.gauss(0.0, 1.0) for _ in range(BRACKETS)]
    made = []
    for _ in range(steps):
        truth = [y + random.gauss(0.0, math.sqrt(WANDER * STEP_S)) for y in truth]
        powers = [math.exp(y) for y in truth]
        total = sum(powers)
        made.append([power / total + random.gauss(0.0, MIDDLE_SD) for power in powers])
    return made


def exciting_events(count: int, seed: int) -> list[float]:
    """Return the seconds of events of a univariate Hawkes process (Ogata's thinning)."""
    random = Random(seed)
    at, excited, now = [], 0.0, 0.0
    while len(at) < count:
        most = BASE + excited
        wait = random.expovariate(most)
        now += wait
        excited *= math.exp(-DECAY * wait)
        if random.random() * most <= BASE + excited:
            at.append(now)
            excited += BRANCHING * DECAY
    return at
