"""``train``: a folder of photos becomes one tested ``.tflite``; the steps in order, nothing else."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from graft_device import __version__
from graft_device.errors import CacheError, DatasetError, ExportError, GateError
from graft_device.model import ModelCard
from graft_device.runtime import usable_cores
from graft_host.bottlenecks import Augmentation, Bottlenecks, Extraction
from graft_host.dataset import Dataset, Photo, Split, SplitRule, check_classes, conflicts, scan, split
from graft_host.evaluate import Evaluation, evaluate
from graft_host.files import atomic_path, write_atomically
from graft_host.fuse import fuse
from graft_host.head import Head, Recipe, train_head
from graft_host.isolated import Progress
from graft_host.metadata import attach
from graft_host.quantize import Backbone, BackboneSpec, quantized_backbone
from graft_host.reporter import Reporter
from graft_host.weights import find_weights


@dataclass(frozen=True)
class TrainOptions:
    """Everything that ``graft train`` can be told; the defaults are the command's."""

    photos: Path
    output: Path
    weights: str = "imagenet"
    tap: str = "mixed10"
    image_size: int = 299
    quantization: str = "int8"
    resize: str = "squash"
    rule: SplitRule = field(default_factory=SplitRule)
    recipe: Recipe = field(default_factory=Recipe)
    augment: int = 0
    threads: int | None = None
    cache: Path | None = None
    overwrite: bool = False
    recalibrate: bool = False
    strict: bool = False
    min_accuracy: float | None = None


@dataclass(frozen=True)
class TrainResult:
    """A written model and how it came about.

    Attributes:
        model: the file.
        dataset: the photos that were used and those that were skipped.
        split: which photo served for what.
        head: the float head.
        evaluation: of the written file on the test photos.
        float_accuracy: of the float head on the bottlenecks of the test photos.
        agreement: share of the test photos on which file and float head name the same class.
        size: of the file in bytes.
        seconds: a figure per stage.
        extraction: cache hits and misses.
        backbone: that the head was grafted onto.
    """

    model: Path
    dataset: Dataset
    split: Split
    head: Head
    evaluation: Evaluation
    float_accuracy: float
    agreement: float
    size: int
    seconds: dict[str, float]
    extraction: Extraction
    backbone: Backbone

    def to_json(self) -> dict[str, Any]:
        """The figures that ``graft train --json`` prints."""
        return {
            "model": str(self.model),
            "labels": list(self.dataset.labels),
            "photos": _photo_counts(self.split, len(self.dataset.skipped)),
            "accuracy": {"float_head": self.float_accuracy, "shipped": self.evaluation.accuracy},
            "agreement": self.agreement,
            "bytes": self.size,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "cache": {
                "hits": self.extraction.hits,
                "misses": self.extraction.misses,
                "backbone": "reused" if self.backbone.reused else "converted",
            },
            "penalty": self.head.penalty,
            "pretrained": self.backbone.spec.weights.pretrained,
            "per_class": self.evaluation.per_class(),
            "confusion": self.evaluation.confusion.tolist(),
            "skipped": [{"path": os.fsdecode(s.path), "reason": s.reason} for s in self.dataset.skipped],
        }


def train(options: TrainOptions, reporter: Reporter) -> TrainResult:
    """Trains, fuses, evaluates and writes a model.

    Raises:
        GraftError: anything that keeps the model from being made; no output is written then, and the cache keeps
            what was computed.
        GateError: the shipped file's accuracy is below ``min_accuracy``; no output is written.
    """
    clock = _Clock()
    threads = min(options.threads or usable_cores(), usable_cores())
    cache = options.cache or default_cache()
    _check_output(options.output, overwrite=options.overwrite)
    _check_cache(cache)
    spec = BackboneSpec(
        find_weights(options.weights, options.rule.seed), options.tap, options.image_size, options.quantization,
        options.resize,
    )
    if not spec.weights.pretrained:
        reporter.note("note: the backbone's weights are random, not pretrained: expect poor accuracy on real photos")
    with clock.stage("scan"):
        dataset = scan(options.photos, threads)
        parts = split(dataset, options.rule)
    _check_strict(dataset, strict=options.strict)
    with clock.stage("backbone"), reporter.progress("quantizing") as progress:
        backbone = quantized_backbone(spec, parts.train, cache, threads, options.recalibrate, progress)
    with Bottlenecks(backbone, cache) as bottlenecks:
        augmentation = Augmentation(options.augment, options.rule.seed)
        with clock.stage("bottlenecks"), reporter.progress("bottlenecks") as progress:
            extraction = bottlenecks.extract(dataset.photos, parts.train, augmentation, threads, progress)
        dataset = dataset.without(extraction.failures)
        _check_strict(dataset, strict=options.strict)
        check_classes(dataset)
        parts = split(dataset, options.rule)
        _note_problems(dataset, reporter)
        with clock.stage("head"):
            training = bottlenecks.matrix(parts.train, augmentation)
            head = train_head(training, bottlenecks.matrix(parts.validation), len(dataset.labels), options.recipe)
        tests, truth = bottlenecks.matrix(parts.test)
    float_classes = head.predict(tests)
    float_accuracy = float(np.mean(float_classes == truth))
    with clock.stage("fuse"):
        network = fuse(backbone.path.read_bytes(), head, training[0], str(backbone.path))
    card = _card(options, backbone, head, parts, len(dataset.skipped))
    with clock.stage("evaluate"), reporter.progress("testing the file") as progress:
        evaluation = _evaluated(network, dataset.labels, card, parts.test, threads, progress)
    agreement = float(np.mean(evaluation.predicted == float_classes))
    _check_gate(evaluation, options)
    figures = {"float_head": float_accuracy, "shipped": evaluation.accuracy, "agreement": agreement}
    artifact = attach(network, dataset.labels, replace(card, training={**card.training, "accuracy": figures}))
    with clock.stage("write"):
        _write(options.output, artifact, overwrite=options.overwrite)
    return TrainResult(
        options.output, dataset, parts, head, evaluation, float_accuracy, agreement, len(artifact), clock.finish(),
        extraction, backbone,
    )


