"""Watched folders whose files are rewritten all the time, have other names, or have inode numbers that do not last."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from graft_device.sources import arrivals
from graft_device.sources.arrivals import Arrivals
from graft_device.sources.contents import is_whole, kind_of, read_now
from graft_device.sources.scanning import State
from graft_device.sources.watch import Folder
from graft_device.system.stopping import Stop
from tests.device.sources.test_sources import POLL_S, Watched
from tests.support.device_models import COLOURS, picture, write_artifact
from tests.support.running import Job, drop_photo, frozen, running
from tests.support.serving import encoded

SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


def photo(kind: str = "JPEG", colour: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    return encoded(picture(colour, size), kind)


# Files that are rewritten all the time


@contextmanager
def rewritten(job: Job, path: Path, period_s: float, write: Callable[[Path, bytes], object]) -> Iterator[None]:
    """A camera that writes its newest picture into the same file, in another colour and size each time.

    The job stands still while the camera writes: if the camera did, the job would find half a picture at rest.
    """
    done = threading.Event()

    def work() -> None:
        number = 0
        while not done.wait(period_s):
            number += 1
            colour = list(COLOURS)[number % len(COLOURS)]
            data = photo(colour=colour, size=(64 + number % 7, 48))
            with frozen(job.process):
                write(path, data)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def move_into_place(path: Path, data: bytes) -> None:
    hidden = path.with_name(f".{path.name}")
    hidden.write_bytes(data)
    hidden.replace(path)


def write_in_place(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def delete_and_write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(data)


@pytest.mark.parametrize("write", [move_into_place, write_in_place, delete_and_write])
@pytest.mark.parametrize("share", [0.4, 0.8, 2])
def test_a_picture_that_is_rewritten_all_the_time_gives_events(
    share: float, write: Callable[[Path, bytes], object], model: Path, tmp_path: Path
) -> None:
    """At 0.4, 0.8 and 2 times the time between two scans."""
    with running(model, "--source", tmp_path, "--json", patch=FAST) as job:
        with rewritten(job, tmp_path / "latest.jpg", share * 0.1, write):
            events = [job.event() for _ in range(10)]
        assert job.end() == 0
        assert job.rest() == []
    assert {event["source"] for event in events} == {str(tmp_path / "latest.jpg")}
    assert all("error" not in event for event in events)
    assert len({event["label"] for event in events}) > 1


FAST = "import graft_device.sources.watch as w; w.Folder.__init__.__defaults__ = (False, False, 0.1, None)"


def test_the_last_version_is_given_once_when_the_rewriting_ends(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = tmp_path / "latest.png"
    given: list[str] = []
    for number in range(12):
        move_into_place(path, photo("PNG", size=(64, 40 + number)))
        given += [type(frame).__name__ for frame in loaded(watched, 1)]
    assert "bytes" in given
    assert [Image.open(frame).size if isinstance(frame, str) else "bytes" for frame in loaded(watched, 6)] in (
        [],
        [(64, 51)],
    )


def loaded(watched: Watched, scans: int) -> list[object]:
    """What the frames of so many scans load."""
    frames: list[object] = []
    while scans:
        frame = next(watched._frames)
        if frame is None:
            scans -= 1
        else:
            frames.append(frame.load())
    return frames


def test_a_file_that_only_grows_is_not_read_before_it_rests(tmp_path: Path) -> None:
    """Even if it looks complete in between, as one with a preview in front does."""
    watched = Watched(tmp_path)
    with (tmp_path / "slow.jpg").open("ab", buffering=0) as file:
        for _ in range(12):
            file.write(photo())
            assert loaded(watched, 1) == []
    assert loaded(watched, 3) == [str(tmp_path / "slow.jpg")]


def test_a_file_that_is_never_complete_is_noted_once(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for number in range(40):
        write_in_place(tmp_path / "latest.jpg", photo(size=(64, 48 + number % 5))[:-2])
        assert loaded(watched, 1) == []
    assert len(watched.notes) == 1
    assert watched.notes[0].startswith(f"{tmp_path}/latest.jpg is rewritten all the time and was never complete")
    assert watched.scans() == ["latest.jpg"], "at rest it is a photo again"


def test_a_log_beside_the_photos_is_ignored(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for number in range(30):
        write_in_place(tmp_path / "app.log", b"x" * (number % 3))
        assert loaded(watched, 1) == []
    assert watched.notes == []


# Names and contents


@pytest.mark.parametrize("name", ["a.jfif", "b.jpe", "c.jpg_large", "noname", "d.JPG_original", "e.JPEG!d", "f.1"])
def test_a_photo_with_another_name_is_taken(name: str, tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / name).write_bytes(photo())
    (tmp_path / "notes.txt").write_text("no photo")
    assert watched.scans() == [name]
    assert watched.scans() == []
    assert watched.notes == []
    once = Folder(tmp_path, watched.notes.append, once=True, poll_s=POLL_S).frames(Stop())
    assert [frame.source for frame in once if frame is not None] == [str(tmp_path / name)]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF"])
def test_each_format_is_recognized_by_its_contents(kind: str, tmp_path: Path) -> None:
    data = photo(kind)
    path = tmp_path / "noname"
    path.write_bytes(data)
    assert is_whole(str(path)) is True
    snapshot = read_now(str(path))
    assert snapshot is not None
    assert snapshot.data == data
    path.write_bytes(data[: len(data) // 2])
    assert is_whole(str(path)) is False
    assert read_now(str(path)) is None
    assert kind_of(data[:8]) in {kind_of(data), None}


@pytest.mark.parametrize(
    "data", [b"", b"x", b"BM", b"BMW is a car, and this is a text", b"RIFF....WAVE", b"\0\0\0\x18ftypisom"]
)
def test_other_files_are_no_photos(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "noname").write_bytes(data)
    assert is_whole(str(tmp_path / "noname")) is None
    watched = Watched(tmp_path, existing=True)
    assert watched.first + watched.scans() == []
    assert watched.notes == []


def test_pipes_and_folders_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert is_whole(str(tmp_path / "pipe")) is None
    assert read_now(str(tmp_path / "folder")) is None


def test_what_is_passed_over_is_noted_once(tmp_path: Path) -> None:
    notes: list[str] = []
    for name in ("a.part", "b.tmp"):
        (tmp_path / name).write_bytes(photo())
    for name in ("c.orig", "d.orig"):
        (tmp_path / name).write_bytes(photo()[:-20])
    (tmp_path / "e.jpg").write_bytes(photo())
    frames = Folder(tmp_path, notes.append, once=True, poll_s=POLL_S).frames(Stop())
    assert [frame.source for frame in frames if frame is not None] == [str(tmp_path / "e.jpg")]
    assert len(notes) == 2
    assert any(
        ".part are those of files that are not complete; rename it, and others like it" in note for note in notes
    )
    assert any(
        "c.orig is passed over, and others like it: it begins like a photo, but is cut short" in note for note in notes
    )


def test_an_upload_that_pauses_is_not_taken_under_its_first_name(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for name in ("a.jpg.part", "a.jpg.filepart", "a.jpg~"):
        (tmp_path / name).write_bytes(photo(size=(64, 50))[:-9])
        assert watched.scans(8) == []
        (tmp_path / name).write_bytes(photo(size=(64, 50)))
        assert watched.scans(8) == []
        (tmp_path / name).replace(tmp_path / "a.jpg")
        assert watched.scans() == ["a.jpg"]
    assert watched.notes == []


def test_a_photo_that_keeps_the_name_of_an_unfinished_file_is_noted(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / "a.tmp").write_bytes(photo())
    assert watched.scans(70) == []
    assert len(watched.notes) == 1
    assert watched.notes[0].startswith(f"{tmp_path}/a.tmp is passed over: names that end in .tmp are those of files")


# Inode numbers and coarse times


def state(size: int = 9, mtime_ns: int = 123_456_789, inode: int = 1, ctime_ns: int = 5) -> State:
    return State(size, mtime_ns, inode, ctime_ns)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (state(), True),
        (state(inode=2), True),
        (state(ctime_ns=6), True),
        (state(inode=2, ctime_ns=6), True),
        (state(size=10), False),
        (state(mtime_ns=123_456_790), False),
    ],
)
def test_a_precise_time_and_the_size_identify_a_version(other: State, same: bool) -> None:
    assert state().same(other) is same


@pytest.mark.parametrize(("inode", "ctime_ns", "same"), [(1, 5, True), (2, 5, True), (1, 6, True), (2, 6, False)])
def test_with_a_coarse_time_a_replaced_file_differs_in_both(inode: int, ctime_ns: int, same: bool) -> None:
    assert state(mtime_ns=SECOND).same(state(mtime_ns=SECOND, inode=inode, ctime_ns=ctime_ns)) is same


def test_a_coarse_time_must_rest_until_no_change_can_hide_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    coarse = state(mtime_ns=int(time.time()) * SECOND)
    now = 1000.0
    monkeypatch.setattr("graft_device.sources.arrivals.time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    files = Arrivals(patient=True)
    assert files.scanned({}, {"a.bmp": coarse}) == []
    now += arrivals.COARSE_S - 0.01
    assert files.scanned({"a.bmp": coarse}, {"a.bmp": coarse}) == []
    now += 0.02
    assert [new.path for new in files.scanned({"a.bmp": coarse}, {"a.bmp": coarse})] == ["a.bmp"]
    old = state(mtime_ns=SECOND)
    for patient, given in ((True, old), (False, coarse)):
        assert Arrivals(patient).scanned({"a.bmp": given}, {"a.bmp": given}) != [], (
            "copied long ago, or nothing comes later"
        )


SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
static unsigned long count = 1000;
#define SHIM(name, parameters, arguments) int name parameters { \\
    static int (*real) parameters; if (!real) real = dlsym(RTLD_NEXT, #name); int result = real arguments; \\
    if (!result && S_ISREG(s->st_mode)) s->st_ino = ++count; return result; }
SHIM(stat, (const char *path, struct stat *s), (path, s))
SHIM(stat64, (const char *path, struct stat64 *s), (path, s))
SHIM(lstat, (const char *path, struct stat *s), (path, s))
SHIM(lstat64, (const char *path, struct stat64 *s), (path, s))
SHIM(fstat, (int file, struct stat *s), (file, s))
SHIM(fstat64, (int file, struct stat64 *s), (file, s))
SHIM(fstatat, (int folder, const char *path, struct stat *s, int flags), (folder, path, s, flags))
SHIM(fstatat64, (int folder, const char *path, struct stat64 *s, int flags), (folder, path, s, flags))
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that gives regular files another inode number each time, as FAT and network drives may."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "inodes.c").write_text(SHIM)
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-w", "-o", folder / "inodes.so", folder / "inodes.c", "-ldl"], check=True
    )
    return folder / "inodes.so"


@pytest.mark.parametrize("coarse", [False, True])
def test_inode_numbers_that_do_not_last(coarse: bool, shim: Path, model: Path, tmp_path: Path) -> None:
    drop_photo(tmp_path, "old.png", "red")
    environment = {**os.environ, "LD_PRELOAD": str(shim)}
    seen = subprocess.run(
        ["python3", "-c", f"import os; print(os.stat({str(tmp_path / 'old.png')!r}).st_ino)"],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(seen.stdout) < 100_000, "the library is in effect"
    with running(model, "--source", tmp_path, "--existing", "--json", env=environment) as job:
        assert job.event()["source"] == str(tmp_path / "old.png")  # it is watching
        for number, colour in enumerate(("red", "green", "blue")):
            path = drop_photo(tmp_path, f"{number}.png", colour, 1_700_000_000 + number if coarse else None)
            event = job.event()
            assert (event["source"], event["label"]) == (str(path), colour)
        (tmp_path / "2.png").rename(tmp_path / "3.png")
        if coarse:
            assert job.event()["source"] == str(tmp_path / "3.png"), "a coarse time does not tell that it was renamed"
        else:
            time.sleep(2)  # several scans
        assert job.end() == 0
        assert job.rest() == []
        assert job.lines.empty()
