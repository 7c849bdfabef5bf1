"""Writes a report: a single HTML file that loads nothing and looks the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graft_device import __version__
from graft_device.errors import ExportError, os_reason
from graft_device.system.durable import write_atomically
from graft_host.report import against as report_against
from graft_host.report import background as report_background
from graft_host.report import elsewhere as report_elsewhere
from graft_host.report import learning_curve as report_learning_curve
from graft_host.report import mistakes as report_mistakes
from graft_host.report import readout as report_readout
from graft_host.report import results as report_results
from graft_host.report import strangers as report_strangers
from graft_host.report import unknown as report_unknown
from graft_host.report.data import ReportData, day
from graft_host.report.page import REPORT, page, text
from graft_host.support.destination import RunInput, check_destination, check_replaceable, resolved

__all__ = ["ReportData", "check_report_path", "render_report", "write_report"]


def render_report(data: ReportData) -> str:
    """Makes the whole page; the same data and photos always give the same bytes."""
    sections = (
        report_results.head,
        report_against.against,
        report_results.confusion,
        report_results.classes,
        report_results.scores,
        report_unknown.unknown,
        report_mistakes.mistakes,
        report_strangers.strangers,
        report_learning_curve.learning_curve,
        report_elsewhere.elsewhere,
        report_background.photos,
        report_readout.readout,
        report_background.costs,
        report_background.card,
    )
    body = "".join(section(data) for section in sections)
    when = "" if data.made is None else f" on {text(day(data.made))}"
    footer = (
        f"Made by graftkit {text(__version__)}{when}. This page is a single file: it loads nothing and runs nothing."
    )
    return page(f"{data.model.path.stem}: graftkit report", f"<main>{body}</main><footer>{footer}</footer>")


def check_report_path(
    report: Path, model: Path, sources: Sequence[RunInput] = (), *, overwrite: bool, option: str = "-o"
) -> None:
    """Checks, before the work starts, that the report can be written at its end.

    Args:
        report: the page to write.
        model: the model that the report is about, which it must not replace.
        sources: other files and folders that the report must not replace.
        overwrite: whether the report may replace an earlier one.
        option: the option that names the report on the command line.

    Raises:
        ExportError: the report cannot be written.
    """
    check_destination(report, REPORT, (RunInput("model", model), *sources), overwrite=overwrite, option=option)


def write_report(report: Path, page_text: str, *, overwrite: bool, option: str = "-o") -> None:
    """Writes the page, whole or not at all; raises ExportError if that fails."""
    if report.exists() and not overwrite:
        raise ExportError(f"{report} exists", f"give another name with {option}, or --overwrite")
    check_replaceable(report, REPORT, option=option)
    try:
        write_atomically(resolved(report), page_text.encode())  # a link stays a link
    except OSError as error:
        raise ExportError(
            f"cannot write {report}: {os_reason(error)}", f"free space, or name another place with {option}"
        ) from error
