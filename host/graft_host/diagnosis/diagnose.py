"""Compares each layer of the int8 network with the float32 network of the same weights."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError, ModelError, PhotoError
from graft_device.model import ModelFile, read_checked
from graft_device.preprocess import preprocess
from graft_device.runtime import threads_to_use
from graft_host.backbones.weights.provenance import weights_of
from graft_host.diagnosis.layer_comparison import Comparison
from graft_host.diagnosis.layer_error import LayerError, bottlenecks, noisiest
from graft_host.diagnosis.verdict import verdict
from graft_host.evaluation.kept_aside import recorded_split
from graft_host.photos.dataset import Photo, scan
from graft_host.support.progress import Progress
from graft_host.support.reporter import Reporter, note_skipped


@dataclass(frozen=True, kw_only=True)
class DiagnosisOptions:
    """The options of a diagnosis.

    Attributes:
        part: ``test`` for the photos that training kept aside, ``all`` for every photo.
        limit: the largest number of photos; the choice does not depend on their names.
        weights: the value of ``--weights``; None to find the weights by the model card.
        threads: for one inference; all usable cores when None.
    """

    part: str = "test"
    limit: int = 32
    weights: str | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """The error of each layer.

    Attributes:
        model: the file.
        photos: number of photos that both networks ran on.
        layers: in the order of computation, the pixels first and the bottlenecks last.
        agreement: share of the photos that the head puts into the same class on float32 bottlenecks.
        failures: photos that cannot be read, path to reason.
        calibration_photos: number of photos that the backbone was calibrated on; None if the card does not contain it.
    """

    model: Path
    photos: int
    layers: tuple[LayerError, ...]
    agreement: float
    failures: dict[Path, str]
    calibration_photos: int | None = None

    @property
    def bottleneck(self) -> LayerError:
        """The last layer of the backbone, which is what the head sees; the noisiest of several taps."""
        return noisiest(bottlenecks(self.layers))

    @property
    def verdict(self) -> str:
        """What to do, in a sentence."""
        return verdict(self.layers, self.calibration_photos)

    def ranked(self, sort: str) -> list[LayerError]:
        """The layers by ``sqnr`` (worst first), ``lost`` (most first) or ``order`` (as computed)."""
        last = float("inf")
        keys = {
            "sqnr": lambda layer: last if layer.sqnr is None else layer.sqnr,
            "lost": lambda layer: last if layer.lost is None else -layer.lost,
            "order": lambda layer: layer.order,
        }
        return sorted(self.layers, key=keys[sort])

    def to_json(self, sort: str = "sqnr") -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "model": str(self.model),
            "photos": self.photos,
            "verdict": self.verdict,
            "bottleneck": self.bottleneck.sqnr,
            "agreement": self.agreement,
            "calibration_photos": self.calibration_photos,
            "layers": [layer.to_json() for layer in self.ranked(sort)],
            "skipped": [{"path": os.fsdecode(path), "reason": why} for path, why in self.failures.items()],
        }


def diagnose(model: Path, folder: Path, options: DiagnosisOptions, reporter: Reporter) -> Diagnosis:
    """Compares each layer of an int8 model with float32, over some photos.

    Args:
        model: an int8 ``.tflite`` file that ``graft train`` wrote.
        folder: a folder of photos per class; the names of the classes are not used.
        options: which photos and weights to use.
        reporter: receives progress, and notes about skipped photos and a download of weights.

    Raises:
        ModelError: the file is not an int8 model that graftkit wrote.
        WeightsError: the weights that it was made of cannot be found.
        DatasetError: there is no photo to run it on.
        ExportError: its network is not the one that its card describes.
    """
    known = read_checked(model)
    if known.card.quantization != "int8":
        raise ModelError(
            f"{model} is {known.card.quantization}, and diagnose compares an int8 model with float32",
            "train one with --quantize int8",
        )
    threads = threads_to_use(options.threads)
    weights = weights_of(known, options.weights, reporter)
    photos = _photos(known, folder, options.part, threads)
    comparison = Comparison(known, weights, threads)
    failures: dict[Path, str] = {}
    with reporter.progress("comparing") as progress:
        for pixels in _pixels(photos, known, options.limit, failures, progress):
            comparison.add(pixels)
    note_skipped(failures.items(), reporter, ": --json lists them")
    if not comparison.photos:
        raise DatasetError(f"none of the photos in {folder} can be read: {next(iter(failures.values()))}")
    calibrated_on = known.card.backbone.get("calibration_photos")
    return Diagnosis(
        model=model,
        photos=comparison.photos,
        layers=comparison.layers(),
        agreement=comparison.agreement(),
        failures=failures,
        calibration_photos=calibrated_on if isinstance(calibrated_on, int) else None,
    )


def _photos(model: ModelFile, folder: Path, part: str, threads: int) -> list[Photo]:
    """The photos of a part, each content once, in the order of their digests."""
    photos: Sequence[Photo] = scan(folder, threads, min_classes=1).photos
    if part == "test":
        rule = recorded_split(model.card, model.path)
        photos = [photo for photo in photos if rule.part(photo.digest) == "test"]
    unique = {photo.digest: photo for photo in photos}
    if not unique:
        if part == "test":
            raise DatasetError(f"none of the photos in {folder} is a test photo of {model.path}", "give --split all")
        raise DatasetError(f"none of the photos in {folder} can be read")
    return [unique[digest] for digest in sorted(unique)]


def _pixels(
    photos: Sequence[Photo], model: ModelFile, limit: int, failures: dict[Path, str], progress: Progress
) -> Iterator[NDArray[np.uint8]]:
    """Pixels ``[S,S,3]`` of the first photos that can be read; the others go into ``failures``."""
    wanted, done = min(limit, len(photos)), 0
    for photo in photos:
        if done == wanted:
            return
        try:
            pixels = preprocess(photo.path, model.card.image_size, model.card.resize)
        except PhotoError as error:
            failures[photo.path] = str(error)
            continue
        yield pixels
        done += 1
        progress(done, wanted)
