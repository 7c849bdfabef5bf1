"""Downloads from a real server on the loopback, which cuts, stalls, ignores ranges, and sends other files."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_host.support import download as module
from graft_host.support import part_file
from graft_host.support.download import LEAST, DownloadError, Published, download
from tests.support.background import start_python
from tests.support.file_server import FileServer, file_server
from tests.support.host_data import run_on_small_disk, run_python
from tests.support.running import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = np.random.default_rng(0).bytes(10 * LEAST + 123)
SIZE = len(DATA)


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server(DATA) as files:
        yield files


def published(server: FileServer, data: bytes = DATA) -> Published:
    return Published(url=server.url, size=len(data), md5=FileServer(data).md5)


def fetch(server: FileServer, folder: Path) -> list[tuple[int, int]]:
    """Downloads to ``weights.h5``; returns the progress."""
    reports: list[tuple[int, int]] = []
    download(published(server), folder / "weights.h5", lambda *report: reports.append(report), lambda: None)
    assert (folder / "weights.h5").read_bytes() == DATA
    assert os.listdir(folder) == ["weights.h5"]  # noqa: PTH208  names
    return reports


def fails(server: FileServer, folder: Path, match: str) -> DownloadError:
    """The error of a download; there is no file then, and what it keeps is in the part."""
    with pytest.raises(DownloadError, match=match) as caught:
        fetch(server, folder)
    assert not (folder / "weights.h5").exists()
    part = folder / "weights.h5.part"
    assert (part.stat().st_size if part.exists() else 0) == caught.value.kept
    return caught.value


def write_part(folder: Path, data: bytes) -> None:
    (folder / "weights.h5.part").write_bytes(data)


# A server that works


def test_a_download_reports_its_progress_and_has_the_usual_permissions(server: FileServer, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        reports = fetch(server, tmp_path)
    finally:
        os.umask(before)
    assert server.asked == [None]
    assert (reports[0], reports[-1]) == ((0, SIZE), (SIZE, SIZE))
    assert reports == sorted(reports)
    assert stat.S_IMODE((tmp_path / "weights.h5").stat().st_mode) == 0o640


def test_nothing_is_asked_for_if_the_file_is_there(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(DATA)
    assert fetch(server, tmp_path) == []
    assert server.asked == []


def test_only_what_is_missing_is_downloaded(server: FileServer, tmp_path: Path) -> None:
    write_part(tmp_path, DATA[:1000])
    reports = fetch(server, tmp_path)
    assert server.asked == ["bytes=1000-"]
    assert reports[0] == (1000, SIZE)  # so that the rate counts only what comes now


def test_a_complete_part_needs_no_server(tmp_path: Path) -> None:
    write_part(tmp_path, DATA)
    assert fetch(FileServer(DATA, "http://127.0.0.1:9"), tmp_path) == []


@pytest.mark.parametrize("part", [b"\0" * 1000, b"\0" * SIZE, DATA[:-1] + b"\0", DATA + b"more"])
def test_a_part_that_is_not_of_this_file_is_thrown_away(server: FileServer, tmp_path: Path, part: bytes) -> None:
    write_part(tmp_path, part)
    fetch(server, tmp_path)
    assert server.asked[-1] is None
    assert len(server.asked) <= 2


def test_proxies_of_the_environment_are_used(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    file = Published(url="http://weights.invalid/w.h5", size=SIZE, md5=server.md5)
    download(file, tmp_path / "weights.h5", lambda *_: None, lambda: None)
    assert server.paths == ["http://weights.invalid/w.h5"]
    monkeypatch.setenv("no_proxy", "weights.invalid")
    with pytest.raises(DownloadError):
        download(file, tmp_path / "other.h5", lambda *_: None, lambda: None)
    assert len(server.paths) == 1


# A server that fails


def test_a_connection_that_is_cut_is_followed_by_another(server: FileServer, tmp_path: Path) -> None:
    server.ends = [3 * LEAST, LEAST, 2 * LEAST]
    reports = fetch(server, tmp_path)
    assert server.asked == [None, f"bytes={3 * LEAST}-", f"bytes={4 * LEAST}-", f"bytes={6 * LEAST}-"]
    assert reports == sorted(reports)


@pytest.mark.parametrize("sized", [True, False])
def test_a_connection_that_brings_hardly_anything_ends_the_download(tmp_path: Path, sized: bool) -> None:
    with file_server(DATA, ends=[3 * LEAST, 100], sized=sized) as server:
        error = fails(server, tmp_path, r"the connection ended after 0\.2 of 0\.7 MB")
        assert error.kept == 3 * LEAST + 100
        fetch(server, tmp_path)
        assert server.asked == [None, f"bytes={3 * LEAST}-", f"bytes={3 * LEAST + 100}-"]


def test_a_server_without_ranges_starts_again(server: FileServer, tmp_path: Path) -> None:
    server.ranges = False
    server.ends = [3 * LEAST]
    reports = fetch(server, tmp_path)
    assert server.asked == [None, f"bytes={3 * LEAST}-"]
    assert (0, SIZE) in reports[1:]


def test_a_server_without_ranges_that_is_always_cut_is_given_up(server: FileServer, tmp_path: Path) -> None:
    server.ranges = False
    server.ends = [3 * LEAST] * 20
    fails(server, tmp_path, "the connection ended")
    assert len(server.asked) == 2


@pytest.mark.parametrize("sent", [DATA[:-1] + b"\0", DATA[1:] + b"\0"])
def test_another_file_of_the_same_size_is_not_kept(tmp_path: Path, sent: bytes) -> None:
    with file_server(sent) as server:
        error = fails(server, tmp_path, "not the one that was published")
        assert error.kept == 0
        assert os.listdir(tmp_path) == []  # noqa: PTH208  names
        assert server.asked == [None]


@pytest.mark.parametrize("length", [100, SIZE - 1, SIZE + 1])
def test_a_file_of_another_size_is_not_kept(tmp_path: Path, length: int) -> None:
    with file_server((DATA * 2)[:length]) as server:
        fails(server, tmp_path, f"a file of {length} bytes, not of {SIZE}")
        write_part(tmp_path, DATA[:50])
        fails(server, tmp_path, "another part of the file than the one that was asked for")


def test_no_more_is_read_than_the_file_has(tmp_path: Path) -> None:
    with file_server(DATA + DATA, sized=False) as server:
        fetch(server, tmp_path)


def test_a_log_in_page_is_not_taken_for_the_file(server: FileServer, tmp_path: Path) -> None:
    write_part(tmp_path, DATA[:5000])
    server.kind, server.ranges = "text/html; charset=utf-8", False
    fails(server, tmp_path, "sends a web page instead of the file")
    assert (tmp_path / "weights.h5.part").read_bytes() == DATA[:5000]


def test_a_part_that_starts_elsewhere_is_not_joined(server: FileServer, tmp_path: Path) -> None:
    write_part(tmp_path, DATA[:5000])
    server.shift = 1
    fails(server, tmp_path, "another part of the file")
    server.shift = 0
    fetch(server, tmp_path)


@pytest.mark.parametrize("status", [404, 500, 503])
def test_an_error_of_the_server_keeps_what_has_arrived(server: FileServer, tmp_path: Path, status: int) -> None:
    server.status = status
    assert fails(server, tmp_path, f"the server answers {status} ").kept == 0
    write_part(tmp_path, DATA[:5000])
    assert fails(server, tmp_path, f"the server answers {status} ").kept == 5000


def test_a_server_that_falls_silent(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE_S", 0.3)
    server.stalls = [3 * LEAST]
    fetch(server, tmp_path)
    assert server.asked == [None, f"bytes={3 * LEAST}-"]
    (tmp_path / "weights.h5").unlink()
    server.stalls = [0]
    fails(server, tmp_path, r"the server sends nothing for 0\.3 seconds")


def test_no_server(tmp_path: Path) -> None:
    fails(FileServer(DATA, "http://127.0.0.1:9"), tmp_path, "connection refused")
    fails(FileServer(DATA, (tmp_path / "w.h5").as_uri()), tmp_path, "unknown url type: file")
    assert os.listdir(tmp_path) == []  # noqa: PTH208  names


# A folder that fails


def test_a_part_that_is_no_file(server: FileServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "weights.h5.part")
    with pytest.raises(OSError, match="not a plain file"):
        fetch(server, tmp_path)
    (tmp_path / "weights.h5.part").unlink()
    (tmp_path / "weights.h5.part").mkdir()
    with pytest.raises(IsADirectoryError):
        fetch(server, tmp_path)
    assert server.asked == []


def test_a_disk_that_fills_up(server: FileServer) -> None:
    code = """
