"""The routes of the page's API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from graft_device.errors import GraftError, PhotoError
from graft_device.serve import pages
from graft_device.serve.guard import Guard, Rules
from graft_device.serve.hosts import Hosts
from graft_device.serve.metrics import HttpMetrics
from graft_device.serve.problems import NO_STORE, ProblemError, http_problem
from graft_host.sorting.page.access import Access
from graft_host.sorting.page.bodies import destination_of, ids_of, read_object, revision_of, text_of
from graft_host.sorting.page.desk import Desk
from graft_host.sorting.page.pictures import Thumbnails, whole

Result = TypeVar("Result")

_FOLDER = Path(__file__).with_name("static")
_SHARED = "/shared/"
"""The files of the page of ``graft-device serve`` that both pages use."""

_JPEG = "image/jpeg"


class Application:
    """The route handlers, and the state that they share."""

    def __init__(self, desk: Desk, access: Access, thumbnails: Thumbnails, on_entry: Callable[[str], None]) -> None:
        """Creates the handlers; ``asgi`` gives the application that a server runs.

        Args:
            desk: the table and its revision.
            access: who may use it.
            thumbnails: the thumbnails in the cache.
            on_entry: called with a code that a browser has used up.
        """
        self._desk = desk
        self._access = access
        self._thumbnails = thumbnails
        self._on_entry = on_entry

    def asgi(self, report: Callable[[str], None]) -> Starlette:
        """Creates the ASGI application; ``report`` is called with a line about each internal error."""
        files = {path: handler for path, handler in pages.handlers().items() if path.startswith(_SHARED)}
        files.update(pages.handlers(_FOLDER))
        routes = [
            Route("/session", self.session, methods=["POST"]),
            Route("/v1/sorting", self.sorting),
            Route("/v1/pictures/{picture}", self.picture),
            Route("/v1/pictures/{picture}/thumbnail", self.thumbnail),
            Route("/v1/pictures/{picture}/twin", self.twin),
            Route("/v1/pictures/{picture}/twin/thumbnail", self.twin_thumbnail),
            Route("/v1/moves", self.moves, methods=["POST"]),
            Route("/v1/undo", self.undo, methods=["POST"]),
            Route("/v1/redo", self.redo, methods=["POST"]),
            Route("/v1/groups", self.groups, methods=["POST"]),
            Route("/v1/classes", self.classes, methods=["POST"]),
            *(Route(path, handler) for path, handler in files.items()),
        ]
        hosts = Hosts(loopback=True, token=True, remedy="open the address that 'graft sort' printed")
        rules = Rules(
            self._access.token, hosts, (), frozenset(route.path for route in routes),
            "open the address that 'graft sort' printed",
        )  # fmt: skip
        app = Starlette(
            routes=routes,
            middleware=[Middleware(Guard, rules=rules, metrics=HttpMetrics(), report=report)],
            exception_handlers={HTTPException: http_problem, ClientDisconnect: _gone},
        )
        app.router.redirect_slashes = False
        return app

    async def session(self, request: Request) -> Response:
        """Handles ``POST /session``: exchanges a code for the token."""
        code = text_of(await read_object(request), "code")
        if not self._access.redeem(code):
            raise ProblemError(401, "this address was used already; open the newest one that 'graft sort' printed")
        self._on_entry(code)
        return JSONResponse({"token": self._access.token}, headers=NO_STORE)

    async def sorting(self, request: Request) -> Response:
        """Handles ``GET /v1/sorting``; 304 for a window that shows this state."""
        tag = f'"{self._desk.revision}"'
        if request.headers.get("if-none-match") == tag:
            return Response(None, 304, {**NO_STORE, "ETag": tag})
        return await self._answer(self._desk.content)

    async def moves(self, request: Request) -> Response:
        """Handles ``POST /v1/moves``."""
        content = await read_object(request)
        ids, to, seen = ids_of(content), destination_of(content), revision_of(content)
        return await self._answer(lambda: self._desk.move(ids, to, seen))

    async def undo(self, request: Request) -> Response:
        """Handles ``POST /v1/undo``."""
        seen = revision_of(await read_object(request))
        return await self._answer(lambda: self._desk.undo(seen))

    async def redo(self, request: Request) -> Response:
        """Handles ``POST /v1/redo``."""
        seen = revision_of(await read_object(request))
        return await self._answer(lambda: self._desk.redo(seen))

    async def classes(self, request: Request) -> Response:
        """Handles ``POST /v1/classes``."""
        label = text_of(await read_object(request), "label")
        return await self._answer(lambda: self._desk.add_class(label))

    async def groups(self, request: Request) -> Response:
        """Handles ``POST /v1/groups``: groups the pictures again."""
        await read_object(request)
        return await self._answer(self._desk.regroup)

    async def picture(self, request: Request) -> Response:
        """Handles ``GET /v1/pictures/{picture}``."""
        return await _jpeg(lambda: whole(self._desk.table.picture(request.path_params["picture"])))

    async def thumbnail(self, request: Request) -> Response:
        """Handles ``GET /v1/pictures/{picture}/thumbnail``."""
        return await _jpeg(lambda: self._thumbnails.thumbnail(self._desk.table.picture(request.path_params["picture"])))

    async def twin(self, request: Request) -> Response:
        """Handles ``GET /v1/pictures/{picture}/twin``: the photo that is there already."""
        return await _jpeg(lambda: whole(self._desk.twin(request.path_params["picture"])))

    async def twin_thumbnail(self, request: Request) -> Response:
        """Handles ``GET /v1/pictures/{picture}/twin/thumbnail``."""
        return await _jpeg(lambda: self._thumbnails.thumbnail(self._desk.twin(request.path_params["picture"])))

    async def _answer(self, act: Callable[[], dict[str, Any]]) -> Response:
        def content() -> JSONResponse:
            found = act()
            return JSONResponse(found, headers={**NO_STORE, "ETag": f'"{found["revision"]}"'})

        return await _in_thread(content)


async def _jpeg(make: Callable[[], bytes]) -> Response:
    try:
        return Response(await _in_thread(make), 200, NO_STORE, media_type=_JPEG)
    except PhotoError as error:
        raise ProblemError(404, str(error)) from None


async def _in_thread(act: Callable[[], Result]) -> Result:
    """Calls what works on files; raises ProblemError for what goes wrong with them."""
    try:
        return await asyncio.to_thread(act)
    except KeyError:
        raise ProblemError(404, "there is no such picture") from None
    except PhotoError:
        raise
    except GraftError as error:
        raise ProblemError(409, str(error)) from None
    except MemoryError:
        raise ProblemError(503, "the picture does not fit into memory") from None


async def _gone(_: Request, __: Exception) -> Response:
    return Response(None, 499)
