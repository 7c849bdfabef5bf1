"""Converts one network for several taps, and cuts each tap's backbone out of it.

The shared layers are calibrated on the same photos either way, so a backbone that was cut out computes the same as one
that was converted by itself. It is cached under the same key, and ``graft train`` finds it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from graft_device.system.plain import read_plain
from graft_host.backbones.cache import BackboneCache, CachedNetwork
from graft_host.backbones.calibration import calibration_photos
from graft_host.backbones.conversion import convert_apart
from graft_host.backbones.graph_cut import cut, ordered
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
    """Finds a trunk in the cache, or converts one. Caches its backbones too.

    Args:
        spec: an int8 network; its tap is ignored.
        taps: two or more taps of the family.
        training: the training photos; up to 100 of them calibrate the trunk.
        cache: the folder of caches.
        threads: for decoding.
        recalibrate: convert even if a cached trunk could be reused.
        progress: called with (photos calibrated on, photos).

    Raises:
        GraftError: the weights do not reach a tap, no photo can be decoded, or the conversion failed.
    """
    depths = sorted(taps, key=spec.weights.family.depth)
    check_tap(spec.weights, depths[-1])
    stored = BackboneCache(cache)
    key = _key(spec, depths)
    network = None if recalibrate else stored.find(key, (photo.digest for photo in training))
    reused = network is not None
    if network is None:
        photos, digests = calibration_photos(training, spec.image_size, spec.resize, threads)
        data = convert_apart(spec.weights, depths, spec.image_size, spec.quantization, photos, progress)
        network = stored.store(key, ordered(data, len(depths), "the converted trunk"), digests)
    backbones = _backbones(stored, network, spec, depths, reused=reused)
    return Trunk(network.path, backbones, reused)


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


def _backbones(
    stored: BackboneCache, trunk: CachedNetwork, spec: BackboneSpec, taps: Sequence[str], *, reused: bool
) -> tuple[Backbone, ...]:
    specs = [replace(spec, tap=tap) for tap in taps]
    networks = cut(read_plain(trunk.path), len(taps), str(trunk.path))
    kept = [stored.store(one.key, data, trunk.calibration) for one, data in zip(specs, networks, strict=True)]
    return tuple(as_backbone(one, network, reused=reused) for one, network in zip(specs, kept, strict=True))


def _key(spec: BackboneSpec, taps: Sequence[str]) -> str:
    parts = ["trunk", *(replace(spec, tap=tap).key for tap in taps)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
