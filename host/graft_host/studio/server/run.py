"""Serves the studio until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from nicegui import ui

from graft_device.serve import pages
from graft_device.serve.hosts import Hosts
from graft_device.serve.listening import QuietServer, Say, report_errors
from graft_device.serve.problems import NO_STORE, ProblemError
from graft_device.serve.settings import Listener, listen
from graft_host.sorting.page.access import Access
from graft_host.sorting.page.bodies import read_object, text_of
from graft_host.studio.server import media, model_files, uploads
from graft_host.studio.server.gate import Gate
from graft_host.studio.studio import Studio
from graft_host.studio.ui import shell

_ENTRY = Path(__file__).with_name("entry")
_END_SECONDS = 3


@dataclass(frozen=True)
class _Place:
    """Where the studio listens, as ``listen`` takes it."""

    port: int
    host: str = "127.0.0.1"
    token: str | None = None
    insecure: bool = False
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()


class StudioServer(QuietServer):
    """A server with WebSockets, and with the start and the end of the application."""

    def __init__(self, app: Gate, on_listening: Callable[[], None]) -> None:
        super().__init__(app, _END_SECONDS, on_listening)
        self.config = uvicorn.Config(
            app, ws="websockets-sansio", lifespan="on", log_config=None, log_level="critical", access_log=False,
            server_header=False, proxy_headers=False, timeout_graceful_shutdown=_END_SECONDS,
        )  # fmt: skip


def serve(studio: Studio, port: int, say: Say, show: Callable[[str], None] | None) -> None:
    """Serves the studio until Ctrl-C, SIGTERM, or the end of the terminal.

    Args:
        studio: what is served.
        port: on the loopback; 0 for a free one.
        say: called with each line for the user; must not raise.
        show: called in a thread of its own with an address to open in a browser; None for no browser.

    Raises:
        ServeError: it cannot listen on the port.
    """
    listener = listen(_Place(port))
    with contextlib.closing(listener.socket):
        asyncio.run(_serve(studio, listener, say, show))


async def _serve(studio: Studio, listener: Listener, say: Say, show: Callable[[str], None] | None) -> None:
    access = Access()

    def announce() -> None:
        say(f"graft studio is at {_address(listener, access.issue())} (works once; Ctrl-C ends)")
        if show is not None:
            address = _address(listener, access.issue())
            threading.Thread(target=show, args=(address,), daemon=True).start()

    server = StudioServer(_application(studio, listener, access, say), announce)
    loop = asyncio.get_running_loop()
    report_errors(loop, say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, server.end)
    await server.serve(sockets=[listener.socket])


def _application(studio: Studio, listener: Listener, access: Access, say: Say) -> Gate:
    cookie = f"graft-studio-{listener.socket.getsockname()[1]}"
    app = FastAPI(openapi_url=None)
    files = {path: handler for path, handler in pages.handlers().items() if path.startswith("/shared/")}
    files |= {f"/static{path}": handler for path, handler in pages.handlers(shell.STATIC).items()}
    entry = pages.handlers(_ENTRY)
    files |= {"/enter": entry["/"], "/enter/enter.js": entry["/enter.js"]}
    for path, handler in (files | media.routes(studio.album) | model_files.routes(studio.project)).items():
        app.add_route(path, handler)

    async def session(request: Request) -> Response:
        if not access.redeem(text_of(await read_object(request), "code")):
            raise ProblemError(401, "this address was used already; open the newest one that 'graft studio' printed")
        answer = JSONResponse({}, headers=NO_STORE)
        answer.set_cookie(cookie, access.token, httponly=True, samesite="strict", path="/")
        return answer

    app.add_route("/upload", uploads.handler(studio.album), methods=["POST"])
    app.add_route("/session", session, methods=["POST"])
    shell.register(studio)
    ui.run_with(
        app, title="graft studio", favicon="🌱", dark=None, tailwind=False, show_welcome_message=False,
        binding_refresh_interval=None, reconnect_timeout=10.0,
    )  # fmt: skip
    hosts = Hosts(loopback=True, token=True, remedy="open the address that 'graft studio' printed")
    return Gate(app, hosts, cookie, access.token, say)


def _address(listener: Listener, code: str) -> str:
    return f"{listener.url}/enter#{code}"
