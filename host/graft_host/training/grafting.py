"""Trains a head for a material, and grafts it onto the backbone."""

from __future__ import annotations

from graft_device.model import ModelCard
from graft_device.model.memory import MEMORY_NAME
from graft_device.runtime import threads_to_use
from graft_host.heads.finished import FinishedHead, finish_head
from graft_host.heads.head import train_head
from graft_host.support import flatbuffer
from graft_host.tflite.fuse import fuse, fused_model
from graft_host.tflite.memory import memory_entry
from graft_host.tflite.metadata import insert_metadata
from graft_host.training.material import Material, group_numbers
from graft_host.training.negatives import learnable
from graft_host.training.options import HeadOptions
from graft_host.training.prior import prior_of


def finished_head(material: Material, options: HeadOptions) -> FinishedHead:
    """Trains a head, and sets its temperature and unknown threshold on photos that it was not trained on.

    Raises:
        DatasetError: the backbone was fitted to the training photos, and there are no validation photos.
        GraftError: gradient descent diverged.
    """
    classes, recipe = len(material.dataset.labels), options.recipe
    train, validation, groups = material.train, material.validation, material.groups
    threads, prior = threads_to_use(options.threads), prior_of(material, options)
    head = train_head(
        train, validation, classes, recipe, groups, threads, fitted=material.fitted, weights=material.weights
    )
    return finish_head(
        head, train, validation, recipe, groups, options.unknown_rate, threads, fitted=material.fitted,
        validation_groups=group_numbers(material.split.validation), weights=material.weights,
        shift=None if prior is None else prior.shift, negatives=learnable(material),
    )  # fmt: skip


def graft(material: Material, head: FinishedHead) -> bytes:
    """The network of backbone and head, still without labels and card."""
    backbone = material.backbone.path
    return fuse(backbone.read_bytes(), head.head, material.train[0], str(backbone), head.novelty)


def described_network(material: Material, head: FinishedHead, card: ModelCard) -> bytes:
    """The network of backbone and head with the standard metadata, still without labels and card."""
    backbone = material.backbone.path
    model = fused_model(backbone.read_bytes(), head.head, material.train[0], str(backbone), head.novelty)
    insert_metadata(model, card)
    return flatbuffer.pack(model)


def memory_of(material: Material, *, photos: bool) -> dict[str, bytes]:
    """The entry of the zip with what the file remembers of its photos, by its name.

    Test photos are not in it, because a board judges itself with it. Neither are copies of photos, nor photos from
    elsewhere.

    Args:
        material: of the model.
        photos: whether each photo's bottleneck is stored; otherwise the means of the classes are.
    """
    own = len(material.split.train)
    train = material.train[0][:own], material.train[1][:own]
    negatives = None if material.negatives is None else material.negatives.learned
    entry = memory_entry(
        material.backbone.path.read_bytes(), train, material.validation, negatives, len(material.dataset.labels),
        fitted=material.fitted, photos=photos,
    )  # fmt: skip
    return {MEMORY_NAME: entry}
