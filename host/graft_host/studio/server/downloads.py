"""Sends what was exported to the browser."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from graft_device.errors import GraftError
from graft_device.serve.problems import NO_STORE, ProblemError, response
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.export import EXPORTS


def routes(project: Project) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """The handlers by path.

    Args:
        project: whose exports they are.
    """

    async def answer(request: Request) -> Response:
        try:
            path = await anyio.to_thread.run_sync(_export, project, request.path_params["path"])
        except (GraftError, OSError, ValueError) as error:
            return response(ProblemError(404, str(error)))
        return FileResponse(path, media_type="application/octet-stream", filename=path.name, headers=NO_STORE)

    return {f"/{EXPORTS}/{{path:path}}": answer}


def _export(project: Project, relative: str) -> Path:
    """The file of an export; raises StudioError if there is none, or if a link leads out of the folder of exports."""
    named = project.inside(f"{EXPORTS}/{relative}")
    real, folder = Path(os.path.realpath(named)), Path(os.path.realpath(project.root / EXPORTS))
    hidden = any(part.startswith(".") for part in Path(relative).parts)
    if hidden or not real.is_relative_to(folder) or not real.is_file():
        raise StudioError("there is no such export", "export the model again")
    return named
