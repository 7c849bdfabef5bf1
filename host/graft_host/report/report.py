"""A report as one file of HTML that loads nothing and looks the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graft_device import __version__
from graft_device.errors import ExportError, os_reason
from graft_device.system.durable import write_atomically
from graft_host.report import background as report_background
from graft_host.report import findings as report_findings
from graft_host.report import mistakes as report_mistakes
from graft_host.report.data import ReportData
from graft_host.report.page import REPORT, page, text
from graft_host.support.destination import Source, check_destination, check_replaceable, resolved

__all__ = ["ReportData", "check_report", "render_report", "write_report"]


def render_report(data: ReportData) -> str:
    """The whole page; the same data and photos give the same page, byte for byte."""
    parts = (
        report_findings.head,
        report_findings.confusion,
        report_findings.classes,
        report_findings.scores,
        report_mistakes.mistakes,
        report_background.photos,
        report_background.costs,
        report_background.card,
    )
    body = "".join(part(data) for part in parts)
    footer = f"Made by graftkit {text(__version__)}. This page is one file: it loads nothing and runs nothing."
    return page(f"{data.model.path.stem}: graftkit report", f"<main>{body}</main><footer>{footer}</footer>")


def check_report(
    report: Path, model: Path, sources: Sequence[Source] = (), *, overwrite: bool, option: str = "-o"
) -> None:
    """Looks before the work starts whether the report could be written at its end.

    Args:
        report: the page to write.
        model: the file that it tells of, which it must not replace; nor …
        sources: … any of these.
        overwrite: whether it may replace an earlier report.
        option: that names the report on the command line.

    Raises:
        ExportError: it could not.
    """
    check_destination(report, REPORT, (Source("model", model), *sources), overwrite=overwrite, option=option)


def write_report(report: Path, page_text: str, *, overwrite: bool, option: str = "-o") -> None:
    """Writes the page, whole or not at all; raises ExportError if that fails."""
    if report.exists() and not overwrite:
        raise ExportError(f"{report} exists: give another name with {option}, or --overwrite")
    check_replaceable(report, REPORT, option=option)
    try:
        write_atomically(resolved(report), page_text.encode())  # a link stays a link
    except OSError as error:
        raise ExportError(
            f"cannot write {report}: {os_reason(error)}; free space, or name another place with {option}"
        ) from error
