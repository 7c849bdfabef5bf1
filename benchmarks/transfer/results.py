"""The results: kept as lines of JSON, and shown as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from benchmarks.kept_lines import read_lines
from benchmarks.transfer.methods import METHODS, REFERENCE

_NONE = "-"
Key = tuple[str, int, str, int]


@dataclass(frozen=True, kw_only=True)
class Result:
    """One model.

    Attributes:
        photo_set: the name of the set.
        photos: photos of each class that it was trained on.
        method: the name of the method.
        seed: of the draw.
        cold: whether the cache was empty at the start, so that seconds and memory are those of a first run.
        seconds: from the start of the process to its end.
        processor: seconds of the processor, of all threads together.
        megabytes: the peak resident memory.
        figures: what ``benchmarks.transfer.one`` writes.
    """

    photo_set: str
    photos: int
    method: str
    seed: int
    cold: bool
    seconds: float
    processor: float
    megabytes: float
    figures: dict[str, Any]

    @property
    def key(self) -> Key:
        """What distinguishes it from the other results."""
        return self.photo_set, self.photos, self.method, self.seed


def read(path: Path) -> dict[Key, Result]:
    """The results in a file; of two with one key, the last."""
    return {result.key: result for result in read_lines(path, Result)}


def accuracies(results: Iterable[Result]) -> list[str]:
    """A row for each set and number of photos: mean and standard deviation of the balanced accuracy, in percent."""
    listed = list(results)
    methods = _methods(listed)
    lines = _header(["set", "photos a class", *(METHODS[name].title for name in methods)])
    for name, photos in _rows(listed):
        shares = [_balanced(listed, name, photos, method) for method in methods]
        lines.append(f"| {_shown(name)} | {photos} | {' | '.join(map(_spread, shares))} |")
    return lines


def gains(results: Iterable[Result]) -> list[str]:
    """A row for each method: points against the reference on the same draws of each set, whatever their size."""
    listed = list(results)
    sets = list(dict.fromkeys(result.photo_set for result in listed))
    balanced = {result.key: 100 * result.figures["balanced"] for result in listed}
    lines = _header(["points against " + REFERENCE.title, *map(_shown, sets)])
    for method in _methods(listed):
        if method == REFERENCE.name:
            continue
        cells = []
        for name in sets:
            pairs = [
                (points, balanced.get((name, photos, REFERENCE.name, seed)))
                for (photo_set, photos, other, seed), points in balanced.items()
                if (photo_set, other) == (name, method)
            ]
            differences = [points - base for points, base in pairs if base is not None]
            cells.append(f"{fmean(differences):+.1f}±{pstdev(differences):.1f}" if differences else _NONE)
        lines.append(f"| {METHODS[method].title} | {' | '.join(cells)} |")
    return lines


def costs(results: Iterable[Result]) -> list[str]:
    """A row for each set and number of photos: seconds of the processor and peak memory of a first run."""
    listed = [result for result in results if result.cold]
    methods = _methods(listed)
    lines = _header(["set", "photos a class", *(METHODS[name].title for name in methods)])
    kept = {(result.photo_set, result.photos, result.method): result for result in listed}
    for name, photos in _rows(listed):
        found = [kept.get((name, photos, method)) for method in methods]
        cells = [f"{one.processor:.0f} s, {one.megabytes:,.0f} MB" if one else _NONE for one in found]
        lines.append(f"| {_shown(name)} | {photos} | {' | '.join(cells)} |")
    return lines


def _shown(name: str) -> str:
    return name.replace("_", " ")


def _header(cells: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(cells)} |", f"| --- |{' --: |' * (len(cells) - 1)}"]


def _methods(results: Sequence[Result]) -> list[str]:
    present = {result.method for result in results}
    return [name for name in METHODS if name in present]


def _rows(results: Sequence[Result]) -> list[tuple[str, int]]:
    order = list(dict.fromkeys(result.photo_set for result in results))
    rows = {(result.photo_set, result.photos) for result in results}
    return sorted(rows, key=lambda row: (order.index(row[0]), row[1]))


def _balanced(results: Sequence[Result], name: str, photos: int, method: str) -> list[float]:
    return [
        100 * result.figures["balanced"]
        for result in results
        if (result.photo_set, result.photos, result.method) == (name, photos, method)
    ]


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.1f}±{pstdev(values):.1f}" if values else _NONE
