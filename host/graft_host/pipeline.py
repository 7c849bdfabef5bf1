"""``train``: a folder of photos becomes one tested ``.tflite``; the steps in order, nothing else."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graft_device.errors import CacheError, DatasetError
from graft_device.runtime import threads_to_use
from graft_host.bottlenecks import Augmentation, Bottlenecks
from graft_host.card import model_card
from graft_host.dataset import Dataset, Photo, Skipped, Split, check_classes, check_folder, conflicts, scan, split
from graft_host.evaluate import Evaluation, evaluate
from graft_host.fuse import fuse
from graft_host.guards import check_cache, check_gate, check_output, check_strict, write_model
from graft_host.head import train_head
from graft_host.isolated import Progress
from graft_host.metadata import add_metadata, archive
from graft_host.quantize import MAX_CALIBRATION_PHOTOS, Backbone, BackboneSpec, quantized_backbone
from graft_host.reporter import Reporter
from graft_host.run import TrainOptions, TrainResult
from graft_host.weights import WeightsSource, check_tap, find_weights, imagenet_path


def train(options: TrainOptions, reporter: Reporter) -> TrainResult:
    """Trains, fuses, evaluates and writes a model.

    Raises:
        GraftError: anything that keeps the model from being made; no output is written then, and the cache keeps
            what was computed.
        GateError: the shipped file's accuracy is below ``min_accuracy``; no output is written.
    """
    clock = _Clock()
    threads = threads_to_use(options.threads)
    cache = options.cache or default_cache()
    check_output(options.output, overwrite=options.overwrite)
    check_cache(cache)
    check_folder(options.photos)
    weights = _weights(options, reporter)
    spec = BackboneSpec(weights, options.tap, options.image_size, options.quantization, options.resize)
    with clock.stage("scan"):
        dataset = scan(options.photos, threads)
        _note_skipped(dataset.skipped, reporter)
        check_strict(dataset, strict=options.strict)
        parts = split(dataset, options.rule)
    if not weights.pretrained:
        reporter.note("note: the backbone's weights are random, not pretrained: expect poor accuracy on real photos")
    with clock.stage("backbone"), reporter.progress("quantizing") as progress:
        backbone = quantized_backbone(spec, parts.train, cache, threads, options.recalibrate, progress)
    with Bottlenecks(backbone, cache) as bottlenecks:
        augmentation = Augmentation(options.augment, options.rule.seed)
        with clock.stage("bottlenecks"), reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(dataset.photos, parts.train, augmentation, threads, progress)
        whole, dataset = dataset, dataset.without(extraction.failures)
        _note_skipped(dataset.skipped[len(whole.skipped) :], reporter)
        check_strict(dataset, strict=options.strict)
        check_classes(dataset)
        parts = split(dataset, options.rule)
        _note_conflicts(dataset, reporter)
        _note_calibration(backbone, parts, reporter)
        with clock.stage("head"), threadpool_limits(1):  # products this thin are slower on more, and round differently
            training = bottlenecks.matrix(parts.train, augmentation)
            validation = bottlenecks.matrix(parts.validation)
            groups = _groups(parts.train, options.augment)
            head = train_head(training, validation, len(dataset.labels), options.recipe, groups)
        tests, truth = bottlenecks.matrix(parts.test)
    float_classes = head.predict(tests)
    float_accuracy = float(np.mean(float_classes == truth))
    with clock.stage("fuse"), threadpool_limits(1):
        card = model_card(options, backbone, head, parts, len(dataset.skipped))
        network = add_metadata(fuse(backbone.path.read_bytes(), head, training[0], str(backbone.path)), card)
    with clock.stage("evaluate"), reporter.progress("testing the file") as progress:
        candidate = network + archive(dataset.labels, card)
        evaluation = _evaluated(candidate, dataset.labels, parts.test, threads, progress)
    agreement = float(np.mean(evaluation.predicted == float_classes))
    check_gate(evaluation, options)
    figures = {"float_head": float_accuracy, "shipped": evaluation.accuracy, "agreement": agreement}
    tested = replace(card, training={**card.training, "accuracy": figures})
    artifact = network + archive(dataset.labels, tested)  # the network that was tested, byte for byte
    with clock.stage("write"):
        write_model(options.output, artifact, overwrite=options.overwrite)
    return TrainResult(
        options.output,
        dataset,
        parts,
        head,
        evaluation,
        float_accuracy,
        agreement,
        len(artifact),
        clock.finish(),
        extraction,
        backbone,
    )


def default_cache() -> Path:
    """``$GRAFT_CACHE``, or ``graftkit`` in the user's cache folder."""
    if chosen := os.environ.get("GRAFT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  Path's own may raise
    if not Path(base).is_absolute():
        raise CacheError("there is no home folder to keep the cache in: name one with --cache DIR or $GRAFT_CACHE")
    return Path(base) / "graftkit"


class _Clock:
    def __init__(self) -> None:
        self._start = time.perf_counter()
        self._seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._seconds[name] = time.perf_counter() - start

    def finish(self) -> dict[str, float]:
        return {**self._seconds, "total": time.perf_counter() - self._start}


def _evaluated(
    artifact: bytes, labels: Sequence[str], photos: Sequence[Photo], threads: int, progress: Progress
) -> Evaluation:
    """Evaluates the artifact as the board will read it, from a file."""
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        candidate = Path(folder) / "candidate.tflite"
        candidate.write_bytes(artifact)
        evaluation = evaluate(candidate, photos, labels, threads, progress)
    for path, reason in evaluation.failures.items():
        raise DatasetError(f"{path} changed during the run ({reason}): run again")
    return evaluation


def _weights(options: TrainOptions, reporter: Reporter) -> WeightsSource:
    if options.weights == "imagenet" and not imagenet_path().is_file():
        reporter.note("downloading the ImageNet weights (88 MB, once)")
    weights = find_weights(options.weights, options.rule.seed)
    check_tap(weights, options.tap)
    return weights


def _groups(photos: Sequence[Photo], variants: int) -> NDArray[np.int64]:
    """A number for each row of the training matrix: equal for copies and variants of one photo."""
    _, numbers = np.unique([photo.digest for photo in photos], return_inverse=True)
    return np.tile(numbers.astype(np.int64), variants + 1)


def _note_skipped(skipped: Sequence[Skipped], reporter: Reporter) -> None:
    for skip in skipped:
        reporter.note(f"skipped {skip.path}: {skip.reason}")


def _note_conflicts(dataset: Dataset, reporter: Reporter) -> None:
    for first, second in conflicts(dataset):
        reporter.note(f"warning: {second.path} is the same photo as {first.path}, in another class: remove one")


def _note_calibration(backbone: Backbone, parts: Split, reporter: Reporter) -> None:
    possible = min(MAX_CALIBRATION_PHOTOS, len(parts.train))
    if backbone.reused and backbone.spec.quantization == "int8" and backbone.calibration_photos < possible / 2:
        reporter.note(
            f"note: the cached backbone was calibrated on {backbone.calibration_photos} photos; "
            f"--recalibrate would take {possible}"
        )
