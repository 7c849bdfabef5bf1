"""Writes one network for several taps, and each tap's backbone by itself.

A layer's scale never depends on what comes after a tap, so a backbone is byte for byte the one that is written for its
tap alone on the same photos. It is cached under the same key, and ``graft train`` finds it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.cache import BackboneCache
from graft_host.backbones.conversion.calibration import MAX_CALIBRATION_PHOTOS, calibration_photos
from graft_host.backbones.conversion.quantize import Found, as_backbone, find_cached
from graft_host.backbones.weights.find import check_tap
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress

if TYPE_CHECKING:
    from graft_host.backbones.conversion.convert import ParameterReader


@dataclass(frozen=True)
class Trunk:
    """Backbones of one image size, calibrated together.

    Attributes:
        path: the network with one output per backbone, in the order of ``backbones``.
        backbones: one per tap, in the order of their depth.
        reused: whether the network was cached.
        calibration: digests of the photos that its ranges were measured on; empty for float networks.
    """

    path: Path
    backbones: tuple[Backbone, ...]
    reused: bool
    calibration: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of the network in hex, which the cache names its file by."""
        return self.path.stem


def quantized_trunk(
    spec: BackboneSpec,
    taps: Sequence[str],
    training: Sequence[Photo],
    cache: Path,
    threads: int,
    recalibrate: bool = False,
    progress: Progress | None = None,
    reader: ParameterReader | None = None,
) -> Trunk:
    """Finds a trunk in the cache, or writes one. Caches its backbones too.

    Args:
        spec: what to convert from and to; its tap is ignored.
        taps: two or more taps of the family.
        training: the training photos; some of them calibrate an int8 trunk. If a tap's backbone is cached, these are
            the photos that it was calibrated on, so that its bottlenecks can be used.
        cache: the folder of caches.
        threads: how many photos are decoded and run at a time.
        recalibrate: convert even if a cached trunk could be reused.
        progress: called with (photos calibrated on, photos).
        reader: of the weights, which keeps what it read for other image sizes; None to keep nothing.

    Raises:
        GraftError: the weights do not reach a tap, no photo can be decoded, or the conversion failed.
    """
    depths = sorted(taps, key=spec.weights.family.place)
    check_tap(spec.weights, depths[-1])
    stored = BackboneCache(cache)
    if not recalibrate and (cached := _cached(stored, spec, depths, {photo.digest for photo in training})):
        return cached
    photos: NDArray[np.uint8] | None = None
    digests: list[str] = []
    if spec.quantization == "int8":
        chosen = training if recalibrate else _calibrating(stored, _at(spec, depths), training)
        photos, digests = calibration_photos(chosen, spec.image_size, spec.resize, threads)
    from graft_host.backbones.conversion.convert import convert  # a cached trunk needs nothing that writes networks

    files = convert(spec.weights, depths, spec.image_size, spec.quantization, photos, threads, progress, reader)
    specs = _at(spec, depths)
    made = [stored.store(one.key, data, digests) for one, data in zip(specs, files[1:], strict=True)]
    backbones = (as_backbone(one, network, reused=False) for one, network in zip(specs, made, strict=True))
    return store_trunk(stored, tuple(backbones), files[0], digests)


def store_trunk(stored: BackboneCache, backbones: tuple[Backbone, ...], data: bytes, digests: Sequence[str]) -> Trunk:
    """Stores the network of several backbones.

    Args:
        stored: the cache.
        backbones: one per output of the network, by depth.
        data: the flatbuffer.
        digests: of the photos that it was calibrated on.
    """
    network = stored.store(_key_of(backbones), data, digests)
    return Trunk(network.path, backbones, reused=False, calibration=network.calibration)


