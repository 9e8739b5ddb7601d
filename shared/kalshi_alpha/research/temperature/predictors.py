"""Models of the change of a bracket's share: ridge, a vector autoregression, boosted trees.

What is fitted is kept as plain numbers, and what is scored is those numbers: a model read back
from its JSON says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from kalshi_alpha.errors import ParameterError
from kalshi_alpha.momentum.recent import NAMES
from kalshi_alpha.research.data.findings import Floats, Ints
from kalshi_alpha.research.replay.compiling import compiled
from kalshi_alpha.research.temperature.features import FLOWS, HORIZONS_S, SPEEDS, Samples

RIDGE, VARX, TREES = "ridge", "VARX", "boosted trees"
_ITERATIONS = 60
_SKEW = NAMES.index("skew")
_VECTOR = (*range(SPEEDS.start, SPEEDS.stop), *range(FLOWS.start, FLOWS.stop), _SKEW)
_COMMON = tuple(NAMES.index(name) for name in ("hour", "activity"))


class Predictor(Protocol):
    """A fitted model."""

    def predict(self, samples: Samples) -> Floats:
        """Return the expected change of each share; [samples, brackets, horizons]."""

    def to_json(self) -> dict[str, Any]:
        """Return the fitted numbers."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model: each bracket by its own features, or all brackets by those of all.

    Attributes:
        across: whether it is the vector autoregression.
        mean: of each input.
        scale: of each input, > 0.
        weights: [inputs + 1, outputs], the last row the constant.
    """

    across: bool
    mean: Floats
    scale: Floats
    weights: Floats

    def predict(self, samples: Samples) -> Floats:
        """Return the expected change of each share; [samples, brackets, horizons]."""
        scaled = (inputs_of(samples, across=self.across) - self.mean) / self.scale
        found: Floats = scaled @ self.weights[:-1] + self.weights[-1]
        return found.reshape(samples.moved.shape)

    def to_json(self) -> dict[str, Any]:
        """Return the fitted numbers."""
        return {
            "kind": VARX if self.across else RIDGE,
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "weights": self.weights.tolist(),
        }


def inputs_of(samples: Samples, *, across: bool) -> Floats:
    """Return a row a bracket, or a row a moment with the vector of all brackets."""
    if not across:
        return samples.values.reshape(-1, samples.values.shape[2])
    vector = samples.values[:, :, _VECTOR].reshape(len(samples), -1)
    return np.concatenate([vector, samples.values[:, 0, _COMMON]], axis=1)


@dataclass(frozen=True, slots=True)
class Squares:
    """All that a linear fit needs of its samples, so that one pass serves every ridge."""

    across: bool
    rows: int
    mean: Floats
    scale: Floats
    square: Floats
    product: Floats
    constant: Floats

    @classmethod
    def of(cls, samples: Samples, *, across: bool) -> Squares:
        """Sum up the samples.

        Args:
            samples: to learn from.
            across: whether each bracket learns from all of them.
        """
        rows = inputs_of(samples, across=across)
        wanted = samples.moved.reshape(len(rows), -1)
        mean, scale = rows.mean(axis=0), rows.std(axis=0)
        scale = np.where(scale > 1e-12, scale, 1.0)
        scaled = (rows - mean) / scale
        constant = wanted.mean(axis=0)
        product = scaled.T @ (wanted - constant)
        return cls(across, len(rows), mean, scale, scaled.T @ scaled, product, constant)

    def fit(self, ridge: float) -> Linear:
        """Fit by least squares, weights of standardised inputs drawn to zero.

        Args:
            ridge: > 0, as a share of the number of rows.
        """
        drawn = self.square + ridge * self.rows * np.eye(len(self.square))
        weights = np.linalg.solve(drawn, self.product)
        held = np.concatenate([weights, self.constant[None, :]])
        return Linear(self.across, self.mean, self.scale, held)


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """How trees are grown."""

    rate: float
    leaves: int
    least_in_leaf: int
    ridge: float


@dataclass(frozen=True, slots=True)
class Tree:
    """One tree as arrays: a row with ``left`` 0 is a leaf; values up to a threshold go left."""

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    value: Floats

    def add_to(self, found: Floats, rows: Floats) -> None:
        """Add the value of the leaf each row falls into; [rows]."""
        _fall(rows, self.feature, self.threshold, self.left, self.right, self.value, found)


@compiled
def _fall(
    rows: Floats,
    feature: Ints,
    threshold: Floats,
    left: Ints,
    right: Ints,
    value: Floats,
    found: Floats,
) -> None:
    for k in range(len(rows)):
        node = 0
        while left[node] > 0:
            node = left[node] if rows[k, feature[node]] <= threshold[node] else right[node]
        found[k] += value[node]


@dataclass(frozen=True, slots=True)
class Boosted:
    """Boosted trees, a start and a list for each horizon."""

    starts: tuple[float, ...]
    trees: tuple[tuple[Tree, ...], ...]

    def predict(self, samples: Samples) -> Floats:
        """Return the expected change of each share; [samples, brackets, horizons]."""
        rows = np.ascontiguousarray(inputs_of(samples, across=False))
        found = []
        for start, trees in zip(self.starts, self.trees, strict=True):
            found.append(np.full(len(rows), start))
            for tree in trees:
                tree.add_to(found[-1], rows)
        return np.stack(found, axis=1).reshape(samples.moved.shape)

    def to_json(self) -> dict[str, Any]:
        """Return the fitted numbers."""
        return {
            "kind": TREES,
            "starts": list(self.starts),
            "trees": [
                [{name: getattr(one, name).tolist() for name in Tree.__slots__} for one in trees]
                for trees in self.trees
            ],
        }


def fit_boosted(
    samples: Samples, settings: TreeSettings, seed: int, horizons: Sequence[int] | None = None
) -> Boosted:
    """Grow trees for each horizon.

    Args:
        samples: to learn from.
        settings: of the trees.
        seed: of what is drawn.
        horizons: places of the horizons to grow for, all by default; the others stay at 0.
    """
    # Slow to import, and nobody else needs it.
    from sklearn.ensemble import HistGradientBoostingRegressor  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    rows = inputs_of(samples, across=False)
    starts: list[float] = []
    grown: list[tuple[Tree, ...]] = []
    for k in range(len(HORIZONS_S)):
        if horizons is not None and k not in horizons:
            starts.append(0.0)
            grown.append(())
            continue
        model = HistGradientBoostingRegressor(
            max_iter=_ITERATIONS,
            learning_rate=settings.rate,
            max_leaf_nodes=settings.leaves,
            min_samples_leaf=settings.least_in_leaf,
            l2_regularization=settings.ridge,
            early_stopping=False,
            random_state=seed,
        )
        with threadpool_limits(1):  # sums in another order would be other sums
            model.fit(rows, samples.moved[:, :, k].ravel())
        starts.append(float(np.ravel(model._baseline_prediction)[0]))  # noqa: SLF001 - no other door
        grown.append(tuple(_tree(one.nodes) for (one,) in model._predictors))  # noqa: SLF001
    return Boosted(tuple(starts), tuple(grown))


def _tree(nodes: Any) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        nodes["feature_idx"].astype(np.int64),
        nodes["num_threshold"].astype(np.float64),
        np.where(leaf, 0, nodes["left"]).astype(np.int64),
        np.where(leaf, 0, nodes["right"]).astype(np.int64),
        nodes["value"].astype(np.float64),
    )


def predictor_from_json(doc: Mapping[str, Any]) -> Predictor:
    """Return what ``to_json`` wrote.

    Raises:
        ParameterError: for another kind, or a field that is missing or garbled.
    """
    try:
        if doc["kind"] in (RIDGE, VARX):
            mean, scale, weights = (np.array(doc[k], float) for k in ("mean", "scale", "weights"))
            return Linear(doc["kind"] == VARX, mean, scale, weights)
        if doc["kind"] == TREES:
            grown = tuple(tuple(_tree_from(one) for one in trees) for trees in doc["trees"])
            return Boosted(tuple(map(float, doc["starts"])), grown)
    except (KeyError, TypeError, ValueError) as error:
        raise ParameterError(f"the predictor lacks or garbles a field: {error!r}") from None
    raise ParameterError(f"a predictor of the kind {doc['kind']!r} is not known")


def _tree_from(doc: Mapping[str, Any]) -> Tree:
    feature, left, right = (np.array(doc[k], dtype=np.int64) for k in ("feature", "left", "right"))
    threshold, value = (np.array(doc[k], dtype=np.float64) for k in ("threshold", "value"))
    return Tree(feature, threshold, left, right, value)
