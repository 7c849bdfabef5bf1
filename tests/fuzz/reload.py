"""Model files that a running server is told to take: it must go on with the one it has, or with a sound new one."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.fuzz import artifacts
from tests.fuzz.served import ServedTarget

if TYPE_CHECKING:
    import random


class Kind(ServedTarget):
    """A file is put in place of the server's, and SIGHUP is sent."""

    memory = 1 << 30

    def seeds(self) -> list[bytes]:
        return [self.model.read_bytes()]

    def read(self, data: bytes) -> str:
        sound = self.model.read_bytes()
        fresh = self.model.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.replace(self.model)
        self.server.send(signal.SIGHUP)
        line = self._answer()
        fresh.write_bytes(sound)
        fresh.replace(self.model)
        self.count()
        assert "Traceback" not in line, line
        return "refused" if line.startswith("error") else "accepted"

    def _answer(self) -> str:
        while True:
            line = self.server.wait_for("")
            if line.startswith(("error:", "model reopened")):
                return line

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        return artifacts.changed(data, rng)
