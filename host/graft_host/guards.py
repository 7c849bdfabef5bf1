"""What must hold before a run starts, and before its model replaces another."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from graft_device.errors import CacheError, DatasetError, ExportError, GateError, os_reason
from graft_host.dataset import Dataset
from graft_host.evaluate import Evaluation
from graft_host.files import atomic_path, write_atomically
from graft_host.run import TrainOptions


def check_strict(dataset: Dataset, *, strict: bool) -> None:
    """Raises DatasetError under ``--strict`` if a file in a class folder was skipped."""
    skipped = [skip for skip in dataset.skipped if skip.path.parent != dataset.root]
    if strict and skipped:
        first, count = skipped[0], len(skipped)
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise DatasetError(f"{first.path}: {first.reason}{more}; mend or remove it, or run without --strict")


def check_gate(evaluation: Evaluation, options: TrainOptions) -> None:
    """Raises GateError, with the evaluation, if the file is less accurate than the user demands."""
    if options.min_accuracy is not None and not evaluation.accuracy >= options.min_accuracy:
        raise GateError(
            f"accuracy {evaluation.accuracy:.4f} on {len(evaluation.truth)} test photos is below "
            f"--min-accuracy {options.min_accuracy}: {options.output} was not written",
            evaluation,
        )


def check_output(output: Path, *, overwrite: bool) -> None:
    """Raises ExportError if the model could not be written at the end of the run, before it starts."""
    if not output.parent.is_dir():
        raise ExportError(f"no such folder: {output.parent}; make it with: mkdir -p {output.parent}")
    if output.is_dir():
        raise ExportError(f"{output} is a folder: give a file name for the model, such as {output / 'model.tflite'}")
    if output.exists() and not output.is_file():
        raise ExportError(f"{output} is not a regular file: give another name with -o")
    if output.exists() and not overwrite:
        raise ExportError(f"{output} exists: give another name with -o, or --overwrite")
    try:
        with contextlib.suppress(_Probe), atomic_path(output.resolve()):
            raise _Probe
    except OSError as error:
        raise ExportError(f"cannot write into {output.parent}: {os_reason(error)}") from error


class _Probe(Exception):  # noqa: N818  ends a trial write before anything is replaced
    pass


def check_cache(cache: Path) -> None:
    """Raises CacheError unless the cache folder can be written to."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        raise CacheError(
            f"cannot use cache folder {cache}: {os_reason(error)}; choose another with --cache DIR"
        ) from error


def write_model(output: Path, artifact: bytes, *, overwrite: bool) -> None:
    """Writes the artifact, whole or not at all; raises ExportError if that fails."""
    if output.exists() and not overwrite:
        raise ExportError(f"{output} appeared while this run was going on: give --overwrite to replace it")
    try:
        write_atomically(output.resolve(), artifact)  # a link stays a link
    except OSError as error:
        raise ExportError(
            f"cannot write {output}: {os_reason(error)}; the cache keeps the work, so free space "
            "or name another place and run again"
        ) from error
