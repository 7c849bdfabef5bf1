"""Tiny models that remember their photos, and photos of further colours to learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from graft_device.learning.remembered import Array, Labels
from graft_device.model.memory import MEMORY_NAME
from graft_host.tflite.memory import memory_entry
from graft_host.tflite.metadata import add_metadata, archive
from tests.support.device_models import COLOURS, FLOAT_MEAN, FLOAT_STD, LABELS, NOVELTY, backbone, make_card, network
from tests.support.stores import PADDING, pack_of, padded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from graft_device.model import ModelCard

OTHERS = {"yellow": (225, 215, 30), "black": (20, 20, 20), "crimson": (232, 22, 31)}
"""Colours to learn; the last one is as good as red."""

_NOISE = 9
_PHOTOS = 30


def colours(name: str, count: int, seed: int = 0) -> Array:
    """Mean colours of photos of a colour, ``[count,3]``."""
    middle = {**COLOURS, **OTHERS}[name]
    rng = np.random.default_rng([seed, len(name), middle[0]])
    levels: Array = np.clip(np.rint(rng.normal(middle, _NOISE, (count, 3))), 0, 255).astype(np.float32)
    return levels


def write_photos_of(folder: Path, name: str, count: int, seed: int = 1) -> list[Path]:
    """Writes photos of a colour; those of another seed are others."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, colour in enumerate(colours(name, count, seed)):
        path = folder / f"{name}-{seed}-{number}.png"
        red, green, blue = (int(level) for level in colour)
        Image.new("RGB", (40, 40), (red, green, blue)).save(path)
        paths.append(path)
    return paths


def known_colours(count: int = _PHOTOS) -> tuple[Array, Labels]:
    """Bottlenecks of photos of the known colours, and their labels."""
    return np.concatenate([colours(name, count) for name in LABELS]), np.repeat(np.arange(3), count)


def write_learnable(
    path: Path,
    kind: str = "int8",
    *,
    photos: bool = True,
    unknown: bool = True,
    negatives: Sequence[str] = (),
    fitted: bool = False,
    golden: bool = True,
) -> Path:
    """Writes a model that distinguishes colours and remembers some.

    Args:
        path: the file.
        kind: ``int8`` or ``float32``.
        photos: whether it remembers photos; otherwise the means of its classes.
        unknown: whether it calls something unknown; only int8 models can.
        negatives: colours of photos of none of the classes.
        fitted: whether the backbone was fitted to the first half of the photos.
        golden: whether it has golden photos, for which the network is padded.
    """
    unknown = unknown and kind == "int8"
    card = learnable_card(kind, unknown=unknown)
    bare = network(kind, novelty=NOVELTY if unknown else None)
    net = add_metadata(padded(bare, PADDING if golden else 0), card)
    pack = pack_of(path.parent, net, card, golden)
    extras = {**pack.entries(), MEMORY_NAME: memory(kind, photos=photos, negatives=negatives, fitted=fitted)}
    path.write_bytes(net + archive(LABELS, card, extras))
    return path


def memory(
    kind: str = "int8",
    *,
    photos: bool = True,
    negatives: Sequence[str] = (),
    fitted: bool = False,
    count: int = _PHOTOS,
) -> bytes:
    """The memory of such a model."""
    bottlenecks, labels = known_colours(count)
    unlike = np.concatenate([colours(name, 20) for name in negatives]) if negatives else None
    if kind == "float32":
        bottlenecks = ((bottlenecks - FLOAT_MEAN) / FLOAT_STD).astype(np.float32)
    half = np.arange(len(labels)) % 2 == 0
    return memory_entry(
        backbone(kind), (bottlenecks[half], labels[half]), (bottlenecks[~half], labels[~half]), unlike, 3,
        fitted=fitted, photos=photos,
    )  # fmt: skip


def learnable_card(kind: str = "int8", *, unknown: bool = True) -> ModelCard:
    """The card of such a model."""
    from dataclasses import replace

    card = make_card(kind, head={"penalty": 0.1, "class_weight": "none"}, accuracy={"shipped": 1.0})
    threshold = {"unknown": {"score": 0.5, "false_rejection_rate": 0.05, "photos": 90}}
    return replace(card, thresholds=threshold if unknown else {})
