"""Photos of classes, of negatives and of other unknown things, with their bottlenecks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.label_noise.flowers import KINDS, render_flowers
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.make import make_backbone
from graft_host.demo.rendering.render import PARTS, UNKNOWN_OBJECTS, render_alone, render_part
from graft_host.photos.dataset import scan
from graft_host.support.progress import unwatched

RENDERED = 200
"""Photos of each rendered kind; as many are taken of cats and of dogs."""

_SIDE = 240


@dataclass(frozen=True)
class Subject:
    """What a model is to know and what it is to refuse.

    Attributes:
        name: for the table.
        known: the classes.
        negatives: the kind of photos that it learns to refuse.
        others: kinds of unknown things that it does not learn from.
    """

    name: str
    known: tuple[str, ...]
    negatives: str
    others: tuple[str, ...] = ()


SUBJECTS = (
    Subject("nuts and screws; washers", ("nut", "screw"), "washer", ("object",)),
    Subject("nuts and screws; other objects", ("nut", "screw"), "object", ("washer",)),
    *(
        Subject(f"four kinds of flowers; the fifth, {kind}", tuple(one for one in KINDS if one != kind), kind)
        for kind in KINDS
    ),
    Subject("cats and dogs; nuts", ("cats", "dogs"), "nut", ("screw", "washer", "object")),
)
"""Near unknown things first: washers look like nuts, and flowers like flowers."""


def write_photos(folder: Path, pets: Path) -> None:
    """Renders all photos that are not there, and links those of cats and dogs."""
    for label, name in enumerate([*PARTS, "object"]):
        own = folder / name
        if own.is_dir():
            continue
        own.mkdir(parents=True)
        for number in range(RENDERED):
            rng = np.random.default_rng([7, label, number])
            thing = UNKNOWN_OBJECTS[number % len(UNKNOWN_OBJECTS)]
            photo = render_part(name, rng, _SIDE) if name in PARTS else render_alone(thing, rng, _SIDE)
            photo.save(own / f"{number:04}.jpg", quality=90)
    if not (folder / min(KINDS)).is_dir():
        render_flowers(folder, RENDERED, 0, 1.0)
    for name in ("cats", "dogs"):
        own = folder / name
        if own.is_dir():
            continue
        own.mkdir()
        for path in sorted((pets / name).iterdir())[:RENDERED]:
            (own / path.name).symlink_to(path.resolve())


def bottlenecks(
    folder: Path, known: Sequence[str], wanted: Sequence[str], spec: BackboneSpec, cache: Path, threads: int
) -> dict[str, NDArray[np.float32]]:
    """The bottlenecks of kinds of photos, ``[N,D]`` each, of a backbone that is calibrated on the known ones.

    Args:
        folder: with a folder for each kind.
        known: the classes; every seventh photo of them may calibrate.
        wanted: the kinds.
        spec: what to convert.
        cache: the folder of backbones and bottlenecks.
        threads: to use.
    """
    dataset = scan(folder, threads, cache=cache)
    kinds = {name: [photo for photo in dataset.photos if dataset.labels[photo.label] == name] for name in wanted}
    backbone = make_backbone(spec, [photo for name in known for photo in kinds[name]][::7], cache, threads)
    with Bottlenecks(backbone, cache) as store:
        store.extract(photos_alone([photo for photos in kinds.values() for photo in photos]), threads, unwatched)
        return {name: store.matrix(photos)[0] for name, photos in kinds.items()}
