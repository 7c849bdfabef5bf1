"""Calibrates and converts a backbone, once per weights, tap, image size and calibration set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError, ExportError, PhotoError
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.preprocess import preprocess
from graft_host.backbones.cache import BackboneCache, CachedNetwork
from graft_host.backbones.weights import WeightsSource, check_tap
from graft_host.photos.dataset import Photo
from graft_host.support.isolated import call_quietly
from graft_host.support.progress import Progress
from graft_host.support.scratch import scratch

MAX_CALIBRATION_PHOTOS = 100

_RECIPE = 1
"""Goes up when the same settings would give another network; cached backbones are keyed by it."""


@dataclass(frozen=True)
class BackboneSpec:
    """What a backbone is converted from and to."""

    weights: WeightsSource
    tap: str
    image_size: int
    quantization: str
    resize: str

    @property
    def key(self) -> str:
        """Names everything that the converted file depends on, the calibration photos apart."""
        parts = [_RECIPE, self.weights.fingerprint, self.weights.mean, self.weights.std, self.tap, self.image_size]
        parts += [self.weights.last_pool, self.quantization]
        if self.quantization == "int8":
            parts += [self.resize, PREPROCESS_VERSION]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Backbone:
    """A converted backbone on disk.

    Attributes:
        spec: what it was converted from and to.
        path: the file.
        fingerprint: its SHA-256 in hex.
        calibration_photos: how many photos the ranges of its activations were measured on.
        reused: whether it was cached.
    """

    spec: BackboneSpec
    path: Path
    fingerprint: str
    reused: bool
    calibration_photos: int = 0


def quantized_backbone(
    spec: BackboneSpec,
    training: Sequence[Photo],
    cache: Path,
    threads: int,
    recalibrate: bool = False,
    progress: Progress | None = None,
) -> Backbone:
    """Finds a backbone in the cache, or converts one.

    A cached one is reused as long as all the photos that it was calibrated on are among the training photos.

    Args:
        spec: what is wanted.
        training: the photos to train on; up to 100, from each class in turn, calibrate an int8 backbone.
        cache: folder of the kit's caches.
        threads: for decoding.
        recalibrate: convert even if a cached backbone would do.
        progress: called with (photos calibrated on, photos).

    Raises:
        WeightsError: the weights don't reach the tap.
        DatasetError: no training photo can be decoded.
        ExportError: the conversion failed.
        CacheError: the cache cannot be written.
    """
    check_tap(spec.weights, spec.tap)
    stored = BackboneCache(cache)
    if not recalibrate and (found := stored.find(spec.key, (photo.digest for photo in training))):
        return as_backbone(spec, found, reused=True)
    photos: NDArray[np.uint8] | None = None
    digests: list[str] = []
    if spec.quantization == "int8":
        photos, digests = calibration_photos(spec, training, threads)
    data = convert_apart(spec, (spec.tap,), photos, progress)
    return as_backbone(spec, stored.store(spec.key, data, digests), reused=False)


def as_backbone(spec: BackboneSpec, network: CachedNetwork, *, reused: bool) -> Backbone:
    """A cached network as the backbone that it is."""
    return Backbone(spec, network.path, network.fingerprint, reused, len(network.calibration))


def calibration_photos(
    spec: BackboneSpec, training: Sequence[Photo], threads: int
) -> tuple[NDArray[np.uint8], list[str]]:
    """Pixels uint8 ``[N,S,S,3]`` of up to 100 photos, evenly from all classes, and their digests."""
    chosen: list[NDArray[np.uint8]] = []
    digests: list[str] = []
    with ThreadPoolExecutor(threads) as pool:
        candidates = iter(_in_turn(training))
        while len(chosen) < MAX_CALIBRATION_PHOTOS:
            wanted = MAX_CALIBRATION_PHOTOS - len(chosen)
            batch = [photo for photo, _ in zip(candidates, range(wanted), strict=False)]
            if not batch:
                break
            for photo, pixels in zip(batch, pool.map(lambda photo: _pixels(photo, spec), batch), strict=True):
                if pixels is not None:
                    chosen.append(pixels)
                    digests.append(photo.digest)
    if not chosen:
        raise DatasetError("none of the training photos can be decoded: nothing to calibrate the backbone on")
    return np.stack(chosen), digests


def _in_turn(training: Sequence[Photo]) -> Iterable[Photo]:
    """The training photos by turns from each class, in the order of their digests, each content once."""
    unique = {photo.digest: photo for photo in training}
    ranks: dict[int, int] = {}
    keyed = []
    for photo in sorted(unique.values(), key=lambda photo: photo.digest):
        rank = ranks[photo.label] = ranks.get(photo.label, -1) + 1
        keyed.append((rank, photo.label, photo))
    return [photo for _, _, photo in sorted(keyed, key=lambda entry: entry[:2])]


def _pixels(photo: Photo, spec: BackboneSpec) -> NDArray[np.uint8] | None:
    try:
        return preprocess(photo.path, spec.image_size, spec.resize)
    except PhotoError:
        return None


def convert_apart(
    spec: BackboneSpec,
    taps: Sequence[str],
    photos: NDArray[np.uint8] | None,
    progress: Progress | None,
) -> bytes:
    """Converts in a process of its own.

    Args:
        spec: what is wanted; in the place of its tap …
        taps: … these, in the order of their depth, become the outputs.
        photos: uint8 ``[N,S,S,3]`` to calibrate on; None for float networks.
        progress: called with (photos calibrated on, photos).

    Raises:
        ExportError: the conversion failed.
    """
    with scratch() as folder:
        request: dict[str, Any] = {
            "weights": {**asdict(spec.weights), "path": spec.weights.path and str(spec.weights.path.absolute())},
            "taps": list(taps),
            "image_size": spec.image_size,
            "mode": spec.quantization,
            "photos": None,
            "output": str(folder / "backbone.tflite"),
        }
        if photos is not None:
            request["photos"] = str(folder / "photos.npy")
            try:
                np.save(request["photos"], photos)
            except OSError as error:
                raise ExportError(
                    f"cannot write {photos.nbytes / 1e6:.1f} MB of calibration photos into {folder.parent}: "
                    "free some space there, or name another folder in $TMPDIR"
                ) from error
        try:
            call_quietly("graft_host.backbones.convert", request, progress)
        except ExportError as error:
            which = f"{', '.join(taps)}, {spec.image_size}, {spec.quantization}"
            raise ExportError(f"the backbone ({which}) could not be converted: {error}") from error
        return Path(request["output"]).read_bytes()
