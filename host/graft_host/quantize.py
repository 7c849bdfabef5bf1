"""Calibrates and converts a backbone, once per weights, tap, image size and calibration set."""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import CacheError, DatasetError, ExportError, PhotoError, os_reason
from graft_device.preprocess import VERSION as PREPROCESS_VERSION
from graft_device.preprocess import preprocess
from graft_host.dataset import Photo
from graft_host.files import remove_stale, write_atomically
from graft_host.isolated import Progress, call_quietly
from graft_host.weights import WeightsSource, check_tap

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
    folder = cache / "backbones"
    with _cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    remove_stale(folder)
    if not recalibrate and (found := _cached(spec, {photo.digest for photo in training}, folder)):
        return found
    photos: NDArray[np.uint8] | None = None
    digests: list[str] = []
    if spec.quantization == "int8":
        photos, digests = _calibration_photos(spec, training, threads)
    data = _convert(spec, photos, progress)
    fingerprint = hashlib.sha256(data).hexdigest()
    path = folder / f"{fingerprint}.tflite"
    record = {"fingerprint": fingerprint, "calibration": digests}
    calibration = hashlib.sha256("".join(digests).encode()).hexdigest()[:16]
    with _cache_errors(folder):
        write_atomically(path, data)
        # The record goes last: a backbone without one was interrupted and is not used.
        write_atomically(folder / f"{spec.key}-{calibration}.json", json.dumps(record).encode())
    return Backbone(spec, path, fingerprint, reused=False, calibration_photos=len(digests))


@contextlib.contextmanager
def _cache_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"cannot write into {folder}: {os_reason(error)}; mend that, or put the cache elsewhere with --cache DIR"
        ) from error


def _cached(spec: BackboneSpec, training: set[str], folder: Path) -> Backbone | None:
    """The newest intact backbone whose calibration photos are all still trained on."""
    records = sorted(folder.glob(f"{spec.key}-*.json"), key=_modified, reverse=True)
    for record in records:
        try:
            known = json.loads(record.read_bytes())
            fingerprint = str(known["fingerprint"])
            path = folder / f"{fingerprint}.tflite"
            if training.issuperset(known["calibration"]) and _sha256(path) == fingerprint:
                return Backbone(spec, path, fingerprint, reused=True, calibration_photos=len(known["calibration"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged or half removed: as if it were not there
    return None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0  # removed meanwhile


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _calibration_photos(
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


def _convert(
    spec: BackboneSpec,
    photos: NDArray[np.uint8] | None,
    progress: Progress | None,
) -> bytes:
    with tempfile.TemporaryDirectory(prefix="graft-") as scratch:
        request: dict[str, Any] = {
            "weights": {**asdict(spec.weights), "path": spec.weights.path and str(spec.weights.path.absolute())},
            "tap": spec.tap,
            "image_size": spec.image_size,
            "mode": spec.quantization,
            "photos": None,
            "output": str(Path(scratch) / "backbone.tflite"),
        }
        if photos is not None:
            request["photos"] = str(Path(scratch) / "photos.npy")
            try:
                np.save(request["photos"], photos)
            except OSError as error:
                raise ExportError(
                    f"cannot write {photos.nbytes / 1e6:.1f} MB of calibration photos into {scratch}: "
                    "free some space there, or name another folder in $TMPDIR"
                ) from error
        try:
            call_quietly("graft_host.convert", request, progress)
        except ExportError as error:
            raise ExportError(
                f"the backbone ({spec.tap}, {spec.image_size}, {spec.quantization}) could not be converted: {error}"
            ) from error
        return Path(request["output"]).read_bytes()
