"""The results: kept as lines of JSON, and shown as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev

from benchmarks.kept_lines import read_lines
from benchmarks.samples.methods import METHODS, PLAIN

Key = tuple[str, int, int]


@dataclass(frozen=True, kw_only=True)
class Result:
    """The heads of one run.

    Attributes:
        camera: the name of the camera.
        targets: target photos of each class.
        seed: of the draw.
        accuracies: balanced accuracy on the test photos by method.
        at_prior: accuracy where one class is 85% of the photos, without and with ``--prior``.
    """

    camera: str
    targets: int
    seed: int
    accuracies: dict[str, float]
    at_prior: tuple[float, float]

    @property
    def key(self) -> Key:
        """What distinguishes it from the other results."""
        return self.camera, self.targets, self.seed

    def gain(self, method: str) -> float:
        """How much more accurate a method is than the best plain one, which the test itself chooses."""
        return self.accuracies[method] - max(self.accuracies[plain] for plain in PLAIN)


def read(path: Path) -> dict[Key, Result]:
    """The results in a file; of two with one key, the last."""
    return {result.key: result for result in read_lines(path, Result)}


def methods_table(results: Iterable[Result]) -> list[str]:
    """A row for each method: mean over all runs, points against the best plain method, and the worst run."""
    listed = list(results)
    lines = [
        f"| method ({len(listed)} runs) | accuracy | against the best plain one | worst |",
        "| --- | --- | --- | --- |",
    ]
    for name in METHODS:
        shares = [result.accuracies[name] * 100 for result in listed]
        gains = [result.gain(name) * 100 for result in listed]
        lines.append(f"| {name} | {_spread(shares)} | {fmean(gains):+.1f} ± {pstdev(gains):.1f} | {min(gains):+.1f} |")
    lines.append("")
    without, known = ([result.at_prior[place] * 100 for result in listed] for place in (0, 1))
    lines.append(f"Where one class is 85% of the photos: {_spread(without)} without, {_spread(known)} with `--prior`.")
    return lines


def by_camera(results: Iterable[Result]) -> list[str]:
    """A row for each method, a column for each camera: the mean accuracy and its standard deviation."""
    listed = list(results)
    return _by([(name, [each for each in listed if each.camera == name]) for name in _seen(r.camera for r in listed)])


def by_targets(results: Iterable[Result]) -> list[str]:
    """A row for each method, a column for each number of target photos of a class."""
    listed = list(results)
    counts = sorted({result.targets for result in listed})
    return _by([(f"{count} a class", [each for each in listed if each.targets == count]) for count in counts])


def _by(groups: Sequence[tuple[str, list[Result]]]) -> list[str]:
    lines = [f"| method | {' | '.join(title for title, _ in groups)} |", "| --- " * (len(groups) + 1) + "|"]
    for name in METHODS:
        cells = [_spread([result.accuracies[name] * 100 for result in members]) for _, members in groups]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _seen(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.1f} ± {pstdev(values):.1f}"
