"""Photos as boards keep them, for tests that collect them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from graft_device.outputs.photo_notes import PhotoNotes, exif_of
from graft_device.ranking import Prediction
from tests.conftest import graft
from tests.support.remote.board import UID

if TYPE_CHECKING:
    import subprocess

    from tests.support.remote.board import Board

FOLDER = "kept"
"""The folder of kept photos in the home of a test board's user."""

MARKS = {"uncertain": "_cats-61_dogs-38", "labelled": ".labelled_cats-61_dogs-38", "captured": ".captured"}


def kept_name(number: int, kind: str) -> str:
    """The name of a kept photo."""
    return f"20260131T12{number // 60 % 60:02}{number % 60:02}.250Z{MARKS[kind]}.jpg"


def keep(folder: Path, label: str, number: int, kind: str = "uncertain", notes: bool = True, size: int = 64) -> Path:
    """Writes a photo as a board keeps it; each number has other pixels."""
    path = folder / label / kept_name(number, kind)
    _owned(path.parent)
    pixels = np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)
    predictions = (Prediction("cats", 0.61), Prediction("dogs", 0.38))
    said = None if kind == "uncertain" else label
    noted = PhotoNotes("2026-01-31T12:00:00.250Z", "door", "", said, "ab" * 8, predictions)
    more: dict[str, Any] = {"exif": exif_of(noted, "1.0")} if notes else {}
    Image.fromarray(pixels).save(path, quality=90, **more)
    os.utime(path, (1_769_860_800 + number, 1_769_860_800 + number))
    os.chown(path, UID, UID)
    return path


def keep_some(board: Board, count: int, size: int = 64, first: int = 0) -> dict[str, bytes]:
    """Keeps photos of all kinds on a board; returns their contents by their paths in the folder."""
    folder = board.home / FOLDER
    kinds = ("uncertain", "captured", "labelled")
    numbers = range(first, first + count)
    paths = [keep(folder, ("cats", "dogs")[n % 2], n, kinds[n % 3], n % 5 > 0, size) for n in numbers]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _owned(folder: Path) -> None:
    for path in (folder.parent, folder):
        if not path.exists():
            path.mkdir(parents=True)
            os.chown(path, UID, UID)


def collect(inbox: Path, board: Board, *args: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs ``graft collect`` as a person does."""
    return graft("collect", board.address, "-F", board.config, "-o", inbox, *args, **options)


def collected(inbox: Path, board: Board, *args: object) -> dict[str, Any]:
    """Collects, and returns the board's part of the result."""
    done = collect(inbox, board, "--from", FOLDER, "--json", *args)
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)["boards"]
    assert isinstance(result, dict)
    return result


def photos_in(inbox: Path) -> dict[str, bytes]:
    """The photos of an inbox by their paths in it; working files are left out."""
    found = (path for path in sorted(inbox.rglob("*")) if path.is_file())
    inside = {str(path.relative_to(inbox)): path for path in found}
    visible = {name: path for name, path in inside.items() if not any(part[0] == "." for part in Path(name).parts)}
    return {name: path.read_bytes() for name, path in visible.items() if name != "collected.jsonl"}
