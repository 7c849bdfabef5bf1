"""Compares what learning curves expect of twice as many photos with what these really give.

    python -m benchmarks.learning_curve [--seeds 5] [--only flowers]

From each set, some photos of each class are drawn, and their learning curve expects an accuracy with twice as many.
Then heads are trained on these and as many others, and tested on the rest. scikit-learn's ``learning_curve`` measures
the accuracy on the same photos by cross-validation of its own logistic regression; it expects nothing of photos that
are not there. Means over the draws; "held" counts how often the 95% interval contained what twice the photos gave.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.label_noise.sets import PhotoSet, command_line, photo_sets
from benchmarks.machine import dated, hardware_line, versions_line
from graft_host.heads.head import train_head
from graft_host.heads.held_out import Rows
from graft_host.heads.recipe import Recipe
from graft_host.prospects.learning_curve import measure_learning_curve

_SIZES = {"flowers": (20, 40, 80), "cats and dogs": (20, 50, 100), "parts": (20, 40, 80)}
_VALIDATES = 0.15
_HEADS = 3


@dataclass(frozen=True, kw_only=True)
class Draw:
    """One draw of photos.

    Attributes:
        now: the curve's accuracy with the photos drawn.
        sklearn: that of scikit-learn.
        expected: the curve's accuracy with twice as many.
        held: whether the interval contains the true one.
        truth: of heads that were trained on twice as many photos, on all others.
        trend: of the curve.
    """

    now: float
    sklearn: float
    expected: float
    held: bool
    truth: float
    trend: str


def main() -> None:
    """Prints a line for each set and number of photos."""
    parser = command_line((__doc__ or "").splitlines()[0])
    parser.set_defaults(seeds=5, only=None)
    options = parser.parse_args()
    options.only = options.only or list(_SIZES)
    sys.stdout.write(f"{hardware_line(2)}\n{versions_line()}\n{dated()}\n\n")
    header = ("set", "photos a class", "now", "scikit-learn", "expected of twice", "truth", "error", "held", "trends")
    sys.stdout.write(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}\n")
    for found in photo_sets(options):
        for count in _SIZES[found.name]:
            with threadpool_limits(1):
                draws = [draw(found, count, seed) for seed in range(options.seeds)]
            sys.stdout.write(f"| {' | '.join(row(found.name, count, draws))} |\n")
            sys.stdout.flush()


def row(name: str, count: int, draws: Sequence[Draw]) -> Iterator[str]:
    """The cells of a line."""
    yield from (name, str(count))
    for key in ("now", "sklearn", "expected", "truth"):
        yield f"{fmean(getattr(one, key) for one in draws):.1%}"
    yield f"{fmean(abs(one.expected - one.truth) for one in draws):.1%}"
    yield f"{sum(one.held for one in draws)} of {len(draws)}"
    trends = [one.trend for one in draws]
    yield ", ".join(f"{trends.count(trend)} {trend}" for trend in dict.fromkeys(trends))


def draw(found: PhotoSet, count: int, seed: int) -> Draw:
    """Draws photos of each class, and compares what their curve expects with what twice as many give."""
    rng = np.random.default_rng([seed, count])
    order = [rng.permutation(np.flatnonzero(found.labels == label)) for label in range(found.classes)]
    few, more, rest = (
        np.concatenate([each[start:end] for each in order])
        for start, end in ((0, count), (count, 2 * count), (2 * count, None))
    )
    values, labels = found.bottlenecks, found.labels
    places = np.unique([found.places[one] for one in few], return_inverse=True)[1]
    rows = Rows(
        bottlenecks=values[few], labels=labels[few], photos=np.arange(len(few)), groups=places.astype(np.int64),
        validates=rng.random(len(few)) < _VALIDATES,
    )  # fmt: skip
    curve = measure_learning_curve(rows, found.classes, Recipe(seed=seed))
    twice = np.concatenate([few, more])
    truth = fmean(_accuracy(found, twice, rest, rng) for _ in range(_HEADS))
    assert curve.twice is not None  # noqa: S101  there are enough photos of each class
    return Draw(
        now=curve.points[-1].accuracy, sklearn=_sklearn(values[few], labels[few], seed),
        expected=curve.twice.accuracy, held=curve.twice.low <= truth <= curve.twice.high, truth=truth,
        trend=curve.trend,
    )  # fmt: skip


def _accuracy(found: PhotoSet, photos: NDArray[np.int64], tested: NDArray[np.int64], rng: np.random.Generator) -> float:
    """The accuracy of a head that is trained as ``graft train`` does: 15% validate, 15% are left out as test photos."""
    shuffled = rng.permutation(photos)
    apart = round(_VALIDATES * len(shuffled))
    chosen, train = shuffled[:apart], shuffled[2 * apart :]
    sides = [(found.bottlenecks[side], found.labels[side]) for side in (train, chosen)]
    head = train_head(sides[0], sides[1], found.classes, Recipe())
    return float(np.mean(head.predict(found.bottlenecks[tested]) == found.labels[tested]))


def _sklearn(values: NDArray[np.float32], labels: NDArray[np.int64], seed: int) -> float:
    """The last point of scikit-learn's learning curve: 70% of the photos train, as in ``graft train``."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import ShuffleSplit, learning_curve
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500))
    splits = ShuffleSplit(8, train_size=0.7, test_size=0.3, random_state=seed)
    scores = learning_curve(model, values, labels, train_sizes=[1.0], cv=splits)[2]
    return float(scores[-1].mean())


if __name__ == "__main__":
    main()
