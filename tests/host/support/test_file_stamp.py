from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from graft_host.support.kept import file_stamp
from graft_host.support.kept.file_stamp import settled_stamp


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as settled, so that no test has to wait."""
    monkeypatch.setattr(file_stamp, "_SETTLED", 0)


@pytest.mark.parametrize(("later", "settled"), [(0, False), (2_999_999_999, False), (3_000_000_000, True)])
@pytest.mark.parametrize("set_by_a_program", [False, True])
def test_a_file_that_just_changed_has_no_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: int, settled: bool, set_by_a_program: bool
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    if set_by_a_program:
        os.utime(path, (0, 0))  # which does not hide the change
    changed = path.stat().st_ctime_ns
    monkeypatch.setattr(time, "time_ns", lambda: changed + later)
    assert (settled_stamp(path) is not None) == settled


def test_a_file_that_was_left_alone_keeps_its_stamp() -> None:
    stamp = settled_stamp(Path(os.__file__))
    assert stamp is not None
    assert settled_stamp(Path(os.__file__)) == stamp


@pytest.mark.usefixtures("settled")
def test_every_change_gives_another_stamp(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    path.write_bytes(b"1")
    stamps = [settled_stamp(path)]
    before = path.stat()
    time.sleep(0.02)  # a step of the clock that stamps files
    path.write_bytes(b"2")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # size and time of the content are as before
    stamps.append(settled_stamp(path))
    other.write_bytes(b"3")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    stamps.append(settled_stamp(path))
    assert len(set(stamps)) == 3
    assert None not in stamps


@pytest.mark.usefixtures("settled")
def test_a_link_has_the_stamp_of_its_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"1")
    link = tmp_path / "link"
    link.symlink_to("a")
    first = settled_stamp(link)
    link.unlink()
    link.symlink_to("b")
    assert first != settled_stamp(link)


@pytest.mark.usefixtures("settled")
def test_only_plain_files_have_stamps(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert [settled_stamp(path) for path in (tmp_path, tmp_path / "pipe", tmp_path / "none", Path("a\0b"))] == [
        None
    ] * 4


@pytest.mark.usefixtures("settled")
def test_a_time_in_the_future_is_not_settled(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"1")
    os.utime(path, (time.time() + 1000,) * 2)
    assert settled_stamp(path) is None
