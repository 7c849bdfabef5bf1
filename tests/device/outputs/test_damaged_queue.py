"""Queues whose files are damaged: the run goes on, sound events are delivered, and numbers go on rising."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from graft_device.outputs.damaged_database import KEPT_ASIDE, is_damage, name_aside, put_aside
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event
from graft_device.outputs.queued import Queued
from graft_device.system.backoff import Backoff
from tests.device.outputs.test_event_queue import MB, make_event, put
from tests.support.running import eventually
from tests.support.sinks import Calling

COUNT = 60


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a queue with 60 events on several pages."""
    folder = tmp_path_factory.mktemp("sound") / "queue"
    queue = EventQueue(folder, MB, pytest.fail)
    for number in range(COUNT):
        put(queue, make_event(f"label {number} " * 20))
    queue.close()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(sound: dict[str, bytes], tmp_path: Path) -> Path:
    """A queue's folder with those files."""
    folder = tmp_path / "queue"
    folder.mkdir()
    for name, data in sound.items():
        (folder / name).write_bytes(data)
    return folder


def drained(queue: EventQueue) -> list[int]:
    """Takes all events out of a queue as a receiver does; returns their numbers."""
    numbers: list[int] = []
    while rows := queue.waiting(0, 20):
        for seq, body in rows:
            assert Event.from_line(body).seq == seq
            numbers.append(seq)
            queue.done(seq)
        assert len(numbers) <= COUNT + 1, "events come again and again"
    return numbers


def changed(folder: Path, statement: str, *values: object) -> None:
    """Changes the database behind the queue's back."""
    with contextlib.closing(sqlite3.connect(folder / "events.db")) as database, database:
        database.execute(statement, values)


def overwrite(folder: Path, offset: int, data: bytes, name: str = "events.db") -> None:
    with (folder / name).open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize(
    ("damage", "rescued"),
    [
        pytest.param(lambda folder: overwrite(folder, 0, b"no database"), 0, id="not a database"),
        pytest.param(lambda folder: overwrite(folder, 18, b"\x07"), COUNT, id="a version that makes it read-only"),
        pytest.param(lambda folder: overwrite(folder, 47, b"\x77"), 0, id="an unknown schema format"),
        pytest.param(lambda folder: changed(folder, "DROP TABLE events"), 0, id="no table"),
        pytest.param(lambda folder: changed(folder, "ALTER TABLE events ADD COLUMN more"), COUNT, id="other columns"),
        pytest.param(lambda folder: overwrite(folder, 4096, bytes(4096)), 0, id="no root page"),
    ],
)
def test_a_damaged_file_is_put_aside_and_its_events_are_rescued(
    folder: Path, damage: Callable[[Path], object], rescued: int
) -> None:
    damage(folder)
    if rescued == 0:
        before = (folder / "events.db").read_bytes()
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    (aside,) = [path for path in folder.glob("events.db.damaged-*Z") if path.is_file()]
    kept = f"{rescued} events of it could be rescued, and the file is kept as {aside.name}"
    assert notes == [f"the queue in {folder} was damaged; {kept}"]
    if rescued == 0:
        assert aside.read_bytes() == before
    assert drained(queue) == list(range(COUNT + 1 - rescued, COUNT + 1))
    assert put(queue, make_event()).seq == COUNT + 1
    queue.close()
    again = EventQueue(folder, MB, notes.append)
    assert drained(again) == [COUNT + 1]
    again.close()
    assert len(notes) == 1, "the next start finds a sound file"


@pytest.mark.parametrize("end", ["", "/events.db", "\0", "\udcff", "x" * 300, "2026-01-31T120000.250000Z"])
def test_the_name_of_a_rescue_that_leads_nowhere(folder: Path, end: str) -> None:
    overwrite(folder, 20, os.fsencode(f"events.db.damaged-{end}"), "lock")
    queue = EventQueue(folder, MB, pytest.fail)
    assert drained(queue) == list(range(1, COUNT + 1))
    assert put(queue, make_event()).seq == COUNT + 1
    queue.close()
    assert (folder / "lock").read_text() == f"{COUNT + 1:020}"


