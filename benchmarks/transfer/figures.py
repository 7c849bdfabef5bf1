"""Writes the numbers of the figures of ``docs/explanation/transfer.md``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from benchmarks.transfer.results import Result
from graft_device.system.durable import write_atomically


@dataclass(frozen=True)
class Figure:
    """A figure with lines.

    Attributes:
        photo_set: the set that is shown.
        title: what it shows.
        lines: the name of each line by its method.
    """

    photo_set: str
    title: str
    lines: dict[str, str]


FIGURES = {
    "features": Figure(
        "orientation",
        "Balanced accuracy on held-out photos: which way up a thing stands",
        {"mixed7": "one tap, mixed7", "auto": "the readout that graft train chooses"},
    ),
}
"""The figures by name."""


def write_figures(path: Path, results: Iterable[Result]) -> None:
    """Writes the numbers of all figures into a file; what else the file holds stays.

    Args:
        path: a JSON file.
        results: of all sets; figures without any are left as they are.
    """
    listed = list(results)
    kept: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    for name, figure in FIGURES.items():
        lines = [{"name": text, "points": _points(listed, figure, method)} for method, text in figure.lines.items()]
        if all(line["points"] for line in lines):
            kept[name] = {"title": figure.title, "x": "photos of each class", "lines": lines}
    write_atomically(path, (json.dumps(kept, indent=1) + "\n").encode())


def _points(results: list[Result], figure: Figure, method: str) -> list[list[float]]:
    """Photos of each class, and mean and standard deviation of the balanced accuracy in percent."""
    chosen = [one for one in results if (one.photo_set, one.method) == (figure.photo_set, method)]
    points = []
    for photos in sorted({one.photos for one in chosen}):
        shares = [100 * one.figures["balanced"] for one in chosen if one.photos == photos]
        points.append([photos, round(fmean(shares), 1), round(pstdev(shares), 1)])
    return points
