"""Measures how long a photo takes on this board; each combination of runtime and threads runs in child processes."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from graft_device.bench.depthwise import slow_depthwise
from graft_device.bench.figures import WARM_UP, Bench, BenchPhoto, Row, Spread
from graft_device.doctor.cameras import has_module
from graft_device.doctor.situation import RUNTIMES, describe_machine, describe_versions
from graft_device.errors import GraftError
from graft_device.failure import ENVIRONMENT
from graft_device.model import ModelFile
from graft_device.runtime_packages import not_installed, this_machine
from graft_device.system import child
from graft_device.system.machine import ROOT
from graft_device.system.thermal import read_thermal, reasons_to_distrust

COLD_STARTS = 3
_TIMEOUT = 3600.0

Progress = Callable[[str], None]


class BenchError(GraftError):
    """A model cannot be measured."""


def bench(
    model: ModelFile,
    runtimes: Sequence[str],
    threads: Sequence[int],
    rounds: int,
    photo: Path | None = None,
    progress: Progress = lambda _: None,
    root: Path = ROOT,
) -> Bench:
    """Measures a model under each runtime with each number of threads.

    Args:
        model: the model to measure.
        runtimes: the names of installed runtimes.
        threads: the numbers of threads to measure, none above the number of usable cores.
        rounds: the number of timed rounds for each row; ``WARM_UP`` untimed rounds come first.
        photo: the photo to classify; when None, a synthetic photo of a camera's size.
        progress: called with a line of text before each step.
        root: the folder that holds ``proc`` and ``sys``.

    Returns:
        The rows in the order of the runtimes, then of the threads. A row that fails holds the reason.

    Raises:
        BenchError: the photo cannot be read, or the synthetic one cannot be written.
    """
    before = read_thermal(root)
    with tempfile.TemporaryDirectory() as folder:
        path, photo_facts = _photo(photo, Path(folder), progress)
        rows = []
        for runtime in runtimes:
            for count in threads:
                progress(f"{runtime}, {count} {'thread' if count == 1 else 'threads'}")
                rows.append(_row(model.path.absolute(), path, runtime, count, rounds))
    after = read_thermal(root)
    machine = describe_machine(root)
    measured = {row.runtime for row in rows if row.error is None}
    slow = [line for runtime in sorted(measured) for line in slow_depthwise([model.path], runtime)]
    warnings = (*reasons_to_distrust(before, after, machine["cores"]), *slow)
    return Bench(model, photo_facts, machine, describe_versions(), rounds, before, after, warnings, tuple(rows))


def choose_threads(text: str | None, cores: int) -> tuple[int, ...]:
    """Parses the numbers of threads to measure.

    Args:
        text: numbers such as ``1,2,4``, or ``sweep`` for the powers of two and all cores; all cores when None.
        cores: the number of usable cores.

    Raises:
        ValueError: the text is neither, or asks for more threads than cores, which makes the runtimes very slow.
    """
    if text is None:
        return (cores,)
    if text.strip() == "sweep":
        return tuple(sorted({cores, *(1 << n for n in range(cores.bit_length()))}))
    try:
        counts = tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise ValueError(f"{text!r} is neither a list of numbers such as 1,2,4 nor 'sweep'") from None
    if min(counts) < 1 or max(counts) > cores:
        raise ValueError(f"{text!r}: choose from 1 to {cores}, the number of usable cores")
    return counts


def choose_runtimes(wanted: str | None) -> tuple[str, ...]:
    """The runtimes to measure: the given one, or every installed one when None.

    Raises:
        RuntimeMissingError: no runtime is installed.
    """
    if wanted is not None:
        return (wanted,)
    installed = tuple(name for name, (module, _) in RUNTIMES.items() if has_module(module))
    if not installed:
        raise not_installed(this_machine())
    return installed


def _photo(photo: Path | None, folder: Path, progress: Progress) -> tuple[Path, BenchPhoto]:
    path = folder / "camera.jpg" if photo is None else photo.absolute()
    if photo is None:
        progress("no --photo: creating a synthetic one of 12 megapixels")
    job = {"do": "make-photo" if photo is None else "look-at-photo", "path": str(path)}
    try:
        facts = child.ask("graft_device.bench.measure", json.dumps(job), timeout=_TIMEOUT).value
    except child.ChildError as error:
        subject = "cannot create a photo" if photo is None else photo
        raise BenchError(f"{subject}: {error.what}", error.remedy) from error
    return path, BenchPhoto(None if photo is None else str(photo), **facts)


def _row(model: Path, photo: Path, runtime: str, threads: int, rounds: int) -> Row:
    job = {
        "do": "measure", "model": str(model), "photo": str(photo),
        "runtime": runtime, "threads": threads, "rounds": rounds, "warm_up": WARM_UP,
    }  # fmt: skip
    try:
        cold_start = median(_cold_start_ms(model, photo, runtime, threads) for _ in range(COLD_STARTS))
        timings = child.ask("graft_device.bench.measure", json.dumps(job), timeout=_TIMEOUT).value
    except child.ChildError as error:
        return Row(runtime, threads, error=str(error))
    totals = [sum(pair) for pair in zip(timings["preprocess_ms"], timings["invoke_ms"])]
    return Row(
        runtime,
        threads,
        round(cold_start, 1),
        Spread.of(timings["preprocess_ms"]),
        Spread.of(timings["invoke_ms"]),
        Spread.of(totals),
        timings["peak_memory_mb"],
        timings["label"],
    )


def _cold_start_ms(model: Path, photo: Path, runtime: str, threads: int) -> float:
    """The milliseconds from the start of ``graft-device classify`` to its first line of output."""
    options = ["--json", "--runtime", runtime, "--threads", str(threads)]
    command = child.command("graft_device.cli", "classify", *options, "--", str(model), str(photo))
    environment = {**os.environ, **ENVIRONMENT}
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        try:
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment) as job:
                line = job.stdout.readline() if job.stdout is not None else b""
                milliseconds = (time.perf_counter() - start) * 1e3
        except (OSError, ValueError) as error:
            raise child.ChildError(f"cannot start another Python process ({error})") from error
        if job.returncode or not line:
            errors.seek(0)
            raise child.child_error(job.returncode, errors.read().decode(errors="replace"))
    return milliseconds
