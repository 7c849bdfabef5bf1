"""Targets with known faults, on which the lane itself is tested."""

from __future__ import annotations

import os

from tests.fuzz.target import Target


class Sound(Target):
    """Reads anything."""

    def seeds(self) -> list[bytes]:
        return [b"a sound input, long enough to be changed in many ways" * 3]

    def read(self, data: bytes) -> str:
        return "accepted" if data else "empty"


class Raising(Sound):
    """Raises on any input but the sound one."""

    def read(self, data: bytes) -> str:
        if data not in self.sound:
            raise RuntimeError("planted")
        return "accepted"


class Dying(Sound):
    """Kills its process on any input but the sound one."""

    def read(self, data: bytes) -> str:
        if data not in self.sound:
            os.abort()
        return "accepted"


class Hanging(Sound):
    """Never ends on any input but the sound one."""

    def read(self, data: bytes) -> str:
        while data not in self.sound:
            pass
        return "accepted"


class Growing(Sound):
    """Takes more memory than it may, and gives it back."""

    memory = 64 << 20

    def read(self, data: bytes) -> str:
        if data not in self.sound:
            bytearray(os.urandom(1)) * (128 << 20)
        return "accepted"


class Unsound(Sound):
    """Has come to harm at the end."""

    def close(self) -> None:
        raise RuntimeError("planted at the end")
