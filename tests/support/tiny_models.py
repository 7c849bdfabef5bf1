"""Models of the tiny family, as ``graft train`` makes them where a package with the family is installed."""

from __future__ import annotations

import contextlib
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAST = ("--backbone", "tiny", "--weights", "random", "--test-percent", "30")


@dataclass(frozen=True)
class Made:
    """An int8 model, and what ``graft train`` printed."""

    photos: Path
    cache: Path
    model: Path
    report: dict[str, Any]

    @property
    def photo(self) -> Path:
        return min(self.photos.glob("washer/*.jpg"))


@contextlib.contextmanager
def on_path(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Has this process, and those that it starts, find what ``tiny_family.install`` put into a folder."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(folder))
        yield


def card_in(model: Path) -> dict[str, Any]:
    """The model card as the file has it."""
    with zipfile.ZipFile(model) as archive:
        card: dict[str, Any] = json.loads(archive.read("graft.json"))
    return card
