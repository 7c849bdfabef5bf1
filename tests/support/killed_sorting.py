"""Kills a sequence of moves with SIGKILL before each of its steps in turn, and records what the next opening finds.

It runs as a program that forks for each trial. A kill before a write leaves half of what would have been written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graft_device.system import durable
from graft_host.sorting import moving
from graft_host.sorting.journal import FileMove, Place
from graft_host.sorting.mover import Mover
from graft_host.sorting.places import Folders
from graft_host.sorting.state import Destination
from tests.support.killing import kills

CATS, BIN = Destination("class", "cats"), Destination("bin")

_STEPS = ("replace", "rename", "link", "unlink", "rmdir", "mkdir", "fsync", "chmod", "utime", "write", "ftruncate")


def main() -> None:
    """Tries ``sys.argv``: a folder with ``inbox`` and ``photos``, and a folder for the photos of each trial."""
    pristine, photos = Path(sys.argv[1]), Path(sys.argv[2])
    place = pristine.with_name("tried")
    before = contents(pristine / "inbox", pristine / "photos")

    def prepare() -> None:
        for folder in (place, photos):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(pristine / "inbox", place)
        shutil.copytree(pristine / "photos", photos)

    for found in kills(pristine.with_name("step"), prepare, lambda: _sort(place, photos), killed):
        sys.stdout.write(json.dumps({**found, **_look(place, photos, before)}) + "\n")


def contents(inbox: Path, photos: Path) -> list[tuple[str, int]]:
    """The content and the time of change of all pictures in both folders, the bin included, in order."""
    files = [path for folder in (inbox, photos) for path in folder.rglob("*.png") if path.is_file()]
    return sorted((hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files)


def _look(place: Path, photos: Path, before: list[tuple[str, int]]) -> dict[str, Any]:
    """What a new table finds, and whether everything can be taken back."""
    mover = Mover(Folders(place, photos))
    mover.recover()
    found = contents(place, photos)
    litter = [str(path) for folder in (place, photos) for path in folder.rglob("*.tmp")]
    moves = len(mover.history.done)
    while mover.undo() is not None:
        pass
    again = Mover(mover.folders)
    return {
        "kept": found == before,
        "litter": litter,
        "moves": moves,
        "journal": [again.journal.damaged, len(again.history.done), again.journal.unfinished is None],
        "taken back": contents(place, photos) == before and not (place / ".bin" / "b.png").exists(),
        "in the inbox": sorted(path.name for path in place.rglob("*.png")),
        "left": [path.name for path in photos.iterdir()],
    }


def _sort(inbox: Path, photos: Path) -> None:
    """Moves, undoes, redoes: what a person does."""
    mover = Mover(Folders(inbox, photos))
    mover.recover()
    _move(mover, CATS, "a.png", "deep/a.png")
    _move(mover, BIN, "b.png")
    mover.undo()
    mover.undo()
    mover.redo()


def _move(mover: Mover, to: Destination, *names: str) -> None:
    moves = []
    for name, target in zip(names, mover.folders.wanted(to, names), strict=True):
        path = mover.folders.inbox / name
        status = path.stat()
        moves.append(
            FileMove(
                source=Place("inbox", name), target=target, sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
                size=status.st_size, mtime_ns=status.st_mtime_ns,
            )
        )  # fmt: skip
    mover.move(moves, to)


def killed(stop: int, step: Path, act: Callable[[], None]) -> None:
    """Runs the action, and kills this process before the step with that number."""
    count = 0
    write = os.write

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            mode = str(args[1] if len(args) > 1 else kwargs.get("mode", "r"))
            if name != "open" or any(letter in mode for letter in "wax+"):
                count += 1
                if count == stop:
                    step.write_bytes(f"{name} {args}"[:200].encode())
                    if name == "write":
                        write(args[0], bytes(args[1])[: len(args[1]) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in _STEPS:
        setattr(os, name, counted(name, getattr(os, name)))
    moving.rename_to_free = counted("rename_to_free", durable.rename_to_free)  # type: ignore[attr-defined]
    io.open = counted("open", io.open)  # what pathlib calls
    act()


if __name__ == "__main__":
    main()
