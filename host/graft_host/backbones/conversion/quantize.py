"""Finds a quantized backbone in the cache, or calibrates and converts one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_host.backbones.conversion.cache import BackboneCache, CachedNetwork
from graft_host.backbones.conversion.calibration import calibration_photos
from graft_host.backbones.family import BackboneError, WeightsSource
from graft_host.backbones.weights.find import check_tap
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress

_RECIPE = 2
"""Goes up when the same settings would give another network. Cached backbones are keyed by it."""

_FORMER_RECIPE = 1
"""TensorFlow's converter, 100 photos. Its int8 backbones are as accurate, so those in a cache are still used."""


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """What a backbone is converted from and to.

    Attributes:
        weights: with the family that they are for.
        tap: the layer that bottlenecks are taken from, or several with ``+`` between them in the order of their depth.
        image_size: the input side S in pixels.
        quantization: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        resize: ``squash`` or ``crop``, how the photos that calibrate it become squares.
    """

    weights: WeightsSource
    tap: str
    image_size: int
    quantization: str
    resize: str

    @property
    def taps(self) -> tuple[str, ...]:
        """The layers that bottlenecks are taken from, the earliest in the network first."""
        return self.weights.family.taps_of(self.tap)

    @property
    def key(self) -> str:
        """Names everything that the converted file of one tap depends on, except the calibration photos."""
        return self._key(_RECIPE)

    @property
    def former_key(self) -> str | None:
        """The key of a backbone of an earlier graftkit that is still used; None for float networks.

        They are written in a second, and must have the same operators as an int8 network that is compared with them.
        """
        return self._key(_FORMER_RECIPE) if self.quantization == "int8" else None

    def _key(self, recipe: int) -> str:
        parts = [recipe, self.weights.fingerprint, self.weights.mean, self.weights.std, self.tap, self.image_size]
        parts += [self.weights.last_pool, self.quantization, *self.weights.family.key_parts]
        if self.quantization == "int8":
            parts += [self.resize, PREPROCESS_VERSION]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """A converted backbone on disk.

    Attributes:
        spec: what it was converted from and to.
        path: the file.
        fingerprint: its SHA-256 in hex.
        calibration_photos: number of photos that the ranges of its activations were measured on.
        reused: whether it was cached.
        former: whether an earlier graftkit converted it.
        parts: the backbones of its taps, in the order of its outputs, which compute the same numbers each by itself;
            empty if it has one tap.
    """

    spec: BackboneSpec
    path: Path
    fingerprint: str
    reused: bool
    calibration_photos: int = 0
    former: bool = False
    parts: tuple[Backbone, ...] = ()


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
        raise BackboneError(f"{spec.tap} is several taps, and this converts one", "call joined.make_backbone")
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
