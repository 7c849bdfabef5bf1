"""Compares the head with scikit-learn's on the same arrays: time and loss."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import supplies
from benchmarks.contenders.growing import synthetic
from benchmarks.rows import Row, compared
from benchmarks.settings import Settings
from benchmarks.turns import Contender, Race, take_turns
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.photos.dataset import scan

_OURS, _THEIRS = "ours", "scikit-learn"
_LENGTH = 1280  # of mixed8
_PENALTY = 0.01
_MANY = 5_000  # photos, for which scikit-learn's search takes ten seconds
_SMALLEST = 5e-9  # the smallest loss that is shown


def measure(settings: Settings) -> list[Row]:
    """For each data set: one fit, the choice among 13 penalties, and the losses."""
    rows = []
    for photos, classes in settings.scale.heads:
        arrays, kind = _arrays(settings, photos, classes)
        name = f"{photos:,} {kind}, {classes} classes"
        turns = settings.scale.turns if photos < _MANY else settings.scale.long_turns
        one, search = _race(arrays, _PENALTY, turns), _race(arrays, None, turns)
        rows += [
            compared(
                f"{name}: one fit, C {_PENALTY}; against `LogisticRegression`",
                "s",
                one.seconds(_OURS),
                one.seconds(_THEIRS),
                note=f"ours on one core; {one.both(_OURS, _THEIRS, 1)}",
                why_worse="probably the principal directions, which are computed first and pay off with many penalties "
                "or classes",
            ),
            _loss(f"{name}: … penalized loss on the training photos", one, "objective", "both stop near the optimum"),
            compared(
                f"{name}: choice among 13 penalties; against `LogisticRegressionCV`",
                "s",
                search.seconds(_OURS),
                search.seconds(_THEIRS),
                note=f"C {_figure(search, _OURS, 'penalty'):.3g} against {_figure(search, _THEIRS, 'penalty'):.3g}; "
                f"validation photos right {_figure(search, _OURS, 'right'):.1%} against "
                f"{_figure(search, _THEIRS, 'right'):.1%}",
                why_worse="probably the principal directions, which ours computes first, on one core",
            ),
            _loss(
                f"{name}: … loss on the validation photos",
                search,
                "validation",
                "a better fit to the training photos is not always better on other photos",
            ),
        ]
    return rows


def _race(arrays: Path, penalty: float | None, turns: int) -> Race:
    request = {"arrays": str(arrays), "penalty": penalty}
    contenders = [
        Contender(_OURS, "benchmarks.contenders.heads:ours", request),
        Contender(_THEIRS, "benchmarks.contenders.heads:scikit_learn", request),
    ]
    return take_turns(contenders, turns)


def _loss(what: str, race: Race, key: str, why_worse: str) -> Row:
    ours, theirs = max(_figure(race, _OURS, key), _SMALLEST), max(_figure(race, _THEIRS, key), _SMALLEST)
    note = f"difference {ours / theirs - 1:+.2%}"
    return compared(what, "nats", [ours], [theirs], note=note, why_worse=why_worse)


def _figure(race: Race, name: str, key: str) -> float:
    return float(race.last(name).found[key])


def _arrays(settings: Settings, photos: int, classes: int) -> tuple[Path, str]:
    """A file with real bottlenecks if there are enough photos, or with synthetic ones; and which of the two it is."""
    path = settings.scratch / f"head-{photos}-{classes}.npz"
    dataset = scan(settings.photos, settings.cores)
    if classes == len(dataset.labels) and len(dataset.photos) >= photos:
        with Bottlenecks(supplies.backbone(settings), supplies.cache(settings)) as bottlenecks:
            chosen = np.random.default_rng(0).permutation(len(dataset.photos))[:photos]
            sample = [dataset.photos[index] for index in chosen]
            bottlenecks.extract(photos_alone(sample), settings.cores, lambda *_: None)
            x, y = bottlenecks.matrix(sample)
        kind = "photos"
    else:
        (x, y), kind = synthetic(photos, _LENGTH, classes), "synthetic bottlenecks"
    np.savez(path, bottlenecks=x, labels=y)
    return path, kind
