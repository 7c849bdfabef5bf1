"""What a run leaves behind: the model, or what became of one that a gate refused, and the report."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import ExportError, GateError, GraftError
from graft_device.model import read_model
from graft_device.text import printable
from graft_host.support.scratch import scratch, write_scratch
from graft_host.training.guards import FailedGate, rejected_path, write_model
from graft_host.training.options import TrainOptions
from graft_host.training.result import TrainResult


class RejectedError(GateError):
    """A gate refused the model.

    Attributes:
        result: the result of the run, with all figures.
    """

    def __init__(self, what: str, result: TrainResult) -> None:
        super().__init__(what, evaluation=result.evaluation)
        self.result = result


class UnreportedError(ExportError):
    """The model was written, but its report could not be.

    Attributes:
        result: the result of the run.
    """

    def __init__(self, what: str, remedy: str, result: TrainResult) -> None:
        super().__init__(what, remedy)
        self.result = result


def place_model(artifact: bytes, gate: FailedGate | None, options: TrainOptions) -> Path | None:
    """Writes the model to the output, or under ``--keep-rejected`` a model that a gate refused beside it.

    Returns:
        The file that was written; None if none was.

    Raises:
        ExportError: the file cannot be written.
    """
    if gate is not None and not options.keep_rejected:
        return None
    path = options.output if gate is None else rejected_path(options.output)
    write_model(path, artifact, overwrite=options.overwrite)
    return path


def place_report(result: TrainResult, artifact: bytes, options: TrainOptions) -> GraftError | None:
    """Writes the report if one was requested, of a rejected model too.

    Returns:
        The error that kept the report from being written; None if there was none.
    """
    if options.report is None:
        return None
    from graft_host.evaluation.speed import measure_speed  # without a report, none of this is needed
    from graft_host.report.data import today
    from graft_host.report.report import ReportData, render_report, write_report

    try:
        with scratch() as folder:
            model = result.model
            if model is None:
                model = folder / rejected_path(options.output).name
                write_scratch(model, artifact)
            data = ReportData(
                evaluation=result.evaluation,
                model=read_model(model),
                photos=options.photos,
                part="test",
                training=result.to_json(),
                comparison=result.comparison,
                speed=measure_speed(model, options.threads),
                made=today(),
            )
            write_report(options.report, render_report(data), overwrite=options.overwrite, option="--report")
    except GraftError as error:
        return error
    return None


def check_delivered(result: TrainResult, options: TrainOptions, unreported: GraftError | None) -> None:
    """Reports what was written and what was not, unless everything requested was written.

    Args:
        result: the result of the run.
        options: the options of the run.
        unreported: the error that ``place_report`` returned.

    Raises:
        RejectedError: a gate refused the model.
        UnreportedError: the model passed, but its report was not written.
    """
    if result.gate is None:
        if unreported is not None:
            model, photos = printable(result.model), printable(options.places.arguments)
            raise UnreportedError(
                f"{unreported}; the model is finished and was written to {model}",
                f"run: graft report {model} {photos} -o PAGE",
                result,
            ) from unreported
        return
    fate = f"{printable(options.output)} was not written"
    if result.model is not None:
        fate += f"; the rejected file is {printable(result.model)}"
    if unreported is not None:
        fate += f"; there is no report: {unreported}"
    elif options.report is not None:
        fate += f"; its report is {printable(options.report)}"
    raise RejectedError(f"{result.gate.reason}: {fate}", result) from unreported
