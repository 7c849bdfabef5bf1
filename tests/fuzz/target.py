"""What every kind of input is tried on."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from tests.fuzz.mutation import mutated

if TYPE_CHECKING:
    import random
    from pathlib import Path

KINDS = {
    "models": "tests.fuzz.model_files",
    "reload": "tests.fuzz.reload",
    "photos": "tests.fuzz.photos",
    "multipart": "tests.fuzz.multipart",
    "http": "tests.fuzz.raw_http",
    "queues": "tests.fuzz.event_queues",
    "caches": "tests.fuzz.caches",
    "pickles": "tests.fuzz.pickles",
    "boards": "tests.fuzz.board_files",
}
"""The kinds of inputs, and the module of each; it has a class ``Kind``."""

GUIDED = {"models", "photos", "queues", "caches", "pickles", "boards"}
"""The kinds that are read in the worker itself: where atheris is installed, the branches that they reach guide it."""


_LONGEST = 1500


class Target(ABC):
    """Something that reads strangers' data, and sound data of its kind to start from.

    Attributes:
        sound: the inputs of ``seeds``, once they are made.
        memory: how much memory an input may add to the process that reads it, in bytes.
    """

    memory: ClassVar[int] = 256 << 20

    def __init__(self, folder: Path) -> None:
        """Makes what the target needs, in a folder of its own."""
        self.folder = folder
        self.sound: list[bytes] = []

    @abstractmethod
    def seeds(self) -> list[bytes]:
        """Sound inputs, which are the first to be tried."""

    @abstractmethod
    def read(self, data: bytes) -> str:
        """Reads an input as the product does. Every exception is a failure.

        Returns:
            What came of it, in a word or two, such as ``accepted`` or ``refused``; the results are counted.
        """

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        """Makes another input from one."""
        return mutated(data, self.sound, rng)

    def close(self) -> None:  # noqa: B027  most have nothing to end
        """Ends what the target started; raises an exception if it is not sound any more."""


def check_message(error: Exception) -> None:
    """Checks that an error is one line of a readable length, as people see it."""
    text = str(error)
    assert len(text.splitlines()) == 1, text
    assert len(text) < _LONGEST, f"{len(text)} characters: {text[:300]}"


def open_target(kind: str, folder: Path) -> Target:
    """Opens a target by the name of its kind; ``module:Class`` names one that is not in ``KINDS``."""
    module, _, name = KINDS.get(kind, kind).partition(":")
    target: Target = getattr(importlib.import_module(module), name or "Kind")(folder)
    return target
