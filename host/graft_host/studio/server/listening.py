"""uvicorn with WebSockets, encryption, and limits for the clients."""

from __future__ import annotations

from collections.abc import Callable

import h11
import uvicorn
from starlette.types import ASGIApp

from graft_device.serve.connections import Protocol
from graft_device.serve.listening import QuietServer
from graft_host.studio.server.place import Encryption

END_SECONDS = 2
"""How long running requests may take to finish at the end."""

MOST_MESSAGE_BYTES = 2_000_000
"""Of a message through the WebSocket, which the web framework limits to half of this in the browser."""


class StudioProtocol(Protocol):
    """A connection whose time limits end where it becomes a WebSocket, which may be silent for long."""

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hands the connection over."""
        for timer in (self._late, self._stuck):
            if timer is not None:
                timer.cancel()
        super().handle_websocket_upgrade(event)


class StudioServer(QuietServer):
    """A server that also starts and ends the application."""

    def __init__(self, app: ASGIApp, encryption: Encryption | None, on_listening: Callable[[], None]) -> None:
        """Creates a server that does not listen yet.

        Args:
            app: answers the requests, and reports its errors itself.
            encryption: of the connections; None for none.
            on_listening: called when it listens.
        """
        super().__init__(app, END_SECONDS, on_listening)
        self.config = uvicorn.Config(
            app,
            http=StudioProtocol,
            ws="websockets-sansio",
            ws_max_size=MOST_MESSAGE_BYTES,
            lifespan="on",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=END_SECONDS,
            ssl_certfile=None if encryption is None else encryption.certificate,
            ssl_keyfile=None if encryption is None else encryption.key,
        )
