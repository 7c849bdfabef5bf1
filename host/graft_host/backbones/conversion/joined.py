"""Finds or writes the backbone of a value of ``--tap``: that of one tap, or one network for several.

The bottlenecks of several taps are those of each tap, side by side. Each tap's output has its own scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graft_device.system.plain import read_plain
from graft_host.backbones.conversion.cache import BackboneCache
from graft_host.backbones.conversion.quantize import Backbone, BackboneSpec, quantized_backbone
from graft_host.backbones.conversion.trunk import Trunk, find_trunk, quantized_trunk, store_trunk
from graft_host.backbones.family import JOIN
from graft_host.networks.cutting import cut
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress


def make_backbone(
    spec: BackboneSpec,
    training: Sequence[Photo],
    cache: Path,
    threads: int,
    recalibrate: bool = False,
    progress: Progress | None = None,
) -> Backbone:
    """Finds a backbone in the cache, or converts one.

    Args:
        spec: what to convert from and to, with one tap or several.
        training: the training photos; some of them calibrate an int8 backbone.
        cache: the folder of caches.
        threads: how many photos are decoded and run at a time.
        recalibrate: convert even if a cached backbone could be reused.
        progress: called with (photos calibrated on, photos).

    Raises:
        GraftError: the weights do not reach the last tap, no photo can be decoded, or the conversion failed.
    """
    if len(spec.taps) == 1:
        return quantized_backbone(spec, training, cache, threads, recalibrate, progress)
    return joined(quantized_trunk(spec, spec.taps, training, cache, threads, recalibrate, progress))


def joined(trunk: Trunk) -> Backbone:
    """The backbone whose bottlenecks are those of all taps of a trunk, side by side."""
    if len(trunk.backbones) == 1:
        return trunk.backbones[0]
    first = trunk.backbones[0]
    tap = JOIN.join(part.spec.tap for part in trunk.backbones)
    return Backbone(
        spec=replace(first.spec, tap=tap),
        path=trunk.path,
        fingerprint=trunk.fingerprint,
        reused=trunk.reused,
        calibration_photos=first.calibration_photos,
        former=first.former,
        parts=trunk.backbones,
    )


def joined_from(trunk: Trunk, taps: Sequence[str], cache: Path) -> Backbone:
    """The backbone of some taps of a trunk, from the cache or cut from the trunk's file.

    Args:
        trunk: its own network, with an output for each of its backbones.
        taps: of the trunk, in any order.
        cache: the folder of caches.

    Raises:
        GraftError: the trunk's file is damaged, or the cache cannot be written.
    """
    places = [place for place, part in enumerate(trunk.backbones) if part.spec.tap in taps]
    parts = tuple(trunk.backbones[place] for place in places)
    if len(parts) in {1, len(trunk.backbones)}:
        return joined(replace(trunk, backbones=parts))
    stored = BackboneCache(cache)
    if known := find_trunk(stored, parts, trunk.calibration):
        return joined(known)
    data = cut(read_plain(trunk.path), places, str(trunk.path))
    return joined(store_trunk(stored, parts, data, trunk.calibration))
