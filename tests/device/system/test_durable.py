from __future__ import annotations

import json
import os
import re
import signal
import stat
import time
from pathlib import Path

import pytest

from graft_device.system.durable import atomic_path, remove_stale, write_atomically
from tests.support.background import start_python
from tests.support.host_data import open_folder, run_on_small_disk, without_privileges

_SIZE = 1_000_003

_KILLED = f"""
import json, os, resource, signal, sys
from pathlib import Path
from graft_device.system import durable

target = Path(sys.argv[1])

def forked(place):
    lines = 0
    def line(frame, event, arg):
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == place:
                os.kill(os.getpid(), signal.SIGKILL)
        return line
    process = os.fork()
    if not process:
        try:
            if place:
                sys.settrace(lambda frame, *_: line if frame.f_code.co_filename == durable.__file__ else None)
            else:  # in the middle of the contents
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                resource.setrlimit(resource.RLIMIT_FSIZE, ({_SIZE} // 2, {_SIZE} // 2))
            durable.write_atomically(target, b"n" * {_SIZE})
            os._exit(0)
        finally:  # nothing may get out of the fork
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

place, status = 0, None
while status != 0:
    target.write_bytes(b"o" * {_SIZE})
    status = forked(place)
    place += 1
    content, left = target.read_bytes(), [path for path in target.parent.iterdir() if path != target]
    sizes = [path.stat().st_size for path in left]
    for path in left:
        path.unlink()
    assert content == content[:1] * {_SIZE}
    print(json.dumps([status, content[:1].decode(), sizes]))
"""
"""Kills a write in the middle of the file and before each line of the module in turn, in a fork for each."""


def test_writes_and_replaces(tmp_path: Path) -> None:
    target = tmp_path / "model.tflite"
    write_atomically(target, b"first")
    assert target.read_bytes() == b"first"
    write_atomically(target, b"second")
    assert target.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [target]


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path: Path) -> None:
    with start_python(_KILLED, tmp_path / "model") as killing:
        lines = killing.communicate()[0].splitlines()
    assert killing.returncode == 0
    ends = [json.loads(line) for line in lines]
    assert [status for status, _, _ in ends] == [-signal.SIGXFSZ, *[-signal.SIGKILL] * (len(ends) - 2), 0]
    contents = [content for _, content, _ in ends]
    assert contents == sorted(contents, reverse=True), "the old file until its name is replaced, then the new one"
    assert set(contents) == {"o", "n"}
    assert ends[0][2] == [_SIZE // 2]
    assert [_SIZE] in [sizes for _, _, sizes in ends], "complete, but not in its place yet"


def test_an_error_in_the_block_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.write_bytes(b"old")

    def interrupted() -> None:
        with atomic_path(target) as temporary:
            temporary.write_bytes(b"half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_is_an_error_and_the_old_file_stays() -> None:
    said = run_on_small_disk(
        64,
        """
import errno, sys
from pathlib import Path
from graft_device.system.durable import write_atomically
disk = Path(sys.argv[1])
write_atomically(disk / "model", b"old")
try:
    write_atomically(disk / "model", bytes(200_000))
except OSError as error:
    print(error.errno == errno.ENOSPC, (disk / "model").read_bytes(), [path.name for path in disk.iterdir()])
""",
    )
    assert said == "True b'old' ['model']\n"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)])
def test_the_umask_is_respected_and_kept(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "model", b"x")
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == mode


@pytest.mark.parametrize(
    "name", ["m" * 255, "模" * 85, "\N{SMILING FACE WITH SUNGLASSES}" * 63, "two\nlines", "-o", ".x"]
)
def test_every_name_that_a_file_can_have(tmp_path: Path, name: str) -> None:
    write_atomically(tmp_path / name, b"x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_may_not_be_read_can_be_written_into() -> None:
    with open_folder() as folder:
        closed = folder / "closed"
        closed.mkdir()
        closed.chmod(0o333)
        with without_privileges():
            write_atomically(closed / "model", b"x")
        closed.chmod(0o777)
        assert [path.read_bytes() for path in closed.iterdir()] == [b"x"]


def test_a_folder_that_is_missing_or_may_not_be_written_into(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "missing" / "model", b"x")
    with open_folder() as folder:
        folder.chmod(0o555)
        with without_privileges(), pytest.raises(PermissionError):
            write_atomically(folder / "model", b"x")
        assert list(folder.iterdir()) == []


def test_only_old_temporary_files_are_stale(tmp_path: Path) -> None:
    yesterday = time.time() - 25 * 3600
    kept = ["model.tmp", ".hidden", ".model.tmp", ".model.a1.tmp", ".other.a1b2c3d4.tmp", ".model.A1B2C3D4.tmp"]
    (tmp_path / ".model.a1b2c3d5.tmp").mkdir()
    (tmp_path / ".model.a1b2c3d6.tmp").symlink_to(tmp_path / "model.tmp")
    for name in (".model.a1b2c3d4.tmp", ".model.e5f6g7h8.tmp", *kept):
        (tmp_path / name).touch()
        if name != ".model.e5f6g7h8.tmp":
            os.utime(tmp_path / name, (yesterday, yesterday))
    os.utime(tmp_path / ".model.a1b2c3d5.tmp", (yesterday, yesterday))
    remove_stale(tmp_path, re.compile("model"))
    left = {*kept, ".model.e5f6g7h8.tmp", ".model.a1b2c3d5.tmp", ".model.a1b2c3d6.tmp"}
    assert {path.name for path in tmp_path.iterdir()} == left
    remove_stale(tmp_path / "missing", re.compile("model"))


def test_what_a_kill_leaves_is_stale_a_day_later(tmp_path: Path) -> None:
    block = """
import sys, time
from pathlib import Path
from graft_device.system.durable import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    print("writing")
    time.sleep(60)
"""
    with start_python(block, tmp_path / "model") as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.kill()
    (left,) = tmp_path.iterdir()
    os.utime(left, (0, 0))
    remove_stale(tmp_path, re.compile("model"))
    assert list(tmp_path.iterdir()) == []