def default_cache() -> Path:
    """``$GRAFT_CACHE``, or ``graftkit`` in the user's cache folder."""
    if chosen := os.environ.get("GRAFT_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "graftkit"


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
    network: bytes, labels: Sequence[str], card: ModelCard, photos: Sequence[Photo], threads: int, progress: Progress
) -> Evaluation:
    """Evaluates the artifact as the board will read it, from a file."""
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        candidate = Path(folder) / "candidate.tflite"
        candidate.write_bytes(attach(network, labels, card))
        return evaluate(candidate, photos, labels, threads, progress)


def _card(options: TrainOptions, backbone: Backbone, head: Head, parts: Split, skipped: int) -> ModelCard:
    spec, recipe = backbone.spec, options.recipe
    training: dict[str, Any] = {
        "photos": _photo_counts(parts, skipped),
        "split": {
            "seed": options.rule.seed,
            "test_percent": options.rule.test_percent,
            "validation_percent": options.rule.validation_percent,
        },
        "head": {"optimizer": recipe.optimizer, "class_weight": "balanced" if recipe.balanced else "none"},
        "augment": options.augment,
    }
    if head.penalty is None:
        training["head"] |= {"learning_rate": recipe.learning_rate, "steps": recipe.steps}
    else:
        training["head"]["penalty"] = head.penalty
    return ModelCard(
        kit_version=__version__,
        backbone={
            "name": "inception_v3",
            "weights": spec.weights.name,
            "pretrained": spec.weights.pretrained,
            "weights_fingerprint": spec.weights.fingerprint,
            "fingerprint": backbone.fingerprint,
        },
        tap=spec.tap,
        image_size=spec.image_size,
        resize=spec.resize,
        quantization=spec.quantization,
        mean=spec.weights.mean,
        std=spec.weights.std,
        training=training,
    )


def _photo_counts(parts: Split, skipped: int) -> dict[str, int]:
    return {
        "train": len(parts.train),
        "validation": len(parts.validation),
        "test": len(parts.test),
        "skipped": skipped,
    }


def _note_problems(dataset: Dataset, reporter: Reporter) -> None:
    for skip in dataset.skipped:
        reporter.note(f"skipped {skip.path}: {skip.reason}")
    for first, second in conflicts(dataset):
        reporter.note(f"warning: {second.path} is the same photo as {first.path}, in another class: remove one")


def _check_strict(dataset: Dataset, *, strict: bool) -> None:
    if strict and dataset.skipped:
        first, count = dataset.skipped[0], len(dataset.skipped)
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise DatasetError(f"{first.path}: {first.reason}{more}; mend or remove it, or run without --strict")


def _check_gate(evaluation: Evaluation, options: TrainOptions) -> None:
    if options.min_accuracy is not None and evaluation.accuracy < options.min_accuracy:
        raise GateError(
            f"accuracy {evaluation.accuracy:.4f} on {len(evaluation.truth)} test photos is below "
            f"--min-accuracy {options.min_accuracy}: {options.output} was not written"
        )


def _check_output(output: Path, *, overwrite: bool) -> None:
    if not output.parent.is_dir():
        raise ExportError(f"no such folder: {output.parent}; make it with: mkdir -p {output.parent}")
    if output.is_dir():
        raise ExportError(f"{output} is a folder: give a file name for the model, such as {output / 'model.tflite'}")
    if output.exists() and not overwrite:
        raise ExportError(f"{output} exists: give another name with -o, or --overwrite")
    try:
        with contextlib.suppress(_Probe), atomic_path(output):
            raise _Probe
    except OSError as error:
        raise ExportError(f"cannot write into {output.parent}: {(error.strerror or str(error)).lower()}") from error


class _Probe(Exception):  # noqa: N818  ends a trial write before anything is replaced
    pass


def _check_cache(cache: Path) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        raise CacheError(
            f"cannot use cache folder {cache}: {(error.strerror or str(error)).lower()}; choose another with --cache DIR"
        ) from error


def _write(output: Path, artifact: bytes, *, overwrite: bool) -> None:
    if output.exists() and not overwrite:
        raise ExportError(f"{output} appeared while this run was going on: give --overwrite to replace it")
    try:
        write_atomically(output, artifact)
    except OSError as error:
        raise ExportError(
            f"cannot write {output}: {(error.strerror or str(error)).lower()}; the cache keeps the work, so free space "
            "or name another place and run again"
        ) from error
