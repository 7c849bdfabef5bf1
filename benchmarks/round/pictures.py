"""The pictures of the round, all rendered: photos to begin with, what the boards see, and new ones to test with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graft_host.demo.rendering.render import render_alone

FIRST = ("nut", "screw")
"""What the first model knows."""

ALL = ("nut", "screw", "washer")
"""What the second one knows: washers turn up on the boards."""

STRANGER = "leaf"
_SIDE = 256


@dataclass(frozen=True)
class Rendered:
    """Pictures in folders, and what each shows.

    Attributes:
        folder: with a folder for each thing, or flat.
        shows: what each picture shows, by the SHA-256 of its file.
    """

    folder: Path
    shows: dict[str, str]


def class_folders(folder: Path, names: Sequence[str], each: int, seed: int) -> Rendered:
    """Renders ``each`` pictures of each thing into ``folder/NAME/``."""
    return _rendered(folder, [(name, f"{name}/{number:04}.jpg") for name in names for number in range(each)], seed)


def camera_roll(folder: Path, names: Sequence[str], each: int, seed: int) -> Rendered:
    """Renders pictures into one folder, as a camera would leave them: their names say nothing."""
    order = [name for name in names for _ in range(each)]
    np.random.default_rng(seed).shuffle(order)
    return _rendered(folder, [(name, f"{number:04}.jpg") for number, name in enumerate(order)], seed)


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _rendered(folder: Path, files: Sequence[tuple[str, str]], seed: int) -> Rendered:
    shows = {}
    for number, (name, file) in enumerate(files):
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        render_alone(name, np.random.default_rng([seed, number]), _SIDE).save(path, quality=92)
        shows[digest(path)] = name
    return Rendered(folder, shows)
