"""The addresses that the page asks for the album, and sends changes to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from graft_device.errors import GraftError
from graft_device.serve.problems import NO_STORE, ProblemError, response
from graft_host.sorting.page.bodies import ids_of, read_object, text_of
from graft_host.studio.album.album import Album
from graft_host.studio.ui.photos.content import content_of

_Change = Callable[[Album, dict[str, Any]], object]

_CHANGES: dict[str, _Change] = {
    "classes": lambda album, sent: album.add_class(text_of(sent, "label")),
    "rename": lambda album, sent: album.rename_class(text_of(sent, "label"), text_of(sent, "new")),
    "remove": lambda album, sent: album.delete_class(text_of(sent, "label")),
    "moves": lambda album, sent: album.move(ids_of(sent), text_of(sent, "label")),
    "bin": lambda album, sent: album.delete(ids_of(sent)),
    "undo": lambda album, _: album.undo(),
    "redo": lambda album, _: album.redo(),
}
"""What can be done by ``POST /album/NAME``."""


def register(app: Starlette, album: Album) -> None:
    """Adds ``GET /album`` and ``POST /album/…``, which answers with what was done."""
    app.add_route("/album", partial(_show, album))
    for name, change in _CHANGES.items():
        app.add_route(f"/album/{name}", partial(_change, album, change), methods=["POST"])


async def _show(album: Album, request: Request) -> Response:
    """Answers with the album; 304 for a window that shows this one."""

    def answer() -> Response:
        state = album.state()
        tag = f'"{state.revision}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(None, 304, headers)
        return Response(content_of(state), headers=headers, media_type="application/json")

    return await _answered(lambda: asyncio.to_thread(answer))


async def _change(album: Album, change: _Change, request: Request) -> Response:
    async def answer() -> Response:
        sent = await read_object(request)
        done = await asyncio.to_thread(change, album, sent)
        return JSONResponse({"done": done}, headers=NO_STORE)

    return await _answered(answer)


async def _answered(answer: Callable[[], Awaitable[Response]]) -> Response:
    try:
        return await answer()
    except ProblemError as problem:
        return response(problem)
    except GraftError as error:
        content = {"detail": error.what, "remedy": error.remedy}
        return JSONResponse(content, 409, headers=NO_STORE)
