"""Runs the application under uvicorn: slow clients, signals, and the end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from graft_device.classifier import Classifier
from graft_device.errors import GraftError
from graft_device.run.opened import open_copy
from graft_device.run.reopening import Terminal
from graft_device.serve.app import Service
from graft_device.serve.connections import Protocol
from graft_device.serve.settings import Listener, Settings, check, listen
from graft_device.serve.worker import Worker

END_SECONDS = 5
"""How long requests that run may take to end when the server is told to."""

Say = Callable[[str], None]


def run(settings: Settings, say: Say) -> None:
    """Serves until SIGTERM or Ctrl-C; SIGHUP opens the model file anew.

    Args:
        settings: what to serve, where and to whom.
        say: takes notes for the person, and never fails.

    Raises:
        GraftError: the model cannot be opened, or the address not be listened on.
    """
    early = _Early()
    check(settings)
    listener = listen(settings)
    with contextlib.closing(listener.socket):
        classifier = open_copy(settings.model, settings.runtime, settings.threads)
        worker = Worker(classifier, settings.queue, settings.max_pixels)
        del classifier  # the worker's, and soon perhaps replaced
        if early.ended:
            return
        worker.start()
        try:
            asyncio.run(_serve(Service(settings, worker), listener, say, early))
        finally:
            if not worker.close(END_SECONDS):
                say("error: the model does not come back; ending without it")
                os._exit(1)


async def _serve(service: Service, listener: Listener, say: Say, early: _Early) -> None:
    from graft_device.system import notify

    config = uvicorn.Config(
        service.app(listener.loopback, say),
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # what has to be said, the guard says
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=END_SECONDS,
    )
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it would print pieces of what clients send
    server = _Server(config, lambda: _announce(service, listener, say))
    loop = asyncio.get_running_loop()
    seldom = Seldom(say)
    loop.set_exception_handler(lambda _, context: seldom(f"error: {_loop_reason(context)}"))
    loop.add_signal_handler(signal.SIGINT, server.end)
    early.heed(_Reopening(service, say).begin, server.end)
    await server.serve(sockets=[listener.socket])
    notify.stopping()
    say(f"ended after {service.photos} {'photo' if service.photos == 1 else 'photos'}")


def _announce(service: Service, listener: Listener, say: Say) -> None:
    from graft_device.system import notify

    settings = service.settings
    if not listener.loopback:
        if settings.token is None:
            say("warning: --insecure: everybody in the network can use this server, without a token")
        say("note: what is sent is not encrypted; use it in a network that you trust, or behind a proxy with TLS")
    say(f"listening on {listener.url} ({_described(service.worker.classifier, settings)}; Ctrl-C ends)")
    notify.ready()
    notify.status(f"serving {settings.model.name} on {listener.url}")


def _described(classifier: Classifier, settings: Settings) -> str:
    return f"{settings.model.name}, {len(classifier.labels)} labels, {classifier.runtime}"


class _Early:
    """SIGTERM and SIGHUP: those that come before the server can heed them wait, as while the model is opened."""

    def __init__(self) -> None:
        self._received: list[int] = []
        self._terminal = Terminal()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._received.append(number))

    @property
    def ended(self) -> bool:
        """Whether the server was told to end before it began."""
        return signal.SIGTERM in self._received

    def heed(self, reopen: Callable[[], None], end: Callable[[], None]) -> None:
        """From now on a SIGHUP ends the server where its terminal is gone, and else has the model opened anew."""

        def heed_hangup() -> None:
            (end if self._terminal.closed() else reopen)()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, end)
        loop.add_signal_handler(signal.SIGHUP, heed_hangup)
        if self.ended:
            end()
        elif self._received:
            heed_hangup()


class Seldom:
    """Says a line at most once a minute; out of descriptors, say, asyncio would repeat itself thousands of times."""

    def __init__(self, say: Say, pause: float = 60.0) -> None:
        """Says nothing yet; ``pause`` in seconds."""
        self._say = say
        self._pause = pause
        self._said: dict[str, float] = {}

    def __call__(self, text: str) -> None:
        """Says a line, or leaves it."""
        now = time.monotonic()
        if now - self._said.get(text, float("-inf")) >= self._pause:
            self._said = {line: when for line, when in self._said.items() if now - when < self._pause}
            self._said[text] = now
            self._say(text)


class _Reopening:
    """Opens the model file anew when told to, one time after the other."""

    def __init__(self, service: Service, say: Say) -> None:
        self._service = service
        self._say = say
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reopen())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reopen(self) -> None:
        settings = self._service.settings
        async with self._lock:
            try:
                classifier = await asyncio.to_thread(open_copy, settings.model, settings.runtime, settings.threads)
            except Exception as error:  # noqa: BLE001  whatever is wrong with the new one, the old one works
                self._service.reloaded("failed")
                reason = str(error) if isinstance(error, GraftError) else f"{settings.model}: {error!r}"
                self._say(f"error: {reason}; the old model stays in use")
                return
            self._service.worker.swap(classifier)
            self._service.reloaded("ok")
            self._say(f"opened anew: {_described(classifier, settings)}")


class _Server(uvicorn.Server):
    """uvicorn's server, with our signals and a word when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals alone: uvicorn would raise them again at the end, and a clean end would look like none."""
        yield

    async def startup(self, sockets: Any = None) -> None:
        """Begins to listen, and says so."""
        await super().startup(sockets=sockets)
        self._on_listening()

    def end(self) -> None:
        """Stops accepting and finishes what runs; the second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _loop_reason(context: dict[str, Any]) -> str:
    error = context.get("exception")
    return str(context.get("message", "")) + (f" ({type(error).__name__}: {error})" if error else "")
