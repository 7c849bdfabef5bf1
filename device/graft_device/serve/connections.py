"""Limits the number of connections, and closes those of slow clients."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 256
"""The number of simultaneous clients; by default a process may have 1,024 files open."""

HEAD_SECONDS = 10.0
"""How long a client may take to send a request's head, and to read an answer that fills the buffers, in seconds."""

_FULL_BODY = b'{"title": "Service Unavailable", "status": 503, "detail": "too many clients"}'
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    b"Content-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%b" % (len(_FULL_BODY), _FULL_BODY)
)


class Protocol(H11Protocol):
    """uvicorn's connection, with time limits for the client and a limit on the number of connections."""

    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts to wait for a request's head, or refuses the connection if there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.write(_FULL)
            transport.close()
            return
        self._wait_for_head()

    def on_response_complete(self) -> None:
        """Starts to wait for the next request's head."""
        super().on_response_complete()
        if not self.transport.is_closing():
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancels the timers."""
        for timer in (self._late, self._stuck):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Starts the timer for a client that does not read its answer."""
        super().pause_writing()
        self._stuck = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Cancels that timer: the client reads again."""
        if self._stuck is not None:
            self._stuck.cancel()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answers 400 to a request that is not HTTP; closes the connection if an answer is no longer possible."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()

    def _wait_for_head(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        # uvicorn's own timer stops at the first byte, but a client may send one byte per minute.
        cycle: Any = self.cycle  # None before the first request, despite its annotation
        if cycle is None or cycle.response_complete:
            self.transport.abort()