def test_a_damaged_page_in_the_middle_costs_only_its_own_events(folder: Path) -> None:
    size = (folder / "events.db").stat().st_size
    overwrite(folder, size // 4096 // 2 * 4096, b"\xff" * 4096)
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    numbers = drained(queue)
    queue.close()
    assert len(notes) == 1
    assert numbers[0] == 1
    assert numbers[-1] == COUNT
    assert COUNT // 2 < len(numbers) < COUNT


def test_a_file_cut_short_keeps_the_events_in_front(folder: Path) -> None:
    size = (folder / "events.db").stat().st_size
    with (folder / "events.db").open("r+b") as file:
        file.truncate(size - 4096)
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    numbers = drained(queue)
    assert len(notes) == 1
    assert len(numbers) > COUNT // 2
    assert put(queue, make_event()).seq == COUNT + 1
    queue.close()


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("UPDATE events SET body = ? WHERE seq = 7", (b"{no json",)),
        ("UPDATE events SET body = ? WHERE seq = 7", ("\udcff".encode("utf-8", "surrogateescape"),)),
        ("UPDATE events SET body = CAST(X'FFFE41' AS TEXT) WHERE seq = 7", ()),
        ("UPDATE events SET body = 5000000000000 WHERE seq = 7", ()),
        ("UPDATE events SET body = 0.5 WHERE seq = 7", ()),
        ("UPDATE events SET body = replace(CAST(body AS TEXT), '\"seq\": 7,', '\"seq\": 8,') WHERE seq = 7", ()),
        ("UPDATE events SET body = replace(CAST(body AS TEXT), '\"seq\": 7,', '\"seq\": true,') WHERE seq = 7", ()),
        ("UPDATE events SET body = replace(CAST(body AS TEXT), '0.9', '1e999') WHERE seq = 7", ()),
        ("UPDATE events SET body = replace(CAST(body AS TEXT), '0.9', '\"0.9\"') WHERE seq = 7", ()),
        ("UPDATE events SET body = ? WHERE seq = 7", (b"[" * 100_000,)),
        ("UPDATE events SET seq = -7 WHERE seq = 7", ()),
        ("UPDATE events SET seq = 9223372036854775807 WHERE seq = 7", ()),
        ("UPDATE events SET seq = 1099511627776 WHERE seq = 7", ()),
    ],
)
def test_one_bad_row_is_dropped_and_the_others_are_delivered(
    folder: Path, statement: str, values: tuple[object, ...]
) -> None:
    changed(folder, statement, *values)
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    assert drained(queue) == [number for number in range(1, COUNT + 1) if number != 7]
    assert notes == ["an event in the queue was damaged and is dropped"]
    assert queue.dropped == 1
    assert put(queue, make_event()).seq == COUNT + 1
    queue.close()


def test_many_bad_rows_are_noted_ever_less_often(folder: Path) -> None:
    changed(folder, "UPDATE events SET body = X'00' WHERE seq % 2 = 0")
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    taken = 0
    while row := queue.waiting(0, 1):
        queue.done(row[0][0])
        taken += 1
    assert (taken, queue.dropped) == (COUNT // 2, COUNT // 2)
    assert notes[0] == "an event in the queue was damaged and is dropped"
    assert notes[1:] == [f"{n} events in the queue were damaged and are dropped" for n in (2, 4, 8, 16)]
    queue.close()


@pytest.mark.parametrize("value", ["'text'", "X'00'", "0.5", "-5", "9223372036854775807"])
def test_a_bad_count_is_replaced_by_the_highest_number(folder: Path, value: str) -> None:
    changed(folder, f"UPDATE counts SET value = {value} WHERE name = 'seq'")  # noqa: S608
    (folder / "lock").write_bytes(b"99999999999999999999")
    queue = EventQueue(folder, MB, pytest.fail)
    assert put(queue, make_event()).seq == COUNT + 1
    queue.close()


def test_damage_that_shows_while_the_run_goes_on(folder: Path) -> None:
    """The pages in the middle are overwritten when the queue is open and has none of them in its cache."""
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    queue._database.execute("PRAGMA shrink_memory")
    size = (folder / "events.db").stat().st_size
    overwrite(folder, 4096, b"\xff" * (size - 4096))
    new = [put(queue, make_event("after")) for _ in range(3)]
    assert set(drained(queue)) >= {event.seq for event in new}
    assert len(notes) == 1
    assert "was damaged; " in notes[0]
    queue.close()


def test_a_folder_instead_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    (folder / "events.db" / "inside").mkdir(parents=True)
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    assert put(queue, make_event()).seq == 1
    queue.close()
    assert "was damaged; 0 events of it could be rescued" in notes[0]
    assert len(notes) == 1


def test_a_locked_database_is_not_damaged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    queue = EventQueue(folder, MB, notes.append)
    queue._database.execute("PRAGMA busy_timeout = 1")
    with contextlib.closing(sqlite3.connect(folder / "events.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        event = put(queue, make_event())
        assert notes == [f"cannot store events in {folder}: database is locked; they wait in memory"]
        other.execute("ROLLBACK")
    assert drained(queue) == [*range(1, COUNT + 1), event.seq]
    assert notes[1:] == [f"events are stored in {folder} again"]
    queue.close()
    assert not list(folder.glob("*damaged*"))


@pytest.mark.parametrize(
    ("message", "damage"),
    [
        ("database is locked", False),
        ("database or disk is full", False),
        ("disk I/O error", False),
        ("attempt to write a readonly database", False),
        ("unable to open database file", False),
        ("no such table: events", True),
        ("unsupported file format", True),
    ],
)
def test_without_codes_the_message_decides(folder: Path, message: str, damage: bool) -> None:
    """Python before 3.11 gives no codes; these errors have none either."""
    assert is_damage(sqlite3.OperationalError(message), folder / "events.db") is damage
    assert is_damage(sqlite3.DatabaseError("database disk image is malformed"), folder / "events.db")
    assert not is_damage(sqlite3.ProgrammingError("Cannot operate on a closed database."), folder / "events.db")


UNREADABLE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
static int bad(int file, off_t at, size_t count) {
    struct stat s; const char *inode = getenv("BAD_INODE");
    return inode && !fstat(file, &s) && s.st_ino == strtoul(inode, 0, 10) && at < 20480 && at + (off_t)count > 16384;
}
#define READ(name, parameters, arguments, at) ssize_t name parameters { \\
    static ssize_t (*real) parameters; if (!real) real = dlsym(RTLD_NEXT, #name); \\
    if (bad(file, at, count)) { errno = EIO; return -1; } return real arguments; }
READ(read, (int file, void *buffer, size_t count), (file, buffer, count), lseek(file, 0, SEEK_CUR))
READ(pread, (int file, void *buffer, size_t count, off_t at), (file, buffer, count, at), at)
READ(pread64, (int file, void *buffer, size_t count, off_t at), (file, buffer, count, at), at)
"""


def test_a_place_that_the_disk_cannot_read_costs_only_its_own_events(folder: Path, tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "bad.c").write_text(UNREADABLE)
    library = tmp_path / "bad.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", library, tmp_path / "bad.c", "-ldl"], check=True)
    program = """
        import sys
        from pathlib import Path
        from graft_device.outputs.event_queue import EventQueue
        from tests.device.outputs.test_damaged_queue import MB, drained, make_event, put
        queue = EventQueue(Path(sys.argv[1]), MB, print)
        put(queue, make_event())
        print(drained(queue)[-1], len(queue))
        queue.close()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program), str(folder)], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "LD_PRELOAD": str(library), "BAD_INODE": str((folder / "events.db").stat().st_ino)},
    )  # fmt: skip
    note, last = done.stdout.splitlines()
    rescued = int(note.partition("was damaged; ")[2].split()[0])
    assert 0 < rescued < COUNT
    assert last == f"{COUNT + 1} 0"


