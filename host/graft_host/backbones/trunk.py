"""Writes one network for several taps, and each tap's backbone by itself.

A layer's scale never depends on what comes after a tap, so a backbone is byte for byte the one that is written for its
tap alone on the same photos. It is cached under the same key, and ``graft train`` finds it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graft_host.backbones.cache import BackboneCache
from graft_host.backbones.calibration import calibration_photos
from graft_host.backbones.convert import convert
from graft_host.backbones.quantize import Backbone, BackboneSpec, as_backbone
from graft_host.backbones.weights import check_tap
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress


@dataclass(frozen=True)
class Trunk:
    """Backbones of one image size, calibrated together.

    Attributes:
        path: the network with one output per backbone, in the order of ``backbones``.
        backbones: one per tap, in the order of their depth.
        reused: whether the network was cached.
    """

    path: Path
    backbones: tuple[Backbone, ...]
    reused: bool


def quantized_trunk(
    spec: BackboneSpec,
    taps: Sequence[str],
    training: Sequence[Photo],
    cache: Path,
    threads: int,
    recalibrate: bool = False,
    progress: Progress | None = None,
) -> Trunk:
    """Finds a trunk in the cache, or writes one. Caches its backbones too.

    Args:
        spec: an int8 network; its tap is ignored.
        taps: two or more taps of the family.
        training: the training photos; some of them calibrate the trunk.
        cache: the folder of caches.
        threads: how many photos are decoded and run at a time.
        recalibrate: convert even if a cached trunk could be reused.
        progress: called with (photos calibrated on, photos).

    Raises:
        GraftError: the weights do not reach a tap, no photo can be decoded, or the conversion failed.
    """
    depths = sorted(taps, key=spec.weights.family.depth)
    check_tap(spec.weights, depths[-1])
    stored = BackboneCache(cache)
    if not recalibrate and (cached := _cached(stored, spec, depths, training)):
        return cached
    photos, digests = calibration_photos(training, spec.image_size, spec.resize, threads)
    files = convert(spec.weights, depths, spec.image_size, spec.quantization, photos, threads, progress)
    specs = [replace(spec, tap=tap) for tap in depths]
    made = [stored.store(one.key, data, digests) for one, data in zip(specs, files[1:], strict=True)]
    network = stored.store(_key(spec, depths), files[0], digests)
    backbones = (as_backbone(one, network, reused=False) for one, network in zip(specs, made, strict=True))
    return Trunk(network.path, tuple(backbones), reused=False)


def cached_backbones(
    spec: BackboneSpec, taps: Sequence[str], training: Sequence[Photo], cache: Path
) -> tuple[Backbone, ...] | None:
    """The backbones of several taps by depth; None unless all are cached and were calibrated on the same photos."""
    stored = BackboneCache(cache)
    specs = [replace(spec, tap=tap) for tap in sorted(taps, key=spec.weights.family.depth)]
    digests = {photo.digest for photo in training}
    cached = [stored.find(one.key, digests) for one in specs]
    if len({None if network is None else network.calibration for network in cached}) > 1 or cached[0] is None:
        return None
    return tuple(as_backbone(one, network, reused=True) for one, network in zip(specs, cached, strict=True) if network)


def _cached(stored: BackboneCache, spec: BackboneSpec, taps: Sequence[str], training: Sequence[Photo]) -> Trunk | None:
    """The trunk in the cache; None unless the backbones of all taps are there, measured on the same photos."""
    digests = {photo.digest for photo in training}
    network = stored.find(_key(spec, taps), digests)
    if network is None:
        return None
    specs = [replace(spec, tap=tap) for tap in taps]
    found = [stored.find(one.key, network.calibration) for one in specs]
    if any(each is None or each.calibration != network.calibration for each in found):
        return None
    backbones = (as_backbone(one, each, reused=True) for one, each in zip(specs, found, strict=True) if each)
    return Trunk(network.path, tuple(backbones), reused=True)


def _key(spec: BackboneSpec, taps: Sequence[str]) -> str:
    parts = ["trunk", *(replace(spec, tap=tap).key for tap in taps)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
