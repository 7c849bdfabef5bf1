"""Runs an application under uvicorn, without its output and its handling of signals."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from graft_device.serve.connections import Protocol

Say = Callable[[str], None]


class QuietServer(uvicorn.Server):
    """uvicorn's server, which prints nothing, leaves signals alone, and calls back when it listens."""

    def __init__(self, app: ASGIApp, seconds: int, on_listening: Callable[[], None]) -> None:
        """Creates a server that does not listen yet.

        Args:
            app: answers the requests, and reports its errors itself.
            seconds: how long running requests may take to finish at shutdown.
            on_listening: called when it listens.
        """
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # the guard reports errors
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=seconds,
        )
        super().__init__(config)
        self._on_listening = on_listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone: uvicorn would raise them again at the end, and a clean end would look like a crash."""
        yield

    async def startup(self, sockets: Any = None) -> None:
        """Starts to listen, and calls the callback."""
        await super().startup(sockets=sockets)
        self._on_listening()

    def end(self) -> None:
        """Stops accepting requests and finishes the running ones; a second call ends the server at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


class RateLimited:
    """Passes each line on at most once a minute; without file descriptors, asyncio would repeat one endlessly."""

    def __init__(self, say: Say, pause: float = 60.0) -> None:
        """Creates a filter.

        Args:
            say: called with each line that passes.
            pause: how long the same line is suppressed, in seconds.
        """
        self._say = say
        self._pause = pause
        self._times: dict[str, float] = {}

    def __call__(self, text: str) -> None:
        """Passes a line on, unless it was passed on recently."""
        now = time.monotonic()
        if now - self._times.get(text, float("-inf")) >= self._pause:
            self._times = {line: when for line, when in self._times.items() if now - when < self._pause}
            self._times[text] = now
            self._say(text)


def report_errors(loop: asyncio.AbstractEventLoop, say: Say) -> None:
    """Has the errors of an event loop reported, each line at most once a minute."""
    say_rarely = RateLimited(say)
    loop.set_exception_handler(lambda _, context: say_rarely(f"error: {_loop_reason(context)}"))


def _loop_reason(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return str(context.get("message", "")) + (f" ({type(error).__name__}: {error})" if error else "")