def test_damage_that_shows_while_the_disk_is_full(folder: Path) -> None:
    """What can be read waits in memory, and is delivered from there."""
    program = """
        import contextlib, sys
        from pathlib import Path
        from graft_device.outputs.event_queue import EventQueue
        from tests.device.outputs.test_damaged_queue import COUNT, MB, drained, make_event, overwrite, put
        folder = Path(sys.argv[1])
        queue = EventQueue(folder, MB, print)
        with contextlib.suppress(OSError), (folder.parent / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        queue._database.execute("PRAGMA shrink_memory")
        overwrite(folder, (folder / "events.db").stat().st_size // 4096 // 2 * 4096, b"\\xff" * 4096)
        put(queue, make_event())
        numbers = drained(queue)
        print(len(numbers) > COUNT // 2, numbers[-1] == COUNT + 1, len(queue))
    """
    disk = folder.parent / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {disk}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mount} && cp -r {folder} {disk}/q && exec "$@"', "sh",
         sys.executable, "-c", textwrap.dedent(program), disk / "q"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "True True 0"
    assert "was damaged; " in done.stdout


def test_old_damaged_files_are_removed(tmp_path: Path) -> None:
    database = tmp_path / "events.db"
    names = []
    for number in range(KEPT_ASIDE + 2):
        database.write_bytes(bytes([number]))
        (tmp_path / "events.db-wal").write_bytes(bytes([number]))
        aside = name_aside(database)
        put_aside(database, aside)
        names.append(aside.name)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {name + ending for name in names[-KEPT_ASIDE:] for ending in ("", "-wal")}


def test_a_receiver_gets_events_whatever_bits_are_flipped(sound: dict[str, bytes], tmp_path: Path) -> None:
    """120 queues with flipped bits, a cut, or a page of junk; each still delivers a new event, with a higher number."""
    for seed in range(120):
        rng = random.Random(seed)
        folder = tmp_path / "queue"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, data in sound.items():
            (folder / name).write_bytes(damaged(rng, data) if name == "events.db" else data)
        notes: list[str] = []
        queue = EventQueue(folder, MB, notes.append)
        received: list[int] = []
        sink = Queued(Calling(partial(_append, received)), queue, notes.append, Backoff(0.01))
        event = replace(make_event("new"), seq=sink.last_number + 1)
        sink.put(event)
        eventually(partial(received.__contains__, event.seq), f"seed {seed}: {notes}")
        sink.close()
        assert received == sorted(received), f"seed {seed}"
        assert event.seq > COUNT, f"seed {seed}"
        assert not [note for note in notes if "cannot store" in note or "trying again" in note], f"seed {seed}"


def _append(numbers: list[int], event: Event) -> None:
    numbers.append(event.seq)


def damaged(rng: random.Random, data: bytes) -> bytes:
    changed_data = bytearray(data)
    kind = rng.randrange(5)
    if kind == 0:
        del changed_data[rng.randrange(len(data)) :]
    elif kind == 1:
        start = rng.randrange(len(data) - 4096)
        changed_data[start : start + 4096] = rng.randbytes(4096)
    else:
        for _ in range(rng.choice([1, 1, 4, 50])):
            changed_data[rng.randrange(100 if kind == 2 else len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed_data)
