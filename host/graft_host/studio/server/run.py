"""Serves the studio until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

from graft_device.serve.hosts import Hosts
from graft_device.serve.listening import Say, report_errors
from graft_device.serve.settings import Listener
from graft_host.sorting.page.access import Access
from graft_host.studio.jobs.job import ENDED
from graft_host.studio.project.occupied import occupied
from graft_host.studio.server.application import application
from graft_host.studio.server.gate import Pass
from graft_host.studio.server.listening import StudioServer
from graft_host.studio.server.place import Place, address_of, open_listener
from graft_host.studio.server.remembered import Memory, Remembered
from graft_host.studio.server.threads import AbandonableExecutor
from graft_host.studio.studio import Studio

_REMEDY = "open the address that 'graft studio' printed"


def serve(studio: Studio, place: Place, cache: Path, say: Say, show: Callable[[str], None] | None) -> None:
    """Serves the studio until Ctrl-C, SIGTERM, or the end of the terminal.

    Args:
        studio: what is served.
        place: where it listens.
        cache: the folder of caches, which gets what lets open windows go on after a restart.
        say: called with each line for the user; must not raise.
        show: called in a thread of its own with an address to open in a browser; None for no browser.

    Raises:
        ServeError: it cannot listen there, or the certificate cannot be used.
    """
    fingerprint = None if place.encryption is None else place.encryption.fingerprint()
    memory = Memory(cache, studio.project.root)
    last = memory.recall(time.time())
    listener = open_listener(place, None if last is None else last.port)
    with contextlib.closing(listener.socket), occupied(studio.project) as already:
        if already:
            say("another studio has this folder open; both show what the other one changes")
        if fingerprint is not None:
            say(f"browsers will show this fingerprint (SHA-256) of the certificate: {fingerprint}")
        access = Access() if last is None else Access(last.token)
        remembered = Remembered(access.token, listener.socket.getsockname()[1])
        memory.keep(remembered)
        asyncio.run(_serve(studio, _Door(listener, place, access, say, show), say))
        memory.keep(remembered)  # its 12 hours begin at the end
        left = sum(job.state not in ENDED for job in studio.jobs.all())
        if left:
            what = "1 job goes on" if left == 1 else f"{left} jobs go on"
            say(f"{what} when you start the studio again")


class _Door:
    """Prints where the studio is; each address that it gives works once."""

    def __init__(
        self, listener: Listener, place: Place, access: Access, say: Say, show: Callable[[str], None] | None
    ) -> None:
        self.access = access
        self.socket = listener.socket
        self.hosts = Hosts(loopback=listener.loopback, token=True, remedy=_REMEDY)
        prefix = "graft-studio" if place.encryption is None else "__Host-graft-studio"
        cookie = f"{prefix}-{listener.socket.getsockname()[1]}"
        self.wanted = Pass(cookie, access.token, encrypted=place.encryption is not None)
        self.encryption = place.encryption
        self._place = address_of(listener, place)
        self._say, self._show = say, show
        self._printed = ""

    def announce(self) -> None:
        """Prints an address, and opens another one in a browser."""
        self._printed = self.access.issue()
        self._say(f"graft studio is at {self._address(self._printed)} (works once; Ctrl-C ends)")
        if self._show is not None:
            address = self._address(self.access.issue())
            threading.Thread(target=self._show, args=(address,), daemon=True).start()

    def entered(self, code: str) -> None:
        """Prints a new address once the printed one was used."""
        if code == self._printed:
            self._printed = self.access.issue()
            self._say(f"the studio is open; for another browser: {self._address(self._printed)}")

    def _address(self, code: str) -> str:
        return f"{self._place}/enter#{code}"


async def _serve(studio: Studio, door: _Door, say: Say) -> None:
    app = application(studio, door.access, door.wanted, door.hosts, say, door.entered)
    server = StudioServer(app, door.encryption, door.announce)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(AbandonableExecutor())
    report_errors(loop, say)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, server.end)
    await server.serve(sockets=[door.socket])
