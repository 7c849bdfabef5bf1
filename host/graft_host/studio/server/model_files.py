"""Reports and models of the project, for the browser to show and to download."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from graft_device.errors import GraftError
from graft_device.serve.problems import NO_STORE, ProblemError, response
from graft_host.studio.project.folder import MODELS, Project
from graft_host.studio.project.models import SUFFIX

_REPORT = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox",
    **NO_STORE,
}
"""A report has no scripts, whoever wrote the file."""


def routes(project: Project) -> dict[str, Callable[[Request], Awaitable[Response]]]:
    """The handlers by path.

    Args:
        project: whose files they are.
    """

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        try:
            path = project.inside(f"{MODELS}/{name}")
            if not await anyio.to_thread.run_sync(path.is_file):
                raise ProblemError(404, "there is no such file")
            if name.endswith(".html"):
                return FileResponse(path, media_type="text/html", headers=_REPORT)
            if name.endswith(SUFFIX):
                return FileResponse(path, media_type="application/octet-stream", filename=name, headers=NO_STORE)
        except (GraftError, OSError, ValueError) as error:
            return response(ProblemError(404, str(error)))
        except ProblemError as problem:
            return response(problem)
        return response(ProblemError(404, "there is no such file"))

    return {f"/{MODELS}/{{name}}": answer}
