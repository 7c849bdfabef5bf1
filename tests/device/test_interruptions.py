"""Ctrl-C at every moment of what changes files on a board: nothing is lost, and the next run puts all in order."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_device.outputs import damaged_database, damaged_queue, event_queue, event_store
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event, new_id
from graft_device.outputs.uncertain_store import UncertainStore
from graft_device.ranking import Prediction
from graft_device.store import fetch, incoming, installation, switching
from graft_device.store.incoming import ModelSource
from graft_device.store.installation import Request, install, roll_back
from graft_device.store.selftest import SelfTest
from graft_device.store.slots import Store
from graft_device.system import durable
from graft_device.system.durable import write_durably
from tests.support.device_models import KERNEL, write_artifact
from tests.support.file_server import file_server
from tests.support.interrupting import Action, code_of, interrupt_everywhere, names
from tests.support.stores import sha256, slot_id

_STORE = code_of(installation, incoming, switching, durable)


def test_a_file_is_the_old_one_or_the_new_one(in_memory: Path) -> None:
    def is_whole(place: Path) -> None:
        assert (place / "file").read_bytes() in {b"old", b"new"}

    def is_new(place: Path) -> None:
        assert (place / "file").read_bytes() == b"new"
        assert names(place) == ["file"]

    action = Action(
        prepare=lambda place: (place / "file").write_bytes(b"old"),
        act=lambda place: write_durably(place / "file", b"new"),
        interrupted=is_whole,
        finished=is_new,
    )
    assert interrupt_everywhere(action, in_memory) > 15


# The store of models


@pytest.fixture
def models(in_memory: Path) -> list[Path]:
    return [write_artifact(in_memory / f"{n}.tflite", kernel=KERNEL * np.float32(1 + n / 10)) for n in range(4)]


@pytest.fixture
def pristine(models: list[Path], in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store in which the third model is current; a self-test there takes no time."""
    passed = SelfTest("model", passed=True, kind="plain", ms=1.0)
    monkeypatch.setattr(installation, "run_selftest", lambda *_: passed)
    store = Store(in_memory / "pristine")
    for model in models[:3]:
        install(Request(ModelSource(str(model)), store, keep=9))
    return store


def in_order(store: Store, current: Path, previous: Path) -> None:
    """Asserts that these models are installed, and that nothing is left over."""
    assert (store.current_id(), store.previous_id()) == (slot_id(current), slot_id(previous))
    assert sha256(store.current_link / "model.tflite") == sha256(current)
    assert names(store.staging) == names(store.incoming) == []
    assert [name for name in names(store.root) if name.startswith(".") or name == "switch.json"] == []


def old_or_new(store: Store, current: Path, previous: Path, new: Path) -> bool:
    """Asserts that the store is as before or as after a switch; returns whether the new model is current."""
    switched = store.current_id() == slot_id(new)
    current, previous = (new, current) if switched else (current, previous)
    assert (store.current_id(), store.previous_id()) == (slot_id(current), slot_id(previous))
    assert sha256(store.current_link / "model.tflite") == sha256(current)
    return switched


def test_an_install_from_incoming(models: list[Path], pristine: Store, in_memory: Path) -> None:
    _, previous, current, new = models

    def prepare(place: Path) -> None:
        shutil.copytree(pristine.root, place, symlinks=True, dirs_exist_ok=True)
        send(Store(place).incoming / "new.tflite")

    def send(path: Path) -> None:
        path.write_bytes(new.read_bytes())
        path.with_name("new.tflite.sig").write_text("unchecked, because no signers are known")

    def is_kept(place: Path) -> None:
        sent = Store(place).incoming / "new.tflite"
        switched = old_or_new(Store(place), current, previous, new)
        if sent.exists() or not switched:
            assert sha256(sent) == sha256(new)
        else:
            send(sent)  # again, and it is current already

    def is_installed(place: Path) -> None:
        in_order(Store(place), new, current)
        assert names(Store(place).slots_folder) == sorted([slot_id(new), slot_id(current)])
        assert (Store(place).current_link / "model.tflite").stat().st_nlink == 1, "others may write to it"

    def act(place: Path) -> None:
        install(Request(ModelSource(str(Store(place).incoming / "new.tflite")), Store(place), keep=2))

    action = Action(prepare=prepare, act=act, interrupted=is_kept, finished=is_installed)
    assert interrupt_everywhere(action, in_memory, _STORE) > 200


