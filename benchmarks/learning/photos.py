"""Photos for learning: classes that a model knows, one that it learns, and things of no class."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.label_noise.flowers import render_flowers
from graft_host.demo.rendering.render import render_dataset

KNOWN = 150
"""Photos of each class that a model knows; the others test."""

_TESTED = 50


@dataclass(frozen=True)
class Set:
    """A task: classes that are known, a class to learn, and classes of strangers.

    Attributes:
        name: of the task.
        old: folders of the known classes.
        new: the folder of the class to learn.
        strangers: folders of what is of no class.
    """

    name: str
    old: tuple[Path, ...]
    new: Path
    strangers: tuple[Path, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """All classes, the new one last."""
        return (*(folder.name for folder in self.old), self.new.name)


@dataclass(frozen=True)
class Photos:
    """The photos of one class, divided."""

    known: tuple[Path, ...]
    tested: tuple[Path, ...]


def divided(folder: Path) -> Photos:
    """Deals the photos of a folder into those to learn from and those to test with; the same on every run."""
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    order = np.random.default_rng(0).permutation(len(paths))
    return Photos(
        tuple(paths[place] for place in order[:KNOWN]), tuple(paths[place] for place in order[KNOWN:][:_TESTED])
    )  # fmt: skip


def sets(folder: Path, pets: Path) -> list[Set]:
    """The tasks; renders the photos that are not there yet.

    Args:
        folder: for rendered photos.
        pets: a folder with photos of cats and of dogs.
    """
    parts, flowers = folder / "parts", folder / "flowers"
    _made(parts, lambda: render_dataset(parts, KNOWN + _TESTED, 0))
    _made(flowers, lambda: render_flowers(flowers, KNOWN + _TESTED, 0, 1.0))
    kinds = ("daisy", "dandelion", "rose", "sunflower")
    return [
        Set("pets + nuts", (pets / "cats", pets / "dogs"), parts / "nut", (parts / "washer", flowers / "rose")),
        Set(
            "flowers 4 + 1", tuple(flowers / kind for kind in kinds), flowers / "tulip", (parts / "nut", pets / "cats")
        ),
        Set("parts 2 + 1", (parts / "nut", parts / "screw"), parts / "washer", (pets / "cats", flowers / "tulip")),
    ]


def _made(folder: Path, make: Callable[[], object]) -> None:
    if not folder.exists():
        make()
