"""Starts the page's server in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graft_device.camera_page.hub import Hub
from graft_device.camera_page.live import Stage, Viewers
from graft_device.camera_page.parts import Parts
from graft_device.camera_page.pictures import Pictures
from graft_device.camera_page.routes import Application
from graft_device.serve.guard import Rules
from graft_device.serve.hosts import Hosts
from graft_device.serve.listening import QuietServer, Say, report_errors
from graft_device.serve.settings import Listener, Wording, check, exposure, listen, read_token

if TYPE_CHECKING:
    from graft_device.config.settings import HttpSettings

END_SECONDS = 1
"""How long running requests may take to finish at the end."""

_JOIN_S = 5.0
_SEND_BUFFER = 1 << 17
"""Bytes that the kernel may hold for a viewer: with more, a slow one would see old pictures."""

_WORDING = Wording(
    host="--http",
    port="port in --http HOST:PORT",
    open_up=(
        "give --token-file (or $GRAFT_TOKEN; 'openssl rand -hex 16' makes a token), or --insecure to let everybody in"
    ),
)


@dataclass(frozen=True)
class PageAccess:
    """The settings with the token that they name.

    Attributes:
        host: the address to listen on.
        port: the port; 0 for a free one.
        insecure: whether the network may use the page without a token.
        viewers: how many may watch one camera at a time.
        origins: other sites whose pages may use the API.
        hosts: host names to accept in addition.
        token: the token that clients must send; None to require none.
    """

    host: str
    port: int
    insecure: bool
    viewers: int
    origins: tuple[str, ...]
    hosts: tuple[str, ...]
    token: str | None = field(repr=False)


def read_access(http: HttpSettings) -> PageAccess:
    """The settings with their token; raises ServeError if it cannot be read."""
    token = os.environ.get("GRAFT_TOKEN") if http.token_file is None else read_token(http.token_file)
    return PageAccess(http.host, http.port, http.insecure, http.viewers, http.origins, http.hosts, token or None)


def open_page(http: HttpSettings, hub: Hub, parts: Parts, say: Say) -> CameraPage:
    """Starts the page of a run.

    Args:
        http: where it listens, and who may use it.
        hub: the observer that the run's loop calls.
        parts: what the board has besides cameras.
        say: called with each line for the user, from any thread; must not raise.

    Raises:
        ServeError: it cannot listen there, or the token cannot be used.
    """
    access = read_access(http)
    check(access)
    listener = listen(access, _WORDING)
    listener.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)  # its connections have the same
    page = CameraPage(access, listener, hub, say)
    try:
        page.start(parts)
    except BaseException:
        listener.socket.close()
        raise
    return page


class CameraPage:
    """The page's server, in a thread with an event loop of its own.

    Attributes:
        access: the settings that it was opened with.
        url: where it listens.
        application: what answers; None before ``start``.
    """

    def __init__(self, access: PageAccess, listener: Listener, hub: Hub, say: Say) -> None:
        """Serves nothing until ``start``; see ``open_page``."""
        self.access = access
        self.url = listener.url
        self._listener = listener
        self._hub = hub
        self._say = say
        self.application: Application | None = None
        self._end: Callable[[], None] = lambda: None
        self._server: QuietServer | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self, parts: Parts) -> None:
        """Starts the thread; returns when it serves.

        Args:
            parts: what the board has besides cameras.
        """
        self._thread = threading.Thread(target=self._run, args=(parts,), name="graft-page", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error

    def use(self, parts: Parts) -> None:
        """Shows other parts from now on, as after the settings were read again."""
        if self.application is not None:
            self.application.parts = parts

    @property
    def connections(self) -> tuple[Any, ...]:
        """The open connections, as uvicorn keeps them."""
        return () if self._server is None else tuple(self._server.server_state.connections)

    def close(self) -> None:
        """Ends all streams and the server, within two seconds."""
        if self._thread is None:
            return
        self._end()
        self._thread.join(_JOIN_S)
        self._thread = None

    def _run(self, parts: Parts) -> None:
        try:
            with contextlib.closing(self._listener.socket):
                asyncio.run(self._serve(parts))
        except BaseException as error:  # noqa: BLE001  start() raises it, or the user reads it
            self._error = error
            if self._started.is_set():
                self._say(f"error: the page ended ({type(error).__name__}: {error})")
        finally:
            self._started.set()

    async def _serve(self, parts: Parts) -> None:
        loop = asyncio.get_running_loop()
        report_errors(loop, self._say)
        closing = asyncio.Event()
        access, listener = self.access, self._listener
        stage = Stage(self._hub, Pictures(), Viewers(self.access.viewers), closing)
        self.application = Application(stage, parts, access.token is not None)
        hosts = Hosts(
            listener.loopback, access.token is not None, access.hosts, "add {name} to hosts in [http] of a board.toml"
        )
        routes = frozenset(route.path for route in self.application.routes())
        rules = Rules(access.token, hosts, access.origins, routes, "add {origin} to origins in [http] of a board.toml")
        server = self._server = QuietServer(self.application.asgi(rules, self._say), END_SECONDS, self._announce)

        def end() -> None:
            closing.set()
            server.end()

        def end_soon() -> None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself
                loop.call_soon_threadsafe(end)

        self._end = end_soon
        try:
            await server.serve(sockets=[listener.socket])
        finally:
            for connection in self.connections:
                connection.transport.abort()  # of a viewer that reads nothing
            stage.pictures.close()

    def _announce(self) -> None:
        for line in exposure(self._listener, self.access.token):
            self._say(line)
        self._say(f"page on {self.url}")
        self._started.set()