def test_an_install_from_incoming_over_a_damaged_slot(models: list[Path], pristine: Store, in_memory: Path) -> None:
    _, previous, current, _ = models

    def prepare(place: Path) -> None:
        shutil.copytree(pristine.root, place, symlinks=True, dirs_exist_ok=True)
        (Store(place).current_link / "model.tflite").write_bytes(b"damaged")
        (Store(place).incoming / "new.tflite").write_bytes(current.read_bytes())

    def is_kept(place: Path) -> None:
        store, sent = Store(place), Store(place).incoming / "new.tflite"
        installed = store.current_link / "model.tflite"
        if not sent.exists():
            assert sha256(installed) == sha256(current)
            sent.write_bytes(current.read_bytes())
        assert sha256(sent) == sha256(current)

    def act(place: Path) -> None:
        install(Request(ModelSource(str(Store(place).incoming / "new.tflite")), Store(place)))

    def is_installed(place: Path) -> None:
        in_order(Store(place), current, previous)

    action = Action(prepare=prepare, act=act, interrupted=is_kept, finished=is_installed)
    assert interrupt_everywhere(action, in_memory, code_of(installation, switching), stride=2) > 60


def test_an_install_from_a_server(models: list[Path], pristine: Store, in_memory: Path) -> None:
    _, previous, current, new = models

    def prepare(place: Path) -> None:
        shutil.copytree(pristine.root, place, symlinks=True, dirs_exist_ok=True)

    def is_kept(place: Path) -> None:
        old_or_new(Store(place), current, previous, new)

    def is_installed(place: Path) -> None:
        in_order(Store(place), new, current)

    with file_server(new.read_bytes()) as server:
        action = Action(
            prepare=prepare,
            act=lambda place: install(Request(ModelSource(server.url), Store(place), keep=2)),
            interrupted=is_kept,
            finished=is_installed,
        )
        assert interrupt_everywhere(action, in_memory, code_of(fetch), stride=2) > 30


def test_a_rollback(models: list[Path], pristine: Store, in_memory: Path) -> None:
    old, previous, current, _ = models

    def prepare(place: Path) -> None:
        shutil.copytree(pristine.root, place, symlinks=True, dirs_exist_ok=True)

    def act(place: Path) -> None:
        roll_back(Store(place), slot_id(old), None, "auto", 0)

    def is_kept(place: Path) -> None:
        old_or_new(Store(place), current, previous, old)

    def is_rolled_back(place: Path) -> None:
        in_order(Store(place), old, current)

    action = Action(prepare=prepare, act=act, interrupted=is_kept, finished=is_rolled_back)
    assert interrupt_everywhere(action, in_memory, _STORE) > 100


# Outputs


class _Run:
    """What a queue's user knows: the number of each event that was stored, and which events were delivered."""

    def __init__(self) -> None:
        self.numbers: dict[int, str] = {}
        self.delivered: set[int] = set()

    def put(self, queue: EventQueue) -> None:
        seq = queue.last_number + 1
        assert seq not in self.numbers, "a number is given twice"
        event = Event(new_id(), seq, "2026-01-31T12:00:00.000Z", "camera", (Prediction("cats", 0.9),), False, {})
        queue.put(event)
        self.numbers[seq] = event.id

    def deliver(self, queue: EventQueue) -> None:
        (number, _), *_ = queue.waiting(0, 1)
        self.delivered.add(number)
        queue.done(number)


