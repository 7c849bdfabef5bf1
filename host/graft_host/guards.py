"""What must hold before a run starts, and before its model replaces another."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from graft_device.errors import CacheError, DatasetError, ExportError, GateError, os_reason
from graft_host.accuracy import Accuracy
from graft_host.dataset import Dataset
from graft_host.evaluate import Evaluation
from graft_host.files import atomic_path, write_atomically
from graft_host.options import TrainOptions

_ROUNDING = 1e-9  # 0.98 - 0.97 is a little more than 0.01


def check_strict(dataset: Dataset, *, strict: bool) -> None:
    """Raises DatasetError under ``--strict`` if a file in a class folder was skipped."""
    skipped = [skip for skip in dataset.skipped if skip.path.parent != dataset.root]
    if strict and skipped:
        first, count = skipped[0], len(skipped)
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise DatasetError(f"{first.path}: {first.reason}{more}; mend or remove it, or run without --strict")


def check_gates(evaluation: Evaluation, accuracy: Accuracy, artifact: bytes, options: TrainOptions) -> None:
    """Raises GateError, with the evaluation, if the file is not as good as the user demands.

    With ``--keep-rejected`` the artifact is written beside the place that it was meant for.
    """
    failed = _failed_gate(accuracy, len(evaluation.truth), options)
    if failed is None:
        return
    fate = f"{options.output} was not written"
    if options.keep_rejected:
        aside = rejected_path(options.output)
        write_model(aside, artifact, overwrite=True)
        fate += f"; the rejected file is {aside}"
    raise GateError(f"{failed}: {fate}", evaluation)


def rejected_path(output: Path) -> Path:
    """Where ``--keep-rejected`` puts a model that failed a gate."""
    return output.with_name(f"{output.stem}.rejected{output.suffix}")


def _failed_gate(accuracy: Accuracy, photos: int, options: TrainOptions) -> str | None:
    if options.min_accuracy is not None and not accuracy.shipped >= options.min_accuracy:
        return f"accuracy {accuracy.shipped:.4f} on {photos} test photos is below --min-accuracy {options.min_accuracy}"
    if options.max_drop is not None and accuracy.float32 is not None:
        drop = accuracy.float32 - accuracy.shipped
        if not drop <= options.max_drop + _ROUNDING:
            return (
                f"accuracy {accuracy.shipped:.4f} on {photos} test photos is {drop:.4f} below float32's "
                f"{accuracy.float32:.4f}, more than --max-drop {options.max_drop} allows"
            )
    return None


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
