r"""The peers' side of the filters' bench, run by an interpreter that has filterpy and intensify.

They live in an environment of their own, for nothing else here needs them::

    python3 -m venv /elsewhere && /elsewhere/bin/pip install filterpy intensify scipy
    cd tests/unit/momentum && PYTHONPATH=../../.. /elsewhere/bin/python \
        -m tests.bench.peer_filters golden > peers.json
    KALSHI_ALPHA_FILTERS=/elsewhere/bin/python make bench

``golden`` writes what they made of made streams; ``serve`` plays one round for each line it reads,
``filter``, ``unscented`` or ``hawkes`` with a number of steps, and answers with seconds and
results.
"""

from __future__ import annotations

import json
import math
import sys
import time
import warnings
from importlib.metadata import version
from typing import Any

import numpy as np
from filterpy.kalman import KalmanFilter, MerweScaledSigmaPoints, UnscentedKalmanFilter
from intensify import ExponentialKernel, UnivariateHawkes

from tests.bracket_flow import (
    BRACKETS,
    LAW,
    LAW_VARIANCE,
    MIDDLE_SD,
    NOISE,
    START,
    STEP_S,
    WANDER,
    even_looks,
    exciting_events,
    looks,
    middles,
)

COMMAND = "python -m tests.bench.peer_filters golden"
SEEDS = (7, 11, 23)
GOLDEN_STEPS, GOLDEN_EVENTS = 200, 4_000
RATIOS = BRACKETS - 1
ALIKE = np.eye(RATIOS) + 1.0  # covariance of log ratios whose scores vary by 1 each


def ratios(scores: Any) -> Any:
    """Return log scores less the last one."""
    return np.asarray(scores[:-1]) - scores[-1]


def plain_filter() -> Any:
    """Return the peer's Kalman filter of log ratios, before anything is seen."""
    made = KalmanFilter(RATIOS, RATIOS)
    made.F, made.H, made.P = np.eye(RATIOS), np.eye(RATIOS), START * ALIKE
    return made


def wandering(steps: int, seed: int) -> tuple[float, Any]:
    """Return seconds and log ratios of a filter that looks at even times."""
    seen = [ratios(scores) for _, scores in even_looks(steps, seed)]
    made = plain_filter()
    made.Q, made.R = WANDER * STEP_S * ALIKE, NOISE * ALIKE
    begun = time.perf_counter()
    for each in seen:
        made.predict()
        made.update(each)
    return time.perf_counter() - begun, made.x.ravel().tolist()


def leaning(steps: int, seed: int) -> tuple[list[float], list[list[float]]]:
    """Return log ratios and covariance after uneven looks, drawn back to a law all the while."""
    made = plain_filter()
    law = ratios(np.log(LAW))
    made.x, made.P, made.B = law.reshape(-1, 1), LAW_VARIANCE * ALIKE, np.eye(RATIOS)
    last = 0.0
    for at, scores, noise in looks(steps, seed):
        kept = math.exp(-0.5 * WANDER * (at - last) / LAW_VARIANCE)
        made.F, made.Q = kept * np.eye(RATIOS), LAW_VARIANCE * (1.0 - kept * kept) * ALIKE
        made.predict(u=(1.0 - kept) * law.reshape(-1, 1))
        made.update(ratios(scores).reshape(-1, 1), R=noise * ALIKE)
        last = at
    return made.x.ravel().tolist(), made.P.tolist()


def _middles_of(state: Any) -> Any:
    powers = np.exp(np.append(state, 0.0) - max(state.max(), 0.0))
    return powers / powers.sum()


def unscented(steps: int, seed: int) -> tuple[float, tuple[list[float], list[list[float]]]]:
    """Return seconds, mean and covariance of log ratios seen through middles in dollars."""
    points = MerweScaledSigmaPoints(RATIOS, 0.5, 2.0, 0.0)
    made = UnscentedKalmanFilter(RATIOS, BRACKETS, 1.0, _middles_of, lambda x, _: x, points)
    made.x, made.P = np.zeros(RATIOS), START * ALIKE
    made.Q, made.R = WANDER * STEP_S * ALIKE, MIDDLE_SD**2 * np.eye(BRACKETS)
    seen = [np.array(each) for each in middles(steps, seed)]
    begun = time.perf_counter()
    for each in seen:
        made.predict()
        made.update(each)
    return time.perf_counter() - begun, (made.x.tolist(), made.P.tolist())


def hawkes(events: int, seed: int) -> tuple[float, dict[str, float]]:
    """Return seconds and results of fitting a univariate process with an exponential kernel."""
    at = np.array(exciting_events(events, seed))
    made = UnivariateHawkes(1.0, ExponentialKernel(0.3, 1.0))
    begun = time.perf_counter()
    found = made.fit(at, float(at[-1]))
    seconds = time.perf_counter() - begun
    kernel = found.params["kernel"]
    return seconds, {
        "base": float(found.params["mu"]),
        "branching": float(kernel.alpha),
        "decay": float(kernel.beta),
        "log_likelihood": float(found.log_likelihood),
        **{f"{name}_error": float(error) for name, error in found.std_errors.items()},
    }


def golden() -> dict[str, Any]:
    """Return what the peers make of every seed."""
    rows = []
    for seed in SEEDS:
        mean, covariance = leaning(GOLDEN_STEPS, seed)
        rows.append(
            {
                "seed": seed,
                "even": wandering(GOLDEN_STEPS, seed)[1],
                "uneven": {"mean": mean, "covariance": covariance},
                "unscented": dict(
                    zip(("mean", "covariance"), unscented(GOLDEN_STEPS, seed)[1], strict=True)
                ),
                "hawkes": hawkes(GOLDEN_EVENTS, seed)[1],
            }
        )
    return {
        "command": COMMAND,
        "python": sys.version.split()[0],
        "versions": {name: version(name) for name in ("filterpy", "intensify", "numpy", "scipy")},
        "steps": GOLDEN_STEPS,
        "events": GOLDEN_EVENTS,
        "made": rows,
    }


def serve() -> None:
    """Play a round a line: a job and its number of steps or events."""
    jobs = {"filter": wandering, "unscented": unscented, "hawkes": hawkes}
    for line in sys.stdin:
        job, size = line.split()
        print(json.dumps(jobs[job](int(size), SEEDS[0])), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("error")
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        print(json.dumps(golden(), indent=1))
