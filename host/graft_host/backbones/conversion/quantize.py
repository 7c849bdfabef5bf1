"""Finds a backbone of one tap in the cache, or calibrates and converts one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.cache import BackboneCache, CachedNetwork
from graft_host.backbones.conversion.calibration import calibration_photos
from graft_host.backbones.family import BackboneError
from graft_host.backbones.weights.find import check_tap
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress


def quantized_backbone(
    spec: BackboneSpec,
    training: Sequence[Photo],
    cache: Path,
    threads: int,
    recalibrate: bool = False,
    progress: Progress | None = None,
) -> Backbone:
    """Finds a backbone of one tap in the cache, or converts one.

    A cached backbone is reused if all photos that it was calibrated on are among the training photos. One of an earlier
    graftkit is reused if there is no other.

    Args:
        spec: what to convert from and to.
        training: the training photos; some of them, from each class in turn, calibrate an int8 backbone.
        cache: the folder of caches.
        threads: how many photos are decoded and run at a time.
        recalibrate: convert even if a cached backbone could be reused.
        progress: called with (photos calibrated on, photos).

    Raises:
        BackboneError: the family has no such tap, it is several, or the family takes no photos of this side.
        WeightsError: the weights do not reach the tap.
        DatasetError: no training photo can be decoded.
        ExportError: the conversion failed.
        CacheError: the cache cannot be written.
    """
    if len(spec.taps) > 1:
        raise BackboneError(f"{spec.tap} is several taps, and this converts one", "call make_backbone")
    stored = BackboneCache(cache)
    if not recalibrate and (cached := find_cached(stored, spec, {photo.digest for photo in training})):
        return as_backbone(spec, cached.network, reused=True, former=cached.former)
    from graft_host.backbones.conversion.convert import convert  # a cached backbone needs nothing that writes networks

    check_tap(spec.weights, spec.tap)
    photos: NDArray[np.uint8] | None = None
    digests: list[str] = []
    if spec.quantization == "int8":
        photos, digests = calibration_photos(training, spec.image_size, spec.resize, threads)
    (data,) = convert(spec.weights, (spec.tap,), spec.image_size, spec.quantization, photos, threads, progress)
    return as_backbone(spec, stored.store(spec.key, data, digests), reused=False)


@dataclass(frozen=True)
class Found:
    """A network in the cache.

    Attributes:
        network: the network.
        former: whether an earlier graftkit converted it.
    """

    network: CachedNetwork
    former: bool


def find_cached(stored: BackboneCache, spec: BackboneSpec, training: Collection[str]) -> Found | None:
    """The backbone in the cache, one of an earlier graftkit only if there is no other.

    Args:
        stored: the cache.
        spec: what it was converted from and to.
        training: the digests of the training photos, which include those that it was calibrated on.
    """
    if network := stored.find(spec.key, training):
        return Found(network, former=False)
    if spec.former_key and (network := stored.find(spec.former_key, training)):
        return Found(network, former=True)
    return None


def as_backbone(spec: BackboneSpec, network: CachedNetwork, *, reused: bool, former: bool = False) -> Backbone:
    """The backbone that a cached network is."""
    return Backbone(
        spec=spec,
        path=network.path,
        fingerprint=network.fingerprint,
        reused=reused,
        former=former,
        calibration_photos=len(network.calibration),
    )
