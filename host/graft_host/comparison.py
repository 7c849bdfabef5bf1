"""One head on the same backbone in every quantization, side by side."""

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
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import remove_stale_scratch, scratch, write_scratch
from graft_host.tflite.metadata import attach
from graft_host.training.card import model_card
from graft_host.training.material import Material, gather
from graft_host.training.options import HeadOptions, Quantization
from graft_host.training.pipeline import finished_head, graft

MODES: tuple[Quantization, ...] = ("float32", "float16", "dynamic", "int8")
_ROUNDS = 30
_WARM_UP = 3


@dataclass(frozen=True)
class Row:
    """One file.

    Attributes:
        quantization: of the backbone.
        head: ``float32``: trained on the bottlenecks of the float32 backbone; ``own``: on those of this one.
        accuracy: share of test photos that the file names rightly.
        agreement: share on which it names the class that the float32 file names.
        drop: the largest loss of recall that a class suffers against the float32 file, and …
        worst_class: … that class; None where no class loses.
        bytes: of the file.
        ms: median milliseconds of one inference here.
    """

    quantization: str
    head: str
    accuracy: float
    agreement: float
    drop: float
    worst_class: str | None
    bytes: int
    ms: float


@dataclass(frozen=True)
class Comparison:
    """The files, float32 first; how many test photos they saw; the runtime and threads that they were timed with."""

    rows: tuple[Row, ...]
    photos: int
    runtime: str
    threads: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class _File:
    """A file that was written and tested."""

    quantization: str
    head: str
    path: Path
    evaluation: Evaluation


def compare(options: HeadOptions, reporter: Reporter) -> Comparison:
    """Makes a file of each quantization, tests and times them.

    The head of the float32 backbone goes onto all four, so that they differ in their numbers alone; the last row is
    the int8 file as ``graft train`` makes it, with a head trained on the bottlenecks of the int8 backbone.

    Raises:
        GraftError: as ``graft train`` does.
    """
    threads = threads_to_use(options.threads)
    remove_stale_scratch()
    head: FinishedHead | None = None
    with scratch() as folder:
        files = []
        for mode in MODES:
            reporter.note(f"{mode}:")
            chosen = replace(options, quantize=mode)
            material = gather(chosen, reporter, Clock())
            if note := material.extraction.damage:
                reporter.note(note)
            own = _head(material, chosen)
            head = head or own
            heads = {"float32": head, "own": own} if mode == "int8" else {"float32": head}
            files += _files(heads, material, chosen, folder, reporter)
        sizes = {file.path: file.path.stat().st_size for file in files}
        runtime, times = _milliseconds([file.path for file in files], options, files[0].evaluation.paths[0], threads)
    rows = tuple(_row(file, files[0], sizes, times) for file in files)
    return Comparison(rows, len(files[0].evaluation.truth), runtime, threads)


def largest_drop(before: Evaluation, after: Evaluation) -> tuple[float, str | None]:
    """The largest loss of recall that a class suffers, and that class."""
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
    made = []
    for name, head in heads.items():
        with threadpool_limits(1):
            artifact = attach(graft(material, head), material.dataset.labels, model_card(options, material, head))
        path = folder / f"{options.quantize}-{name}.tflite"
        write_scratch(path, artifact)
        with reporter.progress(f"testing {options.quantize}") as progress:
            evaluation = evaluate(
                path, material.split.test, material.dataset.labels, threads_to_use(options.threads), progress
            )
        made.append(_File(options.quantize, name, path, evaluation))
    return made


def _row(file: _File, reference: _File, sizes: Mapping[Path, int], times: Mapping[Path, float]) -> Row:
    drop, worst = largest_drop(reference.evaluation, file.evaluation)
    agreement = float(np.mean(file.evaluation.predicted == reference.evaluation.predicted))
    return Row(
        file.quantization,
        file.head,
        file.evaluation.accuracy,
        agreement,
        drop,
        worst,
        sizes[file.path],
        times[file.path],
    )


def _milliseconds(
    paths: Sequence[Path], options: HeadOptions, photo: Path, threads: int
) -> tuple[str, dict[Path, float]]:
    """The median of each file, in turns, so that all see the same moods of the machine."""
    pixels: NDArray[np.uint8] = preprocess(photo, options.image_size, options.resize)
    runners = {path: open_model(path, threads=threads) for path in paths}
    taken: dict[Path, list[float]] = {path: [] for path in paths}
    for turn in range(_WARM_UP + _ROUNDS):
        for path, runner in runners.items():
            tensor = to_input(pixels, runner.input, 127.5, 127.5)
            start = time.perf_counter()
            runner(tensor)
            if turn >= _WARM_UP:
                taken[path].append((time.perf_counter() - start) * 1e3)
    runtime = next(iter(runners.values())).runtime
    return runtime, {path: statistics.median(values) for path, values in taken.items()}
