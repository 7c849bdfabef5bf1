"""What a run leaves behind: the model, or what became of one that a gate refused, and the report."""

from __future__ import annotations

import tempfile
from pathlib import Path

from graft_device import console
from graft_device.errors import GateError
from graft_device.model import read_model
from graft_host.guards import FailedGate, rejected_path, write_model
from graft_host.options import TrainOptions
from graft_host.report import ReportData, render_report, write_report
from graft_host.run import TrainResult


class RejectedError(GateError):
    """A gate refused the model; ``result`` is the whole run all the same."""

    def __init__(self, message: str, result: TrainResult) -> None:
        super().__init__(message, result.evaluation)
        self.result = result


def place_model(artifact: bytes, gate: FailedGate | None, options: TrainOptions) -> Path | None:
    """Writes the artifact where it belongs: to the output, or if a gate refused it, aside if that was asked for.

    Returns:
        The file; None if there is none.

    Raises:
        ExportError: it cannot be written.
    """
    if gate is not None and not options.keep_rejected:
        return None
    path = options.output if gate is None else rejected_path(options.output)
    write_model(path, artifact, overwrite=options.overwrite)
    return path


def place_report(result: TrainResult, artifact: bytes, options: TrainOptions) -> None:
    """Writes the report that was asked for, of a rejected model too; raises ExportError if that fails."""
    if options.report is None:
        return
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        model = result.model
        if model is None:
            model = Path(folder) / rejected_path(options.output).name
            model.write_bytes(artifact)
        page = render_report(ReportData(result.evaluation, read_model(model), options.photos, "test", result.to_json()))
    write_report(options.report, page, overwrite=options.overwrite, option="--report")


def check_passed(result: TrainResult, options: TrainOptions) -> None:
    """Raises RejectedError, which says what was written and what not, if a gate refused the model."""
    if result.gate is None:
        return
    fate = f"{console.printable(options.output)} was not written"
    if result.model is not None:
        fate += f"; the rejected file is {console.printable(result.model)}"
    if options.report is not None:
        fate += f"; its report is {console.printable(options.report)}"
    raise RejectedError(f"{result.gate.reason}: {fate}", result)
