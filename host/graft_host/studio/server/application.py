"""The application that the studio serves: its pages, their files, and what lets a browser in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from nicegui import core, ui

from graft_device.serve import pages
from graft_device.serve.hosts import Hosts
from graft_device.serve.listening import Say
from graft_device.serve.problems import NO_STORE, ProblemError
from graft_host.sorting.page.access import Access
from graft_host.sorting.page.bodies import read_object, text_of
from graft_host.studio.server import downloads, media, model_files, trying, uploads
from graft_host.studio.server.gate import Gate, Pass
from graft_host.studio.server.refusal import refusal
from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import Texts, requested_language
from graft_host.studio.ui import shell
from graft_host.studio.ui.photos import routes

_ENTRY = Path(__file__).with_name("entry")
_ICON = Path(pages.__file__).parent / "page" / "shared" / "icon.svg"
_ENTRY_SECONDS = 10.0
"""How long a browser may take to send its code."""

_RECONNECT_SECONDS = 10.0
"""How long a page waits for a browser whose connection has ended, such as that of a laptop that slept."""


def application(
    studio: Studio, access: Access, wanted: Pass, hosts: Hosts, say: Say, entered: Callable[[str], None]
) -> Gate:
    """Makes the application.

    Args:
        studio: what the pages work with.
        access: the codes that let a browser in.
        wanted: the cookie that a code is exchanged for.
        hosts: the host names that the server accepts.
        say: called with a line about each internal error.
        entered: called with each code that was used.
    """
    app = FastAPI(openapi_url=None)
    _add_files(app, studio)
    _add_entry(app, access, wanted, entered)
    shell.register(studio, say)
    ui.run_with(
        app, title="graft studio", favicon=_ICON.read_text("utf-8"), dark=None, tailwind=False,
        show_welcome_message=False, binding_refresh_interval=None, reconnect_timeout=_RECONNECT_SECONDS,
    )  # fmt: skip
    core.app.config.quasar_config["loadingBar"]["skipHijack"] = True  # no bar for each request
    core.sio.eio.cors_allowed_origins = []  # no header that would let other sites in; the gate has checked Origin
    core.app.add_exception_handler(404, _missing)
    core.app.exception_handlers.pop(Exception, None)  # the shell shows errors of pages, the gate answers to others
    logging.getLogger("nicegui").disabled = True  # it would print tracebacks; the shell reports errors
    return Gate(app, hosts, wanted, say)


def _add_files(app: FastAPI, studio: Studio) -> None:
    files = {path: handler for path, handler in pages.handlers().items() if path.startswith("/shared/")}
    files |= {f"/static{path}": handler for path, handler in pages.handlers(shell.STATIC).items()}
    entry = pages.handlers(_ENTRY)
    files |= {"/enter": entry["/"], "/enter/enter.js": entry["/enter.js"]}
    files |= media.routes(studio.album) | model_files.routes(studio.project) | downloads.routes(studio.project)
    for path, handler in files.items():
        app.add_route(path, handler)
    app.add_route("/upload", uploads.handler(studio.album), methods=["POST"])
    app.router.routes.extend(trying.routes(studio.trials, studio.album))
    routes.register(app, studio.album)


def _add_entry(app: FastAPI, access: Access, wanted: Pass, entered: Callable[[str], None]) -> None:
    async def session(request: Request) -> Response:
        try:
            code = text_of(await asyncio.wait_for(read_object(request), _ENTRY_SECONDS), "code")
        except ProblemError as problem:
            return refusal(request.scope, problem)
        except asyncio.TimeoutError:
            return refusal(request.scope, ProblemError(408, "the request took too long", {"Connection": "close"}))
        if access.redeem(code):
            entered(code)
        elif not wanted.shown(request.headers):  # a browser that was let in before may open its address again
            texts = Texts(requested_language(request.headers))
            return refusal(request.scope, ProblemError(401, texts("shell.used_code")))
        answer = JSONResponse({}, headers=NO_STORE)
        answer.set_cookie(wanted.cookie, wanted.token, httponly=True, samesite="strict", secure=wanted.encrypted)
        return answer

    app.add_route("/session", session, methods=["POST"])


async def _missing(request: Request, _: Exception) -> Response:
    return refusal(request.scope, ProblemError(404, "there is no such page"))
