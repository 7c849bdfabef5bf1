"""Kills changes of a studio's photos with SIGKILL before each of their steps in turn, and records what is found then.

It runs as a program that forks for each trial. A kill before a write leaves half of what would have been written.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from graft_host.studio.album.album import Album
from graft_host.studio.project.folder import open_project
from tests.support.host_data import image_bytes
from tests.support.killed_sorting import killed
from tests.support.killing import kills


def main() -> None:
    """Tries ``sys.argv``: the folder of a project, and one for the caches."""
    pristine, cache = Path(sys.argv[1]), Path(sys.argv[2])
    place = pristine.with_name("tried")
    before = _tree(pristine / "photos")

    def prepare() -> None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(pristine, place)

    for found in kills(pristine.with_name("step"), prepare, lambda: change(place, cache), killed):
        sys.stdout.write(json.dumps({**found, **_look(place, cache, before)}) + "\n")


def change(place: Path, cache: Path) -> None:
    """What a person does in a minute."""
    album = Album(open_project(place), cache)
    for seed in (7, 8):
        album.add("cat", "new.png", image_bytes(seed), series="recording")
    album.move(["cat/a.png", "dog/d.png"], "bird")
    album.rename_class("cat", "feline")
    album.delete_class("empty")
    album.delete_class("feline")
    album.undo()
    album.undo()
    album.redo()
    album.incoming.close()


def _look(place: Path, cache: Path, before: dict[str, str]) -> dict[str, Any]:
    """What the next studio finds, and whether all can be taken back."""
    with Album(open_project(place), cache) as album:
        album.state()
        counts = Counter(_digest(path) for folder in ("photos", "inbox") for path in (place / folder).rglob("*.png"))
        litter = [str(path) for path in place.rglob("*.tmp")]
        litter += [str(path) for path in (place / ".studio/incoming").rglob("photo-*")]
        undone = []
        while (text := album.undo()) is not None:
            undone.append(text)
        state = album.state()
    return {
        "lost": sorted({*before.values()} - {*counts, ""}),
        "doubled": [name for name, count in counts.items() if count > 1],
        "litter": litter,
        "undone": undone,
        "taken back": _tree(place / "photos") == before and state.undo is None,
    }


def _tree(photos: Path) -> dict[str, str]:
    """The folders, and the digests of the files, below a folder."""
    return {
        path.relative_to(photos).as_posix(): _digest(path) if path.is_file() else "" for path in photos.rglob("*")
    }  # fmt: skip


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
