"""Plans a fine-tuning: where the network is cut, how often each photo is trained on, how many folds try it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.fine_tuning.maps import MOST_BYTES
from graft_host.networks.cuts.tails import cut_points, tail_of
from graft_host.networks.layers import Network

TAIL_RATE, HEAD_RATE = 3e-4, 3e-5
"""Adam's step sizes at the beginning; a cosine lets both sink to 0."""

BATCH = 32
FOLDS = 3

FEWEST_PHOTOS = 12
"""Different training photos that the smallest class needs: with fewer, a trial loses or shows nothing."""

_LARGEST_SHARE = 0.34  # of the network's multiplications that the tail may have
_MOST_EPOCHS, _FEWEST_EPOCHS = 20, 6
_PASSES = 8000  # photos trained on in one training, within these epochs
_MOST_RENDITIONS = 8  # of a photo: more add little


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a fine-tuning does.

    Attributes:
        cut: the layer behind which layers are trained.
        tail: these layers.
        renditions: how many renditions of each photo are trained on.
        epochs: how often each photo is trained on.
    """

    cut: str
    tail: Network
    renditions: int
    epochs: int


def make_plan(spec: BackboneSpec, photos: int, others: int, renditions: int, room: int) -> Plan | str:
    """Plans the fine-tuning of a backbone.

    Args:
        spec: of the backbone.
        photos: number of training photos.
        others: number of photos whose maps are needed, but that are not trained on.
        renditions: of each training photo that a material has.
        room: how many bytes the maps may take.

    Returns:
        The plan; where there is none, the reason in one clause.
    """
    cuts = [tail for tail in _tails(spec) if _share(spec, tail) <= _LARGEST_SHARE]
    if not cuts:
        return f"{spec.tap} leaves no layers that could be trained"
    epochs = min(_MOST_EPOCHS, max(_FEWEST_EPOCHS, round(_PASSES / photos)))
    smallest = 0
    for tail in cuts:
        for wanted in range(min(renditions, _MOST_RENDITIONS), 0, -1):
            needed = (photos * wanted + others) * math.prod(tail.entrance.shape)
            if needed <= room:
                return Plan(cut=tail.entrance.name, tail=tail, renditions=wanted, epochs=epochs)
            smallest = min(smallest or needed, needed)
    limit = "which is the limit" if room == MOST_BYTES else "which is what the disk has free"
    return f"its maps would take {smallest / 1e6:,.0f} MB on disk, more than {room / 1e6:,.0f} MB, {limit}"


def _tails(spec: BackboneSpec) -> Iterator[Network]:
    """The tails behind the places where the map is as small as at any place before, the longest tail first."""
    family = spec.weights.family
    network = family.network(spec.weights, spec.taps, spec.image_size)
    whole = family.network(spec.weights, family.taps, spec.image_size)
    smallest = math.inf
    for cut in cut_points(network, whole):
        size = math.prod(network[cut].shape)
        if size <= smallest:
            smallest = size
            yield tail_of(network, cut)


def _share(spec: BackboneSpec, tail: Network) -> float:
    """The share of the network's multiplications that are the tail's."""
    return multiplications(tail) / multiplications(
        spec.weights.family.network(spec.weights, spec.taps, spec.image_size)
    )


def multiplications(network: Network) -> int:
    """How many multiplications the convolutions of a network take for one photo."""
    return sum(math.prod(network.kernel_shape(layer)) * math.prod(layer.shape[:2]) for layer in network.convolutions)
