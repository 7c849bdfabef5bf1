"""Files that a user names: only plain ones are read, and none is waited for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graft_device.system.plain import NotAFileError, check_plain, check_plain_if_there, open_plain, read_plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

READERS: list[Callable[[Path], object]] = [open_plain, read_plain, check_plain, check_plain_if_there]


@pytest.mark.parametrize("read", READERS)
def test_what_is_no_file(read: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")  # a short name, since an address has room for 107 bytes
    Path("link").symlink_to("pipe")
    kinds = {
        ".": "a folder",
        "pipe": "a named pipe",
        "link": "a named pipe",
        "socket": "a socket",
        "/dev/zero": "a device",
    }
    for name, kind in kinds.items():
        with pytest.raises(NotAFileError) as caught:
            read(Path(name))
        assert (caught.value.strerror, caught.value.filename) == (f"{kind}, not a file", name)


def test_plain_files_and_links_to_them(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_plain(tmp_path / "link") == b"12345"
    assert read_plain(str(tmp_path / "file"), 5) == b"12345"
    with open_plain(tmp_path / "link") as file:
        assert file.read() == b"12345"
        assert not os.get_inheritable(file.fileno())
    check_plain(tmp_path / "link")
    check_plain_if_there(tmp_path / "file", tmp_path / "nowhere")


def test_a_limit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"123456")
    with pytest.raises(OSError, match="larger than 5 bytes"):
        read_plain(tmp_path / "file", 5)
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 1,000 bytes"):
        read_plain(sparse, 1000)


def test_a_name_that_is_empty_or_missing(tmp_path: Path) -> None:
    for name in ("", tmp_path / "nowhere"):
        with pytest.raises(FileNotFoundError):
            read_plain(name)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Ctrl-C came before anybody could close it
def test_ctrl_c_at_any_moment_stays_ctrl_c(tmp_path: Path) -> None:
    """A descriptor that was closed twice made it an error of the file, and a run went on with the next photo."""
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    traced = {function.__code__.co_filename for function in (open_plain, os.fdopen)}

    def interrupted(place: int) -> bytes | None:
        steps = 0

        def step(frame: FrameType, event: str, _: object) -> Any:
            nonlocal steps
            if frame.f_code.co_filename not in traced:
                return None
            frame.f_trace_opcodes = True
            steps += event == "opcode"
            if steps == place:
                raise KeyboardInterrupt
            return step

        sys.settrace(step)
        try:
            return read_plain(path)
        except KeyboardInterrupt:
            return None
        finally:
            sys.settrace(None)

    contents = [interrupted(place) for place in range(1, 400)]
    interruptions = contents.index(b"12345")
    assert interruptions > 50
    assert contents == [None] * interruptions + [b"12345"] * (len(contents) - interruptions)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    program = """
import os, sys
from graft_device.system.plain import open_plain
before = os.listdir("/proc/self/fd")
for name in sys.argv[1:]:
    try:
        open_plain(name)
    except OSError:
        pass
print(len(os.listdir("/proc/self/fd")) - len(before))
"""
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-c", program, str(tmp_path / "pipe"), str(tmp_path), "/dev/null", "/nowhere"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"
