from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tests.support import killed_album
from tests.support.host_data import image_bytes
from tests.support.killing import tried

MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, where waiting for the disk takes no time


def test_a_kill_at_any_step_loses_and_doubles_no_photo_and_every_change_can_be_taken_back(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else tmp_path) as folder:
        pristine = Path(folder) / "pristine"
        for number, name in enumerate(["cat/a.png", "cat/old/b.png", "cat/c.png", "dog/d.png"]):
            path = pristine / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image_bytes(number))
        (pristine / "photos/empty").mkdir()
        *killed, whole = tried(killed_album, pristine, Path(folder) / "cache")
    assert len(killed) > 100
    for trial in [*killed, whole]:
        assert (trial["lost"], trial["doubled"], trial["litter"]) == ([], [], []), trial
        assert trial["taken back"], trial
    assert whole["undone"] == [
        "the class empty",
        "4 pictures to feline",
        "2 pictures to bird",
        "2 pictures to cat",
    ]
