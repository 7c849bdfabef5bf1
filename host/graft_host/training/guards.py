"""Checks made before a run starts, and before its model replaces another file."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import CacheError, DatasetError, ExportError, os_reason
from graft_device.system.durable import write_atomically
from graft_host.backbones.weights.find import weights_inputs
from graft_host.evaluation.accuracy import Accuracy
from graft_host.evaluation.against import Against
from graft_host.photos.dataset import Skipped
from graft_host.report.page import REPORT
from graft_host.support.destination import (
    MODEL,
    RunInput,
    check_cache_place,
    check_destination,
    check_replaceable,
    resolved,
)
from graft_host.support.rounding import apart
from graft_host.training.options import TrainOptions

_ROUNDING = 1e-9  # 0.98 - 0.97 is a little more than 0.01


def check_strict(skipped: Sequence[Skipped], *, strict: bool) -> None:
    """Raises DatasetError under ``--strict`` if a file in a class folder was skipped."""
    skipped = [skip for skip in skipped if not skip.stray]
    if strict and skipped:
        first, count = skipped[0], len(skipped)
        more = f" (and {count - 1} more)" if count > 1 else ""
        raise DatasetError(f"{first.path}: {first.reason}{more}", "repair or remove it, or run without --strict")


@dataclass(frozen=True)
class FailedGate:
    """A quality gate that a model does not pass.

    Attributes:
        option: the option that sets the gate.
        wanted: the share that the option names.
        measured: the share that was measured on the shipped file.
        reason: the same as a sentence.
    """

    option: str
    wanted: float
    measured: float
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The option, the share that was wanted, and the share that was measured."""
        return {"failed": self.option, "wanted": self.wanted, "measured": self.measured}


def failed_gate(
    accuracy: Accuracy, photos: int, options: TrainOptions, comparison: Against | None = None
) -> FailedGate | None:
    """Returns the first gate that the file does not pass; None if it passes all.

    Args:
        accuracy: of the file.
        photos: number of test photos.
        options: of the run.
        comparison: with the file of ``--not-worse-than``.
    """
    shipped, least, most = accuracy.shipped, options.min_accuracy, options.max_drop
    if least is not None and not shipped >= least:
        right = round(shipped * photos)
        reason = f"accuracy {apart(shipped, least)} ({right} of {photos} test photos) is below --min-accuracy {least}"
        return FailedGate("--min-accuracy", least, shipped, reason)
    if most is not None and accuracy.float32 is not None:
        drop = accuracy.float32 - shipped
        if not drop <= most + _ROUNDING:
            reason = (
                f"accuracy {shipped:.4f} on {photos} test photos is {apart(drop, most)} below float32's "
                f"{accuracy.float32:.4f}, more than --max-drop {most} allows"
            )
            return FailedGate("--max-drop", most, drop, reason)
    if comparison is not None and (drops := comparison.drops):
        return FailedGate("--not-worse-than", drops[0].before, drops[0].after, comparison.why_worse)
    return None


def rejected_path(output: Path) -> Path:
    """Where ``--keep-rejected`` writes a model that failed a gate."""
    return output.with_name(f"{output.stem}.rejected{output.suffix}")


def check_outputs(options: TrainOptions) -> None:
    """Raises ExportError, before the run starts, if a file that it will write at its end could not be written."""
    sources = [RunInput("photos", folder) for folder in options.places.roots]
    sources += [RunInput("list of labels", file) for file in options.places.labels]
    sources += [*weights_inputs(options.weights, options.family)]
    sources += [RunInput("source photos", folder) for folder in options.samples.source]
    sources += [RunInput("photos of none of the classes", folder) for folder in options.unknown]
    if options.samples.match is not None:
        sources.append(RunInput("photos of the place", options.samples.match))
    check_destination(options.output, MODEL, sources, overwrite=options.overwrite)
    sources.append(RunInput("model", options.output))
    older = [] if options.not_worse_than is None else [options.not_worse_than]
    sources += [RunInput("older model", path) for path in (*older, *options.golden_from)]
    if options.keep_rejected:
        rejected = rejected_path(options.output)
        check_destination(rejected, MODEL, sources, overwrite=options.overwrite)
        sources.append(RunInput("rejected model", rejected))
    if options.report is not None:
        check_destination(options.report, REPORT, sources, overwrite=options.overwrite, option="--report")


def check_cache(cache: Path, photos: Path) -> None:
    """Raises CacheError unless the cache folder can be written to and is not among the photos."""
    check_cache_place(cache, photos)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=cache):
            pass
    except OSError as error:
        raise CacheError(
            f"cannot use cache folder {cache}: {os_reason(error)}", "choose another with --cache DIR"
        ) from error


def write_model(output: Path, artifact: bytes, *, overwrite: bool) -> None:
    """Writes the artifact, whole or not at all; raises ExportError if that fails."""
    if output.exists() and not overwrite:
        raise ExportError(f"{output} was created by another program during this run", "give --overwrite to replace it")
    check_replaceable(output, MODEL)
    try:
        write_atomically(resolved(output), artifact)  # a link stays a link
    except OSError as error:
        raise ExportError(
            f"cannot write {output}: {os_reason(error)}",
            "free space or choose another place, and run again; the cache keeps the work",
        ) from error