import sys
from pathlib import Path
from graft_host.support.download import Published, download
folder, url, size, md5 = Path(sys.argv[1]), *sys.argv[2:]
try:
    download(Published(url=url, size=int(size), md5=md5), folder / "w.h5", lambda *_: None, lambda: None)
except OSError as error:
    print(error.strerror, [path.name for path in folder.iterdir()])
"""
    shown = run_on_small_disk(256, code, server.url, SIZE, server.md5)
    assert shown == "No space left on device ['w.h5.part']\n"


# Processes that end, and several at once

CHILD = """
import sys
from pathlib import Path
from graft_host.support.download import Published, download
target, url, size, md5 = sys.argv[1:]
file = Published(url=url, size=int(size), md5=md5)
download(file, Path(target), lambda *_: None, lambda: print("waiting"))
print("done")
"""


def start(server: FileServer, folder: Path) -> subprocess.Popen[str]:
    return start_python(CHILD, folder / "weights.h5", server.url, SIZE, server.md5, stderr=subprocess.PIPE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_download_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    with file_server(DATA, held=threading.Event()) as server, start(server, tmp_path) as child:
        assert server.arrived.wait(30)
        part = tmp_path / "weights.h5.part"
        eventually(lambda: part.exists() and part.stat().st_size == LEAST)
        child.send_signal(number)
        child.communicate(timeout=30)
        assert child.returncode == -number
        assert part.read_bytes() == DATA[:LEAST]
        server.held.set()
        fetch(server, tmp_path)
        assert server.asked == [None, f"bytes={LEAST}-"]


def test_ctrl_c_after_the_first_bytes_before_they_are_counted(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(part: part_file.Part, data: bytes) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as during:
        during.setattr(part_file.Part, "_count", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fetch(server, tmp_path)
    kept = (tmp_path / "weights.h5.part").read_bytes()
    assert kept
    assert kept == DATA[: len(kept)]
    fetch(server, tmp_path)
    assert server.asked == [None, f"bytes={len(kept)}-"]


@pytest.mark.parametrize("killed", [False, True])
def test_of_two_runs_one_downloads_and_the_other_waits(tmp_path: Path, killed: bool) -> None:
    with (
        file_server(DATA, held=threading.Event()) as server,
        start(server, tmp_path) as first,
        start(server, tmp_path) as second,
    ):
        assert server.arrived.wait(30)
        eventually(lambda: (tmp_path / "weights.h5.part").stat().st_size == LEAST)
        both = [first, second]
        waiting = next(child for child in both if _waits(child, both))
        working = second if waiting is first else first
        assert server.asked == [None]
        if killed:
            working.kill()
        server.held.set()
        for child in both:
            shown, errors = child.communicate(timeout=30)
            assert errors == ""
            assert shown.endswith("done\n") or (killed and child is working)
        assert server.asked == ([None, f"bytes={LEAST}-"] if killed else [None])
        assert fetch(server, tmp_path) == []


def _waits(child: subprocess.Popen[str], both: list[subprocess.Popen[str]]) -> bool:
    """Whether this one of two runs is the one that waits; the other one prints nothing before the server goes on."""
    import select

    streams = {each.stdout: each for each in both if each.stdout is not None}
    ready, _, _ = select.select(list(streams), [], [], 30)
    assert len(ready) == 1
    return streams[ready[0]] is child and ready[0].readline() == "waiting\n"


# What a person sees


def test_a_person_sees_the_rate_in_megabytes(server: FileServer, tmp_path: Path) -> None:
    code = """
import sys
from graft_host.backbones.inception_v3.imagenet import fetch
from graft_host.commands.terminal.console import TerminalReporter
url, size, md5 = sys.argv[1:]
fetch({"source": url, "bytes": int(size), "md5": md5}, TerminalReporter())
"""
    done = run_python(code, server.url, SIZE, server.md5, env={"KERAS_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "downloading" in done.stderr
    assert "0.00/655k" in done.stderr
    assert "B/s" in done.stderr
