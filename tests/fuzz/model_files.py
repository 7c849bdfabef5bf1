"""Model files, read as far as they are read before an interpreter opens them, and taken apart by the workstation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graft_device.errors import GraftError
from graft_device.learning.pieces import take_apart
from graft_device.model import check_network, read_checked, read_model
from graft_device.model.memory import read_memory
from graft_host.support import flatbuffer
from graft_host.tflite.metadata_reader import read_metadata
from graft_host.tflite.operators import operators
from tests.fuzz import artifacts
from tests.fuzz.target import Target, check_message
from tests.support.learning_models import write_learnable
from tests.support.stores import write_model

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path


class Kind(Target):
    """Card, labels, golden photos, flatbuffer, metadata and memory of a file."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "model.tflite"

    def seeds(self) -> list[bytes]:
        kinds = ("int8", "float32")
        plain = [write_model(self.folder / f"{kind}.tflite", kind=kind) for kind in kinds]
        learnable = [write_learnable(self.folder / f"learnable-{kind}.tflite", kind, golden=False) for kind in kinds]
        return [path.read_bytes() for path in (*plain, *learnable)]

    def read(self, data: bytes) -> str:
        self._path.write_bytes(data)
        results = [self._attempt(reading) for reading in (self._card, self._flatbuffer, self._memory)]
        return "accepted" if all(results) else "refused in part" if any(results) else "refused"

    def mutate(self, data: bytes, rng: random.Random) -> bytes:
        return artifacts.changed(data, rng)

    def _card(self) -> None:
        model = read_model(self._path)
        model.to_json()
        assert 0 <= model.card.unknown_below <= 1
        check_network(model)

    def _flatbuffer(self) -> None:
        model = flatbuffer.unpack(self._path.read_bytes(), str(self._path))
        operators(model)
        read_metadata(model, str(self._path))

    def _memory(self) -> None:
        model = read_checked(self._path)
        if read_memory(self._path) is not None:
            take_apart(model)

    def _attempt(self, reading: Callable[[], None]) -> bool:
        try:
            reading()
        except GraftError as error:
            check_message(error)
            return False
        return True
