"""Limits the number of connections, in total and for each client, and closes those of slow clients."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from graft_device.serve.addresses import group, is_local

MAX_CONNECTIONS = 256
"""The number of simultaneous connections; by default a process may have 1,024 files open."""

MAX_PER_ADDRESS = 64
"""The number of simultaneous connections of one client address. Clients on this machine are not limited by address:
a reverse proxy may serve many clients from there."""

HEAD_SECONDS = 10.0
"""How long a client may take to send a request's head, and to read an answer that fills the buffers, in seconds."""

_FULL_BODY = b'{"title": "Service Unavailable", "status": 503, "detail": "too many clients"}'
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n"
    b"Content-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%b" % (len(_FULL_BODY), _FULL_BODY)
)


class Protocol(H11Protocol):
    """uvicorn's connection, with time limits for the client and limits on the number of connections.

    Attributes:
        address: the group of the client's address, as ``addresses.group`` gives it.
        since: when the connection began to wait for the head of its newest request, in seconds of the loop's clock.
    """

    address: str
    since = 0.0
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts to wait for a request's head. If there are too many connections, closes one or refuses this one."""
        super().connection_made(transport)
        self.address = group(self.client[0] if self.client else None)
        self._wait_for_head()
        if not self._make_room():
            transport.write(_FULL)
            transport.close()

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
        """Answers 400 to a request that is not HTTP; closes the connection if an answer is no longer possible.

        What handles the request may not have begun yet: its answer is dropped, as that of a client who has gone.
        """
        cycle: Any = self.cycle  # None before the first request, despite its annotation
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()

    @property
    def waiting(self) -> bool:
        """Whether no request is running: the head of the next one has not arrived completely."""
        cycle: Any = self.cycle  # None before the first request, despite its annotation
        return cycle is None or bool(cycle.response_complete)

    @property
    def unfinished(self) -> bool:
        """Whether the client is still sending: its request's head or body has not arrived completely."""
        return self.waiting or bool(self.cycle.more_body)

    @property
    def slow(self) -> bool:
        """Whether a head has been awaited for half of ``HEAD_SECONDS``."""
        return self.waiting and self.loop.time() - self.since > HEAD_SECONDS / 2

    def counts(self, newest: Protocol) -> bool:
        """Whether this connection takes a place beside the newest one."""
        return self is not newest and not self.transport.is_closing()

    def _make_room(self) -> bool:
        """Closes another connection if there are too many now; returns False if this one must be refused.

        A client that holds fewer connections than another gets a place from it: the one whose request has been
        incomplete for longest. So no client can shut out the others. Among connections of equal right, only one that
        has been waiting for a request for half of ``HEAD_SECONDS`` is closed.
        """
        others = [other for other in self.connections if isinstance(other, Protocol) and other.counts(self)]
        counts = Counter(other.address for other in others)
        own = counts[self.address] + 1
        if own > MAX_PER_ADDRESS and not is_local(self.address):
            return _close_one(other for other in others if other.address == self.address and other.slow)
        if len(others) < MAX_CONNECTIONS:
            return True
        candidates = [other for other in others if other.slow or (other.unfinished and counts[other.address] > own)]
        largest = max((counts[other.address] for other in candidates), default=0)
        return _close_one(other for other in candidates if counts[other.address] == largest)

    def _wait_for_head(self) -> None:
        self.since = self.loop.time()
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        # uvicorn's own timer stops at the first byte, but a client may send one byte per minute.
        if self.waiting:
            self.transport.abort()


def _close_one(candidates: Iterable[Protocol]) -> bool:
    """Closes the connection that has been waiting for longest; returns False if there is none."""
    oldest = min(candidates, key=lambda connection: connection.since, default=None)
    if oldest is None:
        return False
    oldest.transport.abort()
    return True