def find_trunk(stored: BackboneCache, backbones: tuple[Backbone, ...], digests: Sequence[str]) -> Trunk | None:
    """The stored network of several backbones; None if there is none.

    Args:
        stored: the cache.
        backbones: one per output of the network, by depth.
        digests: of the photos that they were calibrated on.
    """
    network = stored.find(_key_of(backbones), digests)
    if network is None or set(network.calibration) != set(digests):
        return None
    return Trunk(network.path, backbones, reused=True, calibration=network.calibration)


def cached_trunk(spec: BackboneSpec, taps: Sequence[str], training: Sequence[Photo], cache: Path) -> Trunk | None:
    """The trunk of some taps in the cache; None if it is not there, or one of its backbones is not.

    Args:
        spec: what it was converted from and to; its tap is ignored.
        taps: two or more taps of the family.
        training: the training photos, which include those that it was calibrated on.
        cache: the folder of caches.
    """
    depths = sorted(taps, key=spec.weights.family.place)
    return _cached(BackboneCache(cache), spec, depths, {photo.digest for photo in training})


def cached_backbones(
    spec: BackboneSpec, taps: Sequence[str], training: Sequence[Photo], cache: Path
) -> tuple[Backbone, ...] | None:
    """The backbones of several taps by depth; None unless all are cached and alike.

    They are alike if they were calibrated on the same photos, and either all or none by an earlier graftkit.
    """
    specs = _at(spec, sorted(taps, key=spec.weights.family.place))
    cached = _alike(BackboneCache(cache), specs, {photo.digest for photo in training})
    return _backbones(specs, cached) if cached else None


def _calibrating(stored: BackboneCache, specs: Sequence[BackboneSpec], training: Sequence[Photo]) -> Sequence[Photo]:
    """The photos that the cached backbone of the deepest tap was calibrated on; all if they would be too few."""
    digests = {photo.digest for photo in training}
    for spec in reversed(specs):
        if network := stored.find(spec.key, digests):
            if len(network.calibration) < min(MAX_CALIBRATION_PHOTOS, len(training)) / 2:
                break
            return [photo for photo in training if photo.digest in network.calibration]
    return training


def _cached(stored: BackboneCache, spec: BackboneSpec, taps: Sequence[str], digests: Collection[str]) -> Trunk | None:
    """The trunk in the cache; None unless the backbones of all taps are there, cut out of it."""
    specs = _at(spec, taps)
    former_keys = [one.former_key for one in specs if one.former_key]
    if network := stored.find(trunk_key(one.key for one in specs), digests):
        cached, former = _alike(stored, specs, network.calibration), False
    elif former_keys and (network := stored.find(trunk_key(former_keys), digests)):
        cached, former = _alike(stored, specs, digests), True
    else:
        return None
    if cached is None or cached[0].former != former or cached[0].network.calibration != network.calibration:
        return None
    return Trunk(network.path, _backbones(specs, cached), reused=True, calibration=network.calibration)


def _alike(stored: BackboneCache, specs: Sequence[BackboneSpec], training: Collection[str]) -> list[Found] | None:
    """The network of each spec; None unless all are cached and alike."""
    cached = [network for spec in specs if (network := find_cached(stored, spec, training))]
    recipes = {(each.former, each.network.calibration) for each in cached}
    return cached if len(cached) == len(specs) and len(recipes) == 1 else None


def _backbones(specs: Sequence[BackboneSpec], cached: Sequence[Found]) -> tuple[Backbone, ...]:
    pairs = zip(specs, cached, strict=True)
    return tuple(as_backbone(spec, each.network, reused=True, former=each.former) for spec, each in pairs)


def _at(spec: BackboneSpec, taps: Sequence[str]) -> list[BackboneSpec]:
    return [replace(spec, tap=tap) for tap in taps]


def _key_of(backbones: Iterable[Backbone]) -> str:
    keys = (one.spec.former_key if one.former else one.spec.key for one in backbones)
    return trunk_key(keys)


def trunk_key(keys: Iterable[str | None]) -> str:
    """The key of a trunk, of those of its backbones."""
    return hashlib.sha256(json.dumps(["trunk", *keys]).encode()).hexdigest()[:32]
