"""Exports a model for other software into the folder ``exports`` of the project."""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from graft_device.errors import ExportError, os_reason
from graft_device.system.durable import atomic_path
from graft_host.export.registry import format_of
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import MODELS, Project
from graft_host.studio.tasks.task import Arguments, Task, TaskReporter
from graft_host.support.outside.packages import check_packages

EXPORTS = "exports"
"""The folder in the project."""

_TAKEN = {"model", "format", "float_network", "overwrite"}


def output_of(arguments: Arguments) -> str:
    """The file or folder that an export writes, relative to the project's folder.

    Frigate takes the name of a folder as that of the model, so folders have a folder for their format.
    """
    chosen, name = format_of(arguments["format"]), PurePosixPath(arguments["model"]).stem
    if chosen.folder:
        return f"{EXPORTS}/{chosen.name}/{name}"
    kind = "-float" if arguments.get("float_network") else ""
    return f"{EXPORTS}/{name}{kind}{chosen.suffix}"


def download_of(arguments: Arguments) -> str:
    """The file that a browser downloads: the export itself, or a zip of its folder."""
    output = output_of(arguments)
    return f"{output}.zip" if format_of(arguments["format"]).folder else output


def check(project: Project, arguments: Arguments) -> None:
    """Raises GraftError if there is no such model or format, or what it needs is not installed."""
    if unknown := arguments.keys() - _TAKEN:
        raise StudioError(
            f"an export takes no {', '.join(sorted(unknown))}", f"choose from {', '.join(sorted(_TAKEN))}"
        )
    chosen = format_of(arguments["format"])
    if chosen.packages is not None:
        check_packages(chosen.packages, f"exporting as {chosen.name}")
    model = project.inside(arguments["model"])
    if PurePosixPath(arguments["model"]).parts[:1] != (MODELS,) or not model.is_file():
        raise StudioError(f"there is no model {arguments['model']}", "choose one of the models of the project")
    output = project.inside(output_of(arguments))
    project.inside(download_of(arguments))
    if output.exists() and not arguments.get("overwrite"):
        raise ExportError(f"{output_of(arguments)} exists", "say that it may be replaced")


def command(arguments: Arguments) -> str:
    """The command that does the same."""
    words = ["graft", "export", arguments["model"], "--format", arguments["format"], "-o", output_of(arguments)]
    words += ["--float"] if arguments.get("float_network") else []
    words += ["--overwrite"] if arguments.get("overwrite") else []
    return shlex.join(words)


def run(project: Project, arguments: Arguments, _: Path | None, reporter: TaskReporter) -> Mapping[str, Any]:
    """Exports; the result names the export and the file to download."""
    from graft_host.export.export import export

    chosen = format_of(arguments["format"])
    output, download = project.inside(output_of(arguments)), project.inside(download_of(arguments))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ExportError(f"cannot make {output.parent}: {os_reason(error)}", "free some space there") from error
    exported = export(
        project.inside(arguments["model"]),
        output,
        chosen.name,
        float_network=bool(arguments.get("float_network")),
        overwrite=True,  # ``check`` has asked; a job that was interrupted behind its export runs again
        reporter=reporter,
    )
    if chosen.folder:
        _pack(output, download)
    return {**exported.to_json(), "export": output_of(arguments), "download": download_of(arguments)}


def _pack(folder: Path, target: Path) -> None:
    """Writes a zip whose entries begin with the folder's name."""
    try:
        with atomic_path(target) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    archive.write(path, f"{folder.name}/{path.relative_to(folder).as_posix()}")
    except OSError as error:
        raise ExportError(f"cannot write {target}: {os_reason(error)}", "free some space there") from error


TASK = Task(kind="export", lane="computing", check=check, command=command, run=run)
