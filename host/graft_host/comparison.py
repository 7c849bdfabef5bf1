"""``compare``: makes, tests and times a model in every quantization, with the same head."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graft_device.classifier import to_input
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model, threads_to_use
from graft_host.evaluation.evaluate import Evaluation, evaluate
from graft_host.heads.finished import FinishedHead
from graft_host.support.clock import Clock
from graft_host.support.intervals import sign_test, wilson_interval
from graft_host.support.notebook import html_line, html_table
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import remove_stale_scratch, scratch, write_scratch
from graft_host.tflite.metadata import attach
from graft_host.training.card import model_card
from graft_host.training.grafting import finished_head, graft
from graft_host.training.material import Material, converted, gathered
from graft_host.training.options import HeadOptions, Quantization
from graft_host.training.survey import Survey, survey

MODES: tuple[Quantization, ...] = ("float32", "float16", "dynamic", "int8")
_TRAINED: tuple[Quantization, ...] = ("float32", "int8")
"""The modes on whose bottlenecks a head is trained."""
_ROUNDS = 30
_WARM_UP = 3


@dataclass(frozen=True, kw_only=True)
class Paired:
    """A file beside the float32 file, photo by photo.

    Attributes:
        both_right: number of test photos that both files classify correctly.
        only_float32: number of test photos that only the float32 file classifies correctly.
        only_this: number of test photos that only this file classifies correctly.
        neither: number of test photos that neither file classifies correctly.
        p_value: probability that two equally good files differ at least as much by chance (McNemar's test, exact).
    """

    both_right: int
    only_float32: int
    only_this: int
    neither: int
    p_value: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """A file in the comparison.

    Attributes:
        quantization: of the backbone.
        head: ``float32`` if the head was trained on bottlenecks of the float32 backbone, ``own`` if on those of the
            file's own backbone.
        accuracy: share of test photos that the file classifies correctly.
        interval: lower and upper end of the accuracy's 95% interval (Wilson's score interval).
        paired: the file's mistakes beside those of the float32 file.
        agreement: share of test photos for which the file names the same class as the float32 file.
        drop: the largest loss of recall of a class, compared with the float32 file.
        worst_class: the class with the largest loss; None if no class loses.
        bytes: size of the file.
        ms: median milliseconds of an inference on this machine.
    """

    quantization: str
    head: str
    accuracy: float
    interval: tuple[float, float]
    paired: Paired
    agreement: float
    drop: float
    worst_class: str | None
    bytes: int
    ms: float


@dataclass(frozen=True)
class Comparison:
    """The result of a comparison.

    Attributes:
        rows: the files, float32 first.
        photos: number of test photos.
        runtime: the runtime with which the files were timed.
        threads: the threads with which the files were timed.
    """

    rows: tuple[Row, ...]
    photos: int
    runtime: str
    threads: int

    def _repr_html_(self) -> str:
        """The files as a notebook shows them."""
        rows = [
            [
                row.quantization, row.head, f"{row.accuracy:.4f}", f"{row.interval[0]:.4f} to {row.interval[1]:.4f}",
                row.paired.only_float32, row.paired.only_this, f"{row.paired.p_value:.2g}", f"{row.agreement:.1%}",
                f"{row.drop:.4f}", f"{row.bytes / 1e6:.1f}", f"{row.ms:.1f}",
            ]
            for row in self.rows
        ]  # fmt: skip
        header = ["numbers", "head", "accuracy", "95% interval", "only float32 right", "only this right", "p"]
        shown = html_table([*header, "agrees", "largest drop", "MB", "ms"], rows)
        return shown + html_line(f"{self.photos} test photos; {self.runtime}, threads: {self.threads}")

    def to_json(self) -> dict[str, Any]:
        """The figures as ``graft compare --json`` prints them."""
        return asdict(self)


@dataclass(frozen=True)
class _File:
    """A file that is written and tested."""

    quantization: str
    head: str
    path: Path
    evaluation: Evaluation


def compare(options: HeadOptions, reporter: Reporter) -> Comparison:
    """Makes a file in each quantization, tests and times it.

    All four files have the head of the float32 backbone, so that only their quantization differs. The last row is
    the int8 file as ``graft train`` makes it, with a head trained on the bottlenecks of the int8 backbone. So only the
    float32 and int8 backbones extract bottlenecks and train a head.

    Raises:
        GraftError: for the same reasons as in ``graft train``.
    """
    threads = threads_to_use(options.threads)
    remove_stale_scratch()
    found = survey(options, reporter, Clock())
    reporter.note("float32:")
    material = _material(found, replace(options, quantize="float32"), reporter)
    found = replace(found, dataset=material.dataset, split=material.split)
    head = _head(material, options)
    with scratch() as folder:
        files = []
        for mode in MODES:
            chosen, heads = replace(options, quantize=mode), {"float32": head}
            if mode != "float32":
                reporter.note(f"{mode}:")
                if mode in _TRAINED:
                    material = _material(found, chosen, reporter)
                    heads["own"] = _head(material, chosen)
                else:  # it gets the float32 head, so it needs no bottlenecks of its own
                    backbone = converted(found, found.split, chosen, reporter, Clock())
                    material = replace(material, backbone=backbone)
            files += _files(heads, material, chosen, folder, reporter)
        sizes = {file.path: file.path.stat().st_size for file in files}
        runtime, times = _milliseconds([file.path for file in files], options, files[0].evaluation.paths[0], threads)
    rows = tuple(_row(file, files[0], sizes, times) for file in files)
    return Comparison(rows, len(files[0].evaluation.truth), runtime, threads)


def _material(found: Survey, options: HeadOptions, reporter: Reporter) -> Material:
    material = gathered(found, options, reporter, Clock())
    if note := material.extraction.damage:
        reporter.note(note)
    return material


def paired(reference: Evaluation, evaluation: Evaluation) -> Paired:
    """Counts the photos that both, one or neither of two files classify correctly.

    Args:
        reference: the results of the float32 file.
        evaluation: the results of the other file on the same photos.
    """
    first, second = (result.predicted == result.truth for result in (reference, evaluation))
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    return Paired(
        both_right=int((first & second).sum()),
        only_float32=only_first,
        only_this=only_second,
        neither=int((~first & ~second).sum()),
        p_value=sign_test(only_first, only_second),
    )


def largest_drop(before: Evaluation, after: Evaluation) -> tuple[float, str | None]:
    """Returns the largest loss of recall of a class, and that class; None if no class loses."""
    worst: tuple[float, str | None] = (0.0, None)
    recalls = after.per_class()
    for label, figures in before.per_class().items():
        loss = figures["recall"] - recalls[label]["recall"]
        if loss > worst[0]:
            worst = loss, label
    return worst


def _head(material: Material, options: HeadOptions) -> FinishedHead:
    with threadpool_limits(1):
        return finished_head(material, options)


def _files(
    heads: Mapping[str, FinishedHead], material: Material, options: HeadOptions, folder: Path, reporter: Reporter
) -> list[_File]:
    files = []
    for name, head in heads.items():
        with threadpool_limits(1):
            artifact = attach(graft(material, head), material.dataset.labels, model_card(options, material, head))
        path = folder / f"{options.quantize}-{name}.tflite"
        write_scratch(path, artifact)
        with reporter.progress(f"testing {options.quantize}") as progress:
            evaluation = evaluate(
                path, material.split.test, material.dataset.labels, threads_to_use(options.threads), progress
            )
        files.append(_File(options.quantize, name, path, evaluation))
    return files


def _row(file: _File, reference: _File, sizes: Mapping[Path, int], times: Mapping[Path, float]) -> Row:
    drop, worst = largest_drop(reference.evaluation, file.evaluation)
    agreement = float(np.mean(file.evaluation.predicted == reference.evaluation.predicted))
    pairs = paired(reference.evaluation, file.evaluation)
    return Row(
        quantization=file.quantization,
        head=file.head,
        accuracy=file.evaluation.accuracy,
        interval=wilson_interval(pairs.both_right + pairs.only_this, len(file.evaluation.truth)),
        paired=pairs,
        agreement=agreement,
        drop=drop,
        worst_class=worst,
        bytes=sizes[file.path],
        ms=times[file.path],
    )


def _milliseconds(
    paths: Sequence[Path], options: HeadOptions, photo: Path, threads: int
) -> tuple[str, dict[Path, float]]:
    """The runtime, and the median time of each file; files take turns, so that varying load affects all alike."""
    pixels: NDArray[np.uint8] = preprocess(photo, options.image_size, options.resize)
    runners = {path: open_model(path, threads=threads) for path in paths}
    times: dict[Path, list[float]] = {path: [] for path in paths}
    for turn in range(_WARM_UP + _ROUNDS):
        for path, runner in runners.items():
            tensor = to_input(pixels, runner.input, options.family.mean, options.family.std)
            start = time.perf_counter()
            runner(tensor)
            if turn >= _WARM_UP:
                times[path].append((time.perf_counter() - start) * 1e3)
    runtime = next(iter(runners.values())).runtime
    return runtime, {path: statistics.median(values) for path, values in times.items()}
