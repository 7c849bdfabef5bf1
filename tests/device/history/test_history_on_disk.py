"""The history keeps within its limits, and survives kills, damage and a full disk."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from graft_device.config.settings import EventsSettings
from graft_device.history import packs
from graft_device.history.calendar import Count
from graft_device.history.kept import Kept
from graft_device.history.queries import EventQuery, HistoryError
from graft_device.history.sink import KeptEvents
from graft_device.history.store import STEP, Store
from graft_device.history.tables import DATABASE
from graft_device.history.waiting import MOST_EVENTS, MOST_RAW_BYTES, Waiting, WaitingEvents
from graft_device.history.writer import Pace
from tests.device.history.test_kept_events import make_event, seqs
from tests.support.interrupting import Moments
from tests.support.running import PATIENCE_S, eventually

MB = 1_000_000
ALL = EventQuery(limit=200)


def waiting(number: int, size: int = 0) -> Waiting:
    """An event with a number, whose picture follows from it."""
    return Waiting(number, make_event(number), 0.0, picture=picture_of(number, size) if size else None)


def picture_of(number: int, size: int) -> bytes:
    return b"%07d" % number * (size // 7)


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


# Limits


@pytest.mark.parametrize(("size", "groups"), [(20_000, 40), (0, 260)])
def test_the_folder_never_grows_over_its_limit_and_the_newest_events_stay(
    tmp_path: Path, size: int, groups: int
) -> None:
    with closing(Store(tmp_path, MB)) as store:
        for group in range(groups):
            store.write([waiting(group * 10 + number, size) for number in range(1, 11)], {}, Count())
            assert used(tmp_path) <= MB
    kept, newest = Kept(tmp_path), groups * 10
    found = seqs(kept, ALL)
    assert found == list(range(newest, newest - len(found), -1))
    assert len(found) >= (30 if size else 200)
    assert used(tmp_path) > 0.7 * MB
    if size:
        for event in kept.page(ALL).events:
            assert kept.picture(event["id"]) == picture_of(event["seq"], size)


def test_room_of_events_goes_to_pictures_when_these_come_and_back(tmp_path: Path) -> None:
    with closing(Store(tmp_path, 2 * MB)) as store:
        number = 0
        for size, groups in ((0, 150), (30_000, 20), (0, 150)):
            for _ in range(groups):
                store.write([waiting(number + one, size) for one in range(1, 21)], {}, Count())
                number += 20
                assert used(tmp_path) <= 2 * MB
    assert seqs(Kept(tmp_path), ALL)[0] == number


def test_events_leave_after_their_days_and_take_their_pictures_along(tmp_path: Path) -> None:
    with closing(Store(tmp_path, 100 * MB)) as store:
        for day in range(3):
            group = [waiting(day * 150 + number, 60_000 if number < 120 else 0) for number in range(1, 151)]
            store.write(group, {}, Count(age=day * 86_400, clock=1.0))
        before = used(tmp_path)
        assert store.remove_older(86_400 * 1.5)  # one step
        assert seqs(Kept(tmp_path), ALL)[-1] == 251
        assert len(seqs(Kept(tmp_path), EventQuery(limit=200, before=301))) == 300 - STEP
        assert not store.remove_older(86_400 * 1.5)
        assert seqs(Kept(tmp_path), ALL) == list(range(450, 300, -1))
        assert used(tmp_path) < before / 2
        assert not store.remove_older(86_400 * 1.5)
    with closing(Store(tmp_path, 100 * MB)) as store:
        assert not store.remove_older(86_400 * 9)
        assert store.last == 450
    with closing(Store(tmp_path, 100 * MB)) as store:
        assert store.last == 450  # the numbers go on although all are gone


def test_what_waits_takes_a_bounded_memory(tmp_path: Path) -> None:
    events = WaitingEvents()
    photo = np.zeros((1000, 1000, 3), np.uint8)
    for number in range(1, MOST_EVENTS + 11):
        events.add(make_event(number, photo=photo), 0.0, with_picture=True)
    held = [one for one in events.snapshot() if one.raw is not None]
    most = MOST_RAW_BYTES // photo.nbytes
    assert len(held) == most - 1  # the ten oldest events were given up, and gave room to the photos of those after them
    assert [one.number for one in events.snapshot()] == list(range(11, MOST_EVENTS + 11))
    assert (events.lost_events, events.lost_pictures) == (10, MOST_EVENTS + 10 - (most + 9))
    assert events.to_encode() == held[0]


# Kills


def test_a_kill_at_any_moment_leaves_whole_pictures_and_no_more_than_one_group_is_lost(tmp_path: Path) -> None:
    """A run is killed at every eighth line and change of the database while it writes its second and third group."""
    place, lost = 0, set()
    while True:
        place += 8
        folder = tmp_path / str(place)
        folder.mkdir()
        status = forked(partial(killed_at, place, folder))
        lost.add(survived(folder))
        if status == 0:
            break
        assert status == -signal.SIGKILL
    assert place > 100
    assert lost == {0, 20, 40}  # the first group was there before


LIMIT = 600_000
"""Two groups of the test fit into it."""


def killed_at(place: int, folder: Path) -> None:
    with closing(Store(folder, LIMIT)) as store:
        store.write([waiting(number, 6000) for number in range(1, 21)], {}, Count())
        with Moments(place, lambda: os.kill(os.getpid(), signal.SIGKILL)):
            for start in (20, 40):
                store.write([waiting(start + number, 6000) for number in range(1, 21)], {}, Count())


def survived(folder: Path) -> int:
    """Asserts that what is there is whole, before and after the next run; returns how many events are lost."""
    with closing(Store(folder, LIMIT)) as store:
        store.check()
        last = store.last
        for _ in range(2):
            kept = Kept(folder)
            found = kept.page(ALL).events
            assert [event["seq"] for event in found] == list(range(last, last - len(found), -1))
            assert len(found) >= 20
            for event in found:
                assert kept.picture(event["id"]) == picture_of(event["seq"], 6000)
            store.write([waiting(last + 1, 6000)], {}, Count())
            last += 1
        assert used(folder) <= LIMIT
    return 60 - (last - 2)


def forked(act: Callable[[], None]) -> int:
    """Runs something in a fork; returns its exit status, or minus the signal that ended it."""
    process = os.fork()
    if process == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001  nothing may get out of the fork
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_a_power_cut_that_takes_half_of_a_picture_takes_the_whole(tmp_path: Path) -> None:
    with closing(Store(tmp_path, MB)) as store:
        store.write([waiting(number, 5000) for number in range(1, 6)], {}, Count())
    pack = packs.path_of(tmp_path, 1)
    os.truncate(pack, pack.stat().st_size - 6000)
    with closing(Store(tmp_path, MB)) as store:
        store.check()
        assert [event["picture"] for event in Kept(tmp_path).page(ALL).events] == [False, False, True, True, True]
        store.write([waiting(6, 5000)], {}, Count())
    kept = Kept(tmp_path)
    pictures = [kept.picture(event["id"]) for event in kept.page(ALL).events]
    assert pictures == [picture_of(6, 5000), None, None, *(picture_of(number, 5000) for number in (3, 2, 1))]


# Damage


def sound_history(folder: Path) -> None:
    with closing(Store(folder, 10 * MB)) as store:
        for group in range(10):
            store.write([waiting(group * 20 + number, 3000) for number in range(1, 21)], {}, Count(age=7, clock=1.0))


def damaged_history(folder: Path) -> None:
    sound_history(folder)
    overwrite_the_middle(folder)


def overwrite_the_middle(folder: Path) -> None:
    database = folder / DATABASE
    with database.open("r+b") as file:
        file.seek(database.stat().st_size // 2)
        file.write(random.Random(1).randbytes(6000))


def test_a_damaged_history_is_put_aside_and_what_can_be_read_is_rescued_with_its_pictures(tmp_path: Path) -> None:
    damaged_history(tmp_path)
    notes: list[str] = []
    with closing(KeptEvents(EventsSettings(tmp_path, max_mb=10), notes.append, Pace(0, 1))) as sink:
        sink.put(make_event(201))
    (note,) = notes
    assert note.startswith(f"the history in {tmp_path} was damaged; ")
    rescued = int(note.partition("; ")[2].split()[0])
    assert 20 < rescued < 200
    (aside,) = [path.name for path in tmp_path.iterdir() if ".damaged-" in path.name and path.name.endswith("Z")]
    assert note.endswith(f"kept as {aside}")
    kept = Kept(tmp_path)
    found = kept.page(ALL).events
    assert found[0]["seq"] == 201
    assert len(found) == min(200, rescued + 1)
    for event in found[1:]:
        assert kept.picture(event["id"]) == picture_of(event["seq"], 3000)


def test_damage_that_a_reader_finds_is_repaired_without_a_new_event(tmp_path: Path) -> None:
    sound_history(tmp_path)
    notes: list[str] = []
    with closing(KeptEvents(EventsSettings(tmp_path, max_mb=10), notes.append, Pace(0, 1))) as sink:
        eventually(lambda: sink.kept.event("none") is None and bool(seqs(sink.kept)))
        overwrite_the_middle(tmp_path)

        def is_repaired() -> bool:
            with suppress(HistoryError):
                seqs(sink.kept, ALL)
            return bool(notes)

        eventually(is_repaired)
        assert len(seqs(sink.kept, ALL)) > 20
    assert len(notes) == 1
    assert "was damaged; " in notes[0]


def test_a_history_of_which_nothing_can_be_read_begins_again(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(random.Random(2).randbytes(50_000))
    notes: list[str] = []
    with pytest.raises(HistoryError, match=f"cannot read the events in {tmp_path}"):
        Kept(tmp_path).page(ALL)
    with closing(KeptEvents(EventsSettings(tmp_path), notes.append, Pace(0, 1))) as sink:
        sink.put(make_event(1))
    assert seqs(Kept(tmp_path)) == [1]
    assert [note.partition("; ")[2].partition(" of")[0] for note in notes] == ["0 events"]


def test_histories_with_flipped_bits_keep_new_events(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    sound_history(tmp_path / "first")
    files = {path.name: path.read_bytes() for path in (tmp_path / "first").iterdir()}
    for seed in range(20):
        rng = random.Random(seed)
        folder = tmp_path / f"seed {seed}"
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        flipped = bytearray(files[DATABASE])
        for _ in range(rng.choice([1, 4, 50])):
            flipped[rng.randrange(100 if seed % 3 else len(flipped))] ^= 1 << rng.randrange(8)
        (folder / DATABASE).write_bytes(flipped)
        notes: list[str] = []
        with closing(KeptEvents(EventsSettings(folder, max_mb=10), notes.append, Pace(0, 1))) as sink:
            sink.put(make_event(501))
        assert seqs(Kept(folder))[0] == 501, f"seed {seed}: {notes}"


# A full disk


def test_a_full_disk_is_noted_once_and_events_are_kept_again_when_there_is_room(tmp_path: Path) -> None:
    program = """
        import contextlib, sys
        from pathlib import Path
        from graft_device.config.settings import EventsSettings
        from graft_device.history.kept import Kept
        from graft_device.history.queries import EventQuery
        from graft_device.history.sink import KeptEvents
        from graft_device.history.writer import Pace
        from graft_device.store.pictures import render
        from tests.device.history.test_kept_events import make_event, seqs
        from tests.support.running import eventually
        disk = Path(sys.argv[1])
        folder, notes = disk / "events", []
        def fill():
            with contextlib.suppress(OSError), (disk / "filler").open("ab", buffering=0) as file:
                while file.write(bytes(4096)):
                    pass
        if sys.argv[2] == "from the start":
            fill()
        sink = KeptEvents(EventsSettings(folder), notes.append, Pace(0, 1, 0.05))
        if sys.argv[2] != "from the start":
            sink.put(make_event(1, photo=render(1, 200)))
            eventually(lambda: len(seqs(Kept(folder))) == 1)
            fill()
        for number in range(2, 30):
            sink.put(make_event(number, photo=render(number, 200)))
        eventually(lambda: len(notes) == 1)
        print(seqs(sink.kept)[:2], notes[0].replace(str(disk), ""))
        (disk / "filler").unlink()
        eventually(lambda: len(notes) == 2)
        eventually(lambda: seqs(Kept(folder))[:1] == [29])
        print(notes[1].replace(str(disk), ""))
        sink.close()
        kept = Kept(folder)
        found = kept.page(EventQuery()).events
        print(len(found), sum(kept.thumbnail(event["id"]) is not None for event in found), len(notes))
    """
    for when, count in (("from the start", 28), ("later", 29)):
        disk = tmp_path / when
        disk.mkdir()
        mount = f"mount -t tmpfs -o size=2m none '{disk}'"
        if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
            pytest.skip("no small file system can be mounted here")
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh",
             sys.executable, "-c", textwrap.dedent(program), disk, when],
            capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3], timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        first, second, third = done.stdout.splitlines()
        assert first.startswith("[29, 28] cannot keep events in /events: "), first
        assert first.endswith("; the newest wait in memory")
        assert second == "events are kept in /events again"
        assert third == f"{count} {count} 2"
