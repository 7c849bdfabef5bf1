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
    _changed_in_use = False

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
        refused = line.startswith("error")
        self._changed_in_use |= not refused
        self.count()
        assert "Traceback" not in line, line
        return "refused" if refused else "accepted"

    def check(self) -> None:
        """Checks the server with the sound model. A changed one that it took may give other answers: it goes first."""
        if self._changed_in_use:
            self.server.send(signal.SIGHUP)
            line = self._answer()
            assert line.startswith("model reopened"), line
            self._changed_in_use = False
        super().check()

    def _answer(self) -> str:
        while True:
            line = self.server.wait_for("")
            if line.startswith(("error:", "model reopened")):
                return line

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        return artifacts.changed(data, rng)
