from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import killed_sorting
from tests.support.host_data import image_bytes
from tests.support.killing import tried

MEMORY = Path("/dev/shm")  # noqa: S108  a file system in memory, where waiting for the disk takes no time


@pytest.fixture(params=["one file system", "two file systems"])
def folders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """A folder for inboxes, and one for photos: beside them, or on another file system."""
    apart = request.param == "two file systems"
    usable = os.access(MEMORY, os.W_OK)
    if apart and not (usable and MEMORY.stat().st_dev != tmp_path.stat().st_dev):
        pytest.skip("needs a second file system")
    with tempfile.TemporaryDirectory(dir=MEMORY if usable else tmp_path) as folder:
        yield Path(folder), (tmp_path if apart else Path(folder)) / "photos"


def test_a_kill_at_any_step_loses_and_doubles_no_picture_and_leaves_every_move_to_be_taken_back(
    folders: tuple[Path, Path],
) -> None:
    pristine, photos = folders[0] / "pristine", folders[1]
    for number, name in enumerate(["inbox/a.png", "inbox/b.png", "inbox/deep/a.png", "photos/dogs/d.png"]):
        path = pristine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image_bytes(number))
        os.utime(path, ns=(10**18 + number, 10**18 + number))
    *killed, whole = tried(killed_sorting, pristine, photos)
    assert len(killed) > 60
    assert whole["status"] == 0
    assert whole["moves"] == 1
    for trial in [*killed, whole]:
        assert trial["kept"], trial
        assert trial["litter"] == [], trial
        assert trial["taken back"], trial
        assert trial["in the inbox"] == ["a.png", "a.png", "b.png"], trial
        assert trial["journal"] == [0, 0, True], trial
        assert trial["left"] == ["dogs"], trial
    assert {trial["status"] for trial in killed} == {-9}
