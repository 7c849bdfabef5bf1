from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from graft_device.classifier import Prediction
from graft_device.errors import GraftError
from graft_device.outputs.event_queue import MAX_IN_MEMORY, EventQueue
from graft_device.outputs.events import Event, new_id

MB = 1_000_000


def make_event(label: str = "cats") -> Event:
    return Event(new_id(), 0, "2026-01-31T12:00:00.000Z", "camera", (Prediction(label, 0.9),), False, {"invoke": 1.0})


def put(queue: EventQueue, event: Event) -> Event:
    """Numbers an event as the loop does, and stores it."""
    numbered = replace(event, seq=queue.last_number + 1)
    queue.put(numbered)
    return numbered


class Opened:
    """Queues in one folder, one after the other, and what they noted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes: list[str] = []

    def __call__(self, max_bytes: int = MB) -> EventQueue:
        return EventQueue(self.folder, max_bytes, self.notes.append)


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    return Opened(tmp_path / "queue")


def test_events_wait_in_order_until_they_are_done(opened: Opened) -> None:
    queue = opened()
    kept = [put(queue, make_event(f"label {n}")) for n in range(5)]
    assert [event.seq for event in kept] == [1, 2, 3, 4, 5]
    waiting = queue.waiting(0, 3)
    assert [seq for seq, _ in waiting] == [1, 2, 3]
    assert [json.loads(body) for _, body in waiting] == [event.to_json() for event in kept[:3]]
    assert [seq for seq, _ in queue.waiting(3, 9)] == [4, 5]
    queue.done(2)
    queue.done(2)
    queue.done(77)
    assert [seq for seq, _ in queue.waiting(0, 9)] == [1, 3, 4, 5]
    assert len(queue) == 4
    queue.close()
    assert opened.notes == []


def test_the_next_run_goes_on_where_the_last_one_ended(opened: Opened) -> None:
    first = opened()
    events = [put(first, make_event()) for _ in range(3)]
    for event in events[:2]:
        first.done(event.seq)
    first.close()
    second = opened()
    assert [json.loads(body)["id"] for _, body in second.waiting(0, 9)] == [events[2].id]
    second.done(3)
    second.close()
    third = opened()
    assert len(third) == 0
    assert put(third, make_event()).seq == 4
    third.close()


def test_killed_in_the_middle_nothing_is_lost(opened: Opened) -> None:
    """A process that writes events as fast as it can is killed with SIGKILL; every event that it reported is stored."""
    program = """
        import sys
        from pathlib import Path
        from graft_device.outputs.event_queue import EventQueue
        from tests.device.outputs.test_event_queue import make_event, put
        queue = EventQueue(Path(sys.argv[1]), 10**8, print)
        while True:
            event = put(queue, make_event())
            if event.seq % 3 == 0:
                queue.done(event.seq)
            print(event.seq, event.id, flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(opened.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as job:
        assert job.stdout is not None
        lines = [job.stdout.readline() for _ in range(300)]
        job.send_signal(signal.SIGKILL)
        lines += job.stdout.read().splitlines()
    reported = [(int(line.split()[0]), line.split()[1]) for line in lines if len(line.split()) == 2]
    queue = opened(10**8)
    stored = {seq: json.loads(body)["id"] for seq, body in queue.waiting(0, 10**6)}
    assert len(reported) >= 300
    for seq, name in reported[:-1]:  # the last line may be cut
        assert (seq not in stored) if seq % 3 == 0 else stored[seq] == name
    assert put(queue, make_event()).seq > max(seq for seq, _ in reported[:-1])
    queue.close()


def test_the_oldest_events_are_dropped_when_it_is_full(opened: Opened) -> None:
    size = len(make_event().to_line()) + 1
    queue = opened(10 * size)
    for _ in range(25):
        put(queue, make_event())
    numbers = [seq for seq, _ in queue.waiting(0, 99)]
    assert numbers[-1] == 25
    assert numbers == list(range(26 - len(numbers), 26))
    assert 9 <= len(numbers) <= 10
    assert queue.dropped == 25 - len(numbers)
    assert opened.notes == ["the queue is full: the oldest events are dropped until some are delivered"]
    for seq in numbers:
        queue.done(seq)
    assert opened.notes[1:] == [f"the queue is empty again; {queue.dropped} events were dropped in this run"]
    queue.close()


def test_the_file_stays_within_its_limit(opened: Opened) -> None:
    queue = opened(300_000)
    for _ in range(3000):
        put(queue, make_event("x" * 500))
    used = sum(path.stat().st_size for path in opened.folder.iterdir())
    queue.close()
    assert used < 1_500_000, "300 kB of events, SQLite's pages around them, and its log of 100 pages"


def test_a_queue_of_an_earlier_version(opened: Opened) -> None:
    """Written as version 0.1 does it, with a lock file that knows of one more number."""
    opened.folder.mkdir()
    database = sqlite3.connect(opened.folder / "events.db")
    database.executescript(
        """
        CREATE TABLE events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
        CREATE TABLE counts (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO counts VALUES ('seq', 8), ('dropped', 3);
        """
    )
    body = replace(make_event(), seq=8).to_line().encode()
    database.execute("INSERT INTO events VALUES (8, ?)", (body,))
    database.commit()
    database.close()
    (opened.folder / "lock").write_bytes(b"00000000000000000009")
    queue = opened()
    assert queue.waiting(0, 9) == [(8, body)]
    assert Event.from_line(body).seq == 8
    assert put(queue, make_event()).seq == 10
    queue.close()
    assert opened.notes == []


def test_one_run_at_a_time(opened: Opened) -> None:
    queue = opened()
    with pytest.raises(
        GraftError, match=r"another run uses the queue in .*; give this one its own TOPIC, or another --queue"
    ):
        opened()
    queue.close()
    opened().close()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GraftError, match=r"cannot keep events in .*/file: .*; choose another --queue"):
        Opened(tmp_path / "file")()


def test_a_damaged_file_is_renamed(opened: Opened) -> None:
    opened.folder.mkdir()
    (opened.folder / "events.db").write_bytes(b"no database " * 1000)
    queue = opened()
    assert put(queue, make_event()).seq == 1
    queue.close()
    assert len(opened.notes) == 1
    asides = list(opened.folder.glob("events.db.damaged-20??-??-??T??????.??????Z"))
    assert len(asides) == 1
    (note,) = opened.notes
    assert note.startswith(f"the queue in {opened.folder} was damaged; 0 events of it could be rescued, ")
    assert note.endswith(f", and the file is kept as {asides[0].name}")


def test_a_full_disk_stops_nothing(opened: Opened) -> None:
    """SQLite's page limit stands in for the disk: it fails in the same way, with SQLITE_FULL."""
    queue = opened()
    pages = int(queue._database.execute("PRAGMA page_count").fetchone()[0])
    queue._database.execute(f"PRAGMA max_page_count = {pages + 2}")
    events = [put(queue, make_event("x" * 1000)) for _ in range(20)]
    assert len(opened.notes) == 1
    assert opened.notes[0].startswith(f"cannot store events in {opened.folder}: ")
    assert opened.notes[0].endswith("is full; they wait in memory")
    assert [event.seq for event in events] == list(range(1, 21))
    assert [seq for seq, _ in queue.waiting(0, 99)] == list(range(1, 21))
    assert len(queue) == 20
    for seq in range(1, 11):
        queue.done(seq)
    assert [seq for seq, _ in queue.waiting(0, 99)] == list(range(11, 21))
    queue._database.execute("PRAGMA max_page_count = 100000")
    put(queue, make_event())
    assert opened.notes[1:] == [f"events are stored in {opened.folder} again"]
    queue._database.execute("PRAGMA query_only = 1")
    put(queue, make_event())
    assert len(opened.notes) == 3, "a second time is noted too"
    queue._database.execute("PRAGMA query_only = 0")
    queue.close()
    again = opened()
    assert [seq for seq, _ in again.waiting(0, 99)] == list(range(11, 23))
    again.close()


def test_no_number_is_given_twice_after_a_full_disk_and_a_crash(opened: Opened) -> None:
    queue = opened()
    put(queue, make_event())
    queue._database.execute("PRAGMA query_only = 1")
    numbers = [put(queue, make_event()).seq for _ in range(3)]
    queue._release()  # as the system does after SIGKILL: nothing more is written
    again = opened()
    assert [seq for seq, _ in again.waiting(0, 9)] == [1]
    assert put(again, make_event()).seq == max(numbers) + 1
    again.close()


def test_how_many_events_are_stored_at_the_end(opened: Opened) -> None:
    queue = opened()
    for _ in range(2):
        put(queue, make_event())
    assert queue.settle() == 2
    queue._database.execute("PRAGMA query_only = 1")
    put(queue, make_event())
    assert (queue.settle(), len(queue)) == (2, 3)
    shutil.rmtree(opened.folder)
    assert queue.settle() == 0
    queue.close()


def test_memory_is_bounded_while_the_disk_is_full(opened: Opened) -> None:
    queue = opened()
    queue._database.execute(f"PRAGMA max_page_count = {queue._database.execute('PRAGMA page_count').fetchone()[0]}")
    queue._database.execute("PRAGMA query_only = 1")
    for _ in range(MAX_IN_MEMORY + 10):
        put(queue, make_event())
    numbers = [seq for seq, _ in queue.waiting(0, 10**6)]
    assert numbers == list(range(11, MAX_IN_MEMORY + 11))
    assert queue.dropped == 10
    queue.close()


def test_two_threads(opened: Opened) -> None:
    queue = opened()
    taken: list[int] = []

    def take() -> None:
        while len(taken) < 300:
            for seq, _ in queue.waiting(0, 20):
                queue.done(seq)
                taken.append(seq)

    taker = threading.Thread(target=take)
    taker.start()
    for _ in range(300):
        put(queue, make_event())
    taker.join(timeout=120)
    assert taken == list(range(1, 301))
    queue.close()


def test_no_descriptor_is_left(opened: Opened) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        queue = opened()
        put(queue, make_event())
        queue.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before, "servers of other tests may still close some"
