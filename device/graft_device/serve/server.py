"""Runs the application under uvicorn, and handles signals and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable

from graft_device.classifier import Classifier
from graft_device.errors import GraftError
from graft_device.model import without_checksum
from graft_device.preprocess.budget import Limits
from graft_device.run.opened import NewModel, open_copy
from graft_device.run.reopening import Terminal
from graft_device.serve.app import Application
from graft_device.serve.listening import QuietServer, Say, report_errors
from graft_device.serve.settings import Listener, ServeSettings, check, exposure, listen
from graft_device.serve.worker import Worker

END_SECONDS = 5
"""How long running requests may take to finish at shutdown."""


def run(settings: ServeSettings, say: Say) -> None:
    """Serves until SIGTERM or Ctrl-C; SIGHUP reopens the model file.

    Args:
        settings: the options of the command.
        say: called with each note for the user; must not raise.

    Raises:
        GraftError: the model cannot be opened, or the server cannot listen on the address.
    """
    early = _EarlySignals()
    check(settings)
    listener = listen(settings)
    with contextlib.closing(listener.socket):
        classifier = open_copy(settings.model, settings.runtime, settings.threads)
        _say_checksum(classifier, settings, say)
        worker = Worker(classifier, settings.queue, Limits.of_server(settings.max_pixels))
        del classifier  # it belongs to the worker, which may replace it
        if early.ended:
            return
        worker.start()
        try:
            asyncio.run(_serve(Application(settings, worker), listener, say, early))
        finally:
            if not worker.close(END_SECONDS):
                say("error: the model does not stop; ending without waiting for it")
                os._exit(1)


async def _serve(application: Application, listener: Listener, say: Say, early: _EarlySignals) -> None:
    from graft_device.system import notify

    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it would print parts of clients' requests
    app = application.asgi(listener.loopback, say)
    server = QuietServer(app, END_SECONDS, lambda: _announce(application, listener, say))
    loop = asyncio.get_running_loop()
    report_errors(loop, say)
    loop.add_signal_handler(signal.SIGINT, server.end)
    early.install(_Reopening(application, say).begin, server.end)
    await server.serve(sockets=[listener.socket])
    notify.stopping()
    say(f"ended after {application.photos} {'photo' if application.photos == 1 else 'photos'}")


def _announce(application: Application, listener: Listener, say: Say) -> None:
    from graft_device.system import notify

    settings = application.settings
    for line in exposure(listener, settings.token):
        say(line)
    say(f"listening on {listener.url} ({_description(application.worker.classifier, settings)}; Ctrl-C ends)")
    notify.ready()
    notify.status(f"serving {settings.model.name} on {listener.url}")


def _description(classifier: Classifier, settings: ServeSettings) -> str:
    return f"{settings.model.name}, {len(classifier.labels)} labels, {classifier.runtime}"


def _say_checksum(classifier: Classifier, settings: ServeSettings, say: Say) -> None:
    line = without_checksum(classifier.model, settings.model)
    if line is not None:
        say(f"note: {line}")


class _EarlySignals:
    """Records SIGTERM and SIGHUP until the server can handle them, for example while the model is opened."""

    def __init__(self) -> None:
        self._received: list[int] = []
        self._terminal = Terminal()
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda number, _: self._received.append(number))

    @property
    def ended(self) -> bool:
        """Whether SIGTERM arrived before the server started."""
        return signal.SIGTERM in self._received

    def install(self, reopen: Callable[[], None], end: Callable[[], None]) -> None:
        """Handles the signals, including those recorded so far.

        Args:
            reopen: called on SIGHUP.
            end: called on SIGTERM, and on SIGHUP if the terminal has been closed.
        """

        def handle_hangup() -> None:
            (end if self._terminal.closed() else reopen)()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, end)
        loop.add_signal_handler(signal.SIGHUP, handle_hangup)
        if self.ended:
            end()
        elif self._received:
            handle_hangup()


class _Reopening:
    """Reopens the model file on request, one attempt at a time."""

    def __init__(self, application: Application, say: Say) -> None:
        self._application = application
        self._say = say
        self._lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        task = asyncio.get_running_loop().create_task(self._reopen())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reopen(self) -> None:
        settings = self._application.settings
        async with self._lock:
            new = NewModel(settings.model, settings.runtime, settings.threads)
            try:
                await asyncio.wrap_future(new.tried)
                classifier = await asyncio.to_thread(new.open)
            except Exception as error:  # noqa: BLE001  whatever is wrong with the new file, the old model works
                self._application.reloaded("failed")
                reason = str(error) if isinstance(error, GraftError) else f"{settings.model}: {error!r}"
                self._say(f"error: {reason}; the old model stays in use")
                return
            finally:
                new.cancel()
            self._application.worker.swap(classifier)
            self._application.reloaded("ok")
            self._say(f"model reopened: {_description(classifier, settings)}")
            _say_checksum(classifier, settings, self._say)