@pytest.mark.parametrize(("room", "stride"), [(1_000_000, 3), (400, 7)])
def test_an_event_queue(in_memory: Path, room: int, stride: int) -> None:
    runs: dict[Path, _Run] = {}

    def opened(place: Path, size: int = 1_000_000) -> contextlib.closing[EventQueue]:
        return contextlib.closing(EventQueue(place / "queue", size, lambda _: None))

    def prepare(place: Path) -> None:
        runs[place] = _Run()
        with opened(place) as queue:
            runs[place].put(queue)

    def act(place: Path) -> None:
        with opened(place, room) as queue:
            runs[place].put(queue)
            runs[place].deliver(queue)
            runs[place].put(queue)

    def is_kept(place: Path) -> None:
        with contextlib.closing(sqlite3.connect(place / "queue" / "events.db")) as database:
            stored = {seq: Event.from_line(body).id for seq, body in database.execute("SELECT * FROM events")}
        run = runs[place]
        for seq, event in stored.items():
            assert run.numbers.setdefault(seq, event) == event, "another event has this number"
        if room > 400:
            assert run.numbers.keys() - run.delivered <= stored.keys(), "an event was lost"

    def is_complete(place: Path) -> None:
        is_kept(place)
        assert names(place / "queue") == ["events.db", "lock"]

    action = Action(prepare=prepare, act=act, interrupted=is_kept, finished=is_complete)
    assert interrupt_everywhere(action, in_memory, code_of(event_queue, event_store), stride) > 30


def test_a_damaged_event_queue(in_memory: Path) -> None:
    """What can be read of it is rescued, even if the rescue is interrupted."""
    sound, labels = in_memory / "sound" / "queue", (Prediction("cats " * 60, 0.9),)

    def opened(place: Path) -> contextlib.closing[EventQueue]:
        return contextlib.closing(EventQueue(place, 1_000_000, lambda _: None))

    def fill(queue: EventQueue, last: int) -> None:
        for number in range(queue.last_number + 1, last + 1):
            queue.put(Event(new_id(), number, "2026-01-31T12:00:00.000Z", "camera", labels, False, {}))

    def numbers(place: Path) -> list[int]:
        with opened(place / "queue") as queue:
            return [number for number, _ in queue.waiting(0, 100)]

    def prepare(place: Path) -> None:
        shutil.copytree(in_memory / "damaged", place, dirs_exist_ok=True)

    def are_rescued(place: Path) -> None:
        assert numbers(place) == expected
        database, aside, *others = names(place / "queue")
        assert (database, aside[:18], others[-1]) == ("events.db", "events.db.damaged-", "lock")
        assert all(name.startswith(aside) for name in others[:-1])

    with opened(sound) as queue:
        fill(queue, 30)
    with opened(sound) as queue:
        fill(queue, 32)  # in the log
        shutil.copytree(sound, in_memory / "damaged" / "queue")
    with (in_memory / "damaged" / "queue" / "events.db").open("r+b") as file:
        file.seek(4 * 4096)
        file.write(b"\xff" * 4096)
    prepare(in_memory / "whole")
    expected = numbers(in_memory / "whole")
    assert expected[-3:] == [30, 31, 32]
    action = Action(prepare=prepare, act=numbers, finished=are_rescued)
    assert interrupt_everywhere(action, in_memory, code_of(damaged_database, damaged_queue), stride=4) > 20


def test_the_folder_of_uncertain_photos(in_memory: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    photo, answer = buffer.getvalue(), (Prediction("cats", 0.6), Prediction("dogs", 0.4))

    def save(place: Path, second: int) -> None:
        store = UncertainStore(place / "uncertain", 3 * len(photo))
        store.save(photo, f"2026-01-31T12:00:0{second}.250Z", "cats", answer)

    def prepare(place: Path) -> None:
        for second in range(3):
            save(place, second)

    def is_whole(place: Path) -> None:
        photos = list((place / "uncertain").glob("*/[!.]*"))
        assert len(photos) in {2, 3}
        assert {path.read_bytes() for path in photos} == {photo}

    def is_full(place: Path) -> None:
        is_whole(place)
        kept = names(place / "uncertain" / "cats")
        assert len(kept) == 3, "there are hidden files"
        assert kept[-1].startswith("20260131T120003")

    action = Action(prepare=prepare, act=lambda place: save(place, 3), interrupted=is_whole, finished=is_full)
    assert interrupt_everywhere(action, in_memory) > 40
