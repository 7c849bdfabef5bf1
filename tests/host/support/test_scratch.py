from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from graft_device.errors import ExportError
from graft_host.support.scratch import remove_stale_scratch, scratch, write_scratch
from tests.support.background import start_python
from tests.support.host_data import run_on_small_disk

DAYS = 24 * 3600


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary folders."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def left(path: Path, *names: str, days: float = 2, mode: int = 0o700) -> Path:
    """Creates a folder that was last used the given number of days ago."""
    path.mkdir()
    for name in names:
        (path / name).parent.mkdir(exist_ok=True)
        (path / name).write_text("of a killed run")
    path.chmod(mode)
    os.utime(path, (time.time() - days * DAYS,) * 2)
    return path


def test_the_folder_is_removed_when_the_block_ends(temporary: Path) -> None:
    with scratch() as folder:
        write_scratch(folder / "m.tflite", b"data")
        assert (folder / "m.tflite").read_bytes() == b"data"
        assert folder.parent == temporary
    assert list(temporary.iterdir()) == []


def test_leftovers_of_killed_runs_are_removed_after_a_day(temporary: Path) -> None:
    left(temporary / "graft-scratch-abcdefg1", "candidate.tflite", "deep/fingerprints.sqlite")
    left(temporary / "graft-3wx6u_28", "photos.npy", "backbone.tflite")
    left(temporary / "graft-66d1gm17")
    kept = [
        left(temporary / "graft-scratch-abcdefg2", "candidate.tflite", days=0.9),
        left(temporary / "graft-scratch-abcdefg3", "candidate.tflite", mode=0o755),
        left(temporary / "graft-scratch-photos-of-mine", "photos.npy"),
        left(temporary / "graft-projects", "photos.npy", "thesis.txt"),
        left(temporary / "graft-abcdefghi", "photos.npy"),
    ]
    (temporary / "graft-scratch-afile_01").write_text("a file")
    remove_stale_scratch()
    assert sorted(temporary.iterdir()) == sorted([*kept, temporary / "graft-scratch-afile_01"])
    assert (kept[3] / "photos.npy").is_file()


def test_links_are_not_followed(temporary: Path, tmp_path: Path) -> None:
    precious = left(tmp_path / "precious", "photos.npy")
    (temporary / "graft-scratch-abcdefg1").symlink_to(precious)
    inner = left(temporary / "graft-scratch-abcdefg2")
    (inner / "folder").symlink_to(precious)
    (inner / "file").symlink_to(precious / "photos.npy")
    os.utime(inner, (0, 0))
    remove_stale_scratch()
    assert (precious / "photos.npy").is_file()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make folders of others")
def test_folders_of_other_users_are_not_removed(temporary: Path) -> None:
    other = left(temporary / "graft-scratch-abcdefg1", "photos.npy")
    os.chown(other, 65534, 65534)
    remove_stale_scratch()
    assert (other / "photos.npy").is_file()


def test_a_folder_in_use_is_kept_until_its_run_is_killed(temporary: Path) -> None:
    code = """
import os, sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from graft_host.support.scratch import scratch
with scratch() as folder:
    (folder / "photos.npy").write_text("photos")
    os.utime(folder, (0, 0))
    print(folder, flush=True)
    time.sleep(600)
"""
    with start_python(code, temporary) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        remove_stale_scratch()
        kept = (folder / "photos.npy").is_file()
        run.kill()
    assert kept
    assert folder.is_dir()
    remove_stale_scratch()
    assert not folder.exists()


def test_a_full_disk_is_named_with_a_remedy() -> None:
    output = run_on_small_disk(
        100,
        """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from graft_device.errors import ExportError
from graft_host.support.scratch import scratch, write_scratch
try:
    with scratch() as folder:
        write_scratch(folder / "candidate.tflite", bytes(9_300_000))
except ExportError as error:
    print(sys.argv[1])
    print(error)
""",
    )
    disk, error = output.splitlines()
    assert error.startswith(f"cannot write 9.3 MB into {disk}: no space left on device; ")
    assert error.endswith("choose another folder in $TMPDIR")


def test_no_temporary_folder_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(ExportError, match=r"cannot make a temporary folder: .*\$TMPDIR"), scratch():
        pass
    remove_stale_scratch()
