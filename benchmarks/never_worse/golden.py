"""Measures how often a new file changes golden photos of an old one; run ``python -m benchmarks.never_worse.golden``.

Both files of a pair come from ``graft_host.train``, as those of users do: the old one from ``EACH`` photos a class, the
new one from other photos or labels. A pair is refused if a golden photo that can be compared has another label, or is
called unknown.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.label_noise.sets import PhotoFolder, command_line, photo_folders
from benchmarks.machine import dated, hardware_line, versions_line
from benchmarks.never_worse.kinds import Kind
from graft_host import train
from graft_host.evaluation.golden_kept import GoldenCheck, check_golden
from graft_host.evaluation.old_model import open_old_model

EACH = 60
"""Photos of a class that the old model is made from; a part of them are for tests."""

_THREADS = 2


KINDS = (
    Kind("a fifth replaced", replaced=0.2),
    Kind("all replaced", replaced=1.0),
    Kind("a quarter as many", share=0.25),
    Kind("40% of one class mislabelled", confused=0.4),
)
"""The first two are as good as the old models."""


@dataclass(frozen=True)
class Pair:
    """An old and a new file.

    Attributes:
        lost: how many points of accuracy less the new one has on its own test photos.
        golden: what became of the golden photos.
    """

    lost: float
    golden: GoldenCheck


def draw(photos: Path, kind: Kind, seed: int, target: Path) -> None:
    """Fills a folder with a class folder of links for each class of ``photos``; the seed draws the photos."""
    folders = sorted(path for path in photos.iterdir() if path.is_dir())
    for number, folder in enumerate(folders):
        names = sorted(path.name for path in folder.iterdir())
        order = np.random.default_rng([seed, number]).permutation(len(names))
        chosen = kind.drawn(order, EACH)
        confused = round(kind.confused * len(chosen)) if number == 0 else 0
        for place, index in enumerate(chosen):
            path = folder / names[index]
            label = folders[1].name if place < confused else folder.name
            link = target / label / f"{folder.name}-{path.name}"
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())


def pairs(found: PhotoFolder, kinds: Sequence[Kind], seed: int, options: argparse.Namespace) -> list[Pair]:
    """Makes an old model of a draw, and a new one of each kind."""
    work = options.folder / "golden"
    shutil.rmtree(work, ignore_errors=True)

    def made(name: str, kind: Kind) -> tuple[Path, float]:
        draw(found.folder, kind, seed, work / name)
        result = train(
            work / name, work / f"{name}.tflite", weights=options.weights, tap=found.tap, image_size=found.size,
            seed=seed, threads=_THREADS, cache=options.folder / "cache",
        )  # fmt: skip
        return work / f"{name}.tflite", result.accuracy.shipped

    before, accuracy = made("old", Kind("old"))
    old = [open_old_model(before)]
    made_new = [made(f"new-{number}", kind) for number, kind in enumerate(kinds)]
    return [Pair(100 * (accuracy - after), check_golden(path, old)) for path, after in made_new]


def row(name: str, kind: Kind, measured: Sequence[Pair]) -> str:
    """A row of the table: shares of pairs and of golden photos."""
    photos = [photo for pair in measured for photo in pair.golden.photos]
    changed = [photo for photo in photos if not photo.kept]
    refused = sum(bool(pair.golden.changed) for pair in measured)
    lost = float(np.mean([pair.lost for pair in measured]))
    unknown = sum(photo.new.unknown for photo in changed)
    return (
        f"| {name} | {kind.name} | {lost:.1f} | {len(photos) / len(measured):.1f} | {refused} of {len(measured)} | "
        f"{len(changed)} of {len(photos)}, {unknown} as unknown |"
    )


def main() -> None:
    """Prints the table as Markdown."""
    options = command_line(__doc__).parse_args()
    sys.stdout.write(f"{hardware_line(_THREADS)}\n{versions_line()}\n{dated()}\n\n")
    sys.stdout.write("| set | new model | points lost | golden photos compared | pairs refused | photos changed |\n")
    sys.stdout.write("| --- " * 6 + "|\n")
    for found in photo_folders(options):
        measured = [pairs(found, KINDS, seed, options) for seed in range(options.seeds)]
        for kind, of_kind in zip(KINDS, zip(*measured, strict=True), strict=True):
            sys.stdout.write(f"{row(found.name, kind, of_kind)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
