"""Takes a model file apart for learning: its network, its head, its memory, and what its card says of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graft_device.errors import GraftError, ModelError
from graft_device.learning.flat import FlatNetwork, editing
from graft_device.learning.head_file import HeadShape, head_numbers, head_shape
from graft_device.learning.new_head import OldHead
from graft_device.learning.remembered import Means, Remembered, draw, unpack_means, unpack_photos
from graft_device.model import ModelFile
from graft_device.model.memory import PHOTOS, Part, read_memory
from graft_device.model.rules import is_number
from graft_device.system.plain import read_plain

_USUAL_PENALTY = 0.03
"""C of a head whose card has none, such as one of plain gradient descent."""


@dataclass(frozen=True)
class Pieces:
    """A model file, taken apart.

    Attributes:
        model: labels and card.
        network: that of the file.
        shape: of its head.
        old: its head.
        parts: the steps of remembered bottlenecks.
        remembered: bottlenecks of photos, or such that were drawn.
        means: what they were drawn from; None if they are of photos.
    """

    model: ModelFile
    network: FlatNetwork
    shape: HeadShape
    old: OldHead
    parts: tuple[Part, ...]
    remembered: Remembered
    means: Means | None


def take_apart(model: ModelFile) -> Pieces:
    """Reads what learning needs of a file whose network was checked.

    Raises:
        ModelError: the file is damaged, or its head is not one that ``graft train`` writes.
        GraftError: the file has no memory.
    """
    memory = read_memory(model.path)
    if memory is None:
        raise GraftError(
            f"{model.path} remembers nothing of what it was trained on, so it cannot learn",
            "train it again with this graftkit's 'graft train'",
        )
    header, stream = memory
    with editing(model.path):
        network = FlatNetwork(read_plain(model.path)[: model.network_bytes])
        shape = head_shape(network)
        old = _old_head(model, network)
    classes = len(model.labels)
    means: Means | None = None
    try:
        if shape.classes != classes or header.length != shape.length:
            raise ValueError("it belongs to another network")
        if header.kind == PHOTOS:
            remembered = unpack_photos(header, stream, classes)
            if set(remembered.labels[remembered.labels >= 0].tolist()) != set(range(classes)):
                raise ValueError("a class without a photo")
        else:
            means = unpack_means(header, stream, classes)
            remembered = draw(means)
    except ValueError as error:
        what = f"{model.path} has a memory that cannot be used ({error})"
        raise ModelError(what, "copy the model again") from error
    return Pieces(model, network, shape, old, header.parts, remembered, means)


def _old_head(model: ModelFile, network: FlatNetwork) -> OldHead:
    kernel, bias = head_numbers(network)
    head = model.card.training.get("head") or {}
    penalty: Any = head.get("penalty")
    usable = is_number(penalty) and 1e-9 < penalty < 1e9  # noqa: PLR2004  far beyond what training tries
    rate = float((model.card.thresholds.get("unknown") or {}).get("false_rejection_rate") or 0.0)
    balanced = head.get("class_weight") == "balanced"
    return OldHead(kernel, bias, float(penalty) if usable else _USUAL_PENALTY, balanced, min(rate, 0.5))
