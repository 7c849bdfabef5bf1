"""A report as one file of HTML that loads nothing and looks the same everywhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from graft_device import __version__
from graft_device.errors import ExportError, os_reason
from graft_host import report_background, report_findings
from graft_host.files import write_atomically
from graft_host.report_data import ReportData
from graft_host.report_page import page, text

__all__ = ["ReportData", "check_report", "render_report", "write_report"]


def render_report(data: ReportData) -> str:
    """The whole page; the same data and photos give the same page, byte for byte."""
    parts = (
        report_findings.head,
        report_findings.confusion,
        report_findings.classes,
        report_findings.scores,
        report_findings.mistakes,
        report_background.photos,
        report_background.costs,
        report_background.card,
    )
    body = "".join(part(data) for part in parts)
    footer = f"Made by graftkit {text(__version__)}. This page is one file: it loads nothing and runs nothing."
    return page(f"{data.model.path.stem}: graftkit report", f"<main>{body}</main><footer>{footer}</footer>")


def check_report(report: Path, model: Path, *, overwrite: bool, option: str = "-o") -> None:
    """Looks before the work starts whether the report could be written at its end.

    Args:
        report: the page to write.
        model: the file that it tells of, which it must not replace.
        overwrite: whether it may replace another file.
        option: that names the report on the command line.

    Raises:
        ExportError: it could not.
    """
    if os.path.realpath(report) == os.path.realpath(model):
        raise ExportError(f"the report would replace the model {model}: give another name with {option}")
    if not report.parent.is_dir():
        raise ExportError(f"no such folder: {report.parent}; make it with: mkdir -p {report.parent}")
    if report.is_dir():
        raise ExportError(f"{report} is a folder: give a file name for the report, such as {report / 'report.html'}")
    if report.exists() and not report.is_file():
        raise ExportError(f"{report} is not a regular file: give another name with {option}")
    _refuse_existing(report, overwrite=overwrite, option=option)
    try:
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(report)).parent):
            pass
    except OSError as error:
        raise ExportError(
            f"cannot write into {report.parent}: {os_reason(error)}; name another place with {option}"
        ) from error


def write_report(report: Path, page_text: str, *, overwrite: bool, option: str = "-o") -> None:
    """Writes the page, whole or not at all; raises ExportError if that fails."""
    _refuse_existing(report, overwrite=overwrite, option=option)
    try:
        write_atomically(Path(os.path.realpath(report)), page_text.encode())  # a link stays a link
    except OSError as error:
        raise ExportError(
            f"cannot write {report}: {os_reason(error)}; free space, or name another place with {option}"
        ) from error


def _refuse_existing(report: Path, *, overwrite: bool, option: str) -> None:
    if report.exists() and not overwrite:
        raise ExportError(f"{report} exists: give another name with {option}, or --overwrite")
