"""Several sinks at once: the same numbers for all, and none of them stops another."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graft_device.classifier import Classifier
from graft_device.outputs.event_queue import EventQueue
from graft_device.outputs.events import Event
from graft_device.outputs.fan_out import FanOut
from graft_device.outputs.printed import Printed, json_line, live_line, named_line
from graft_device.outputs.queued import Queued
from graft_device.outputs.sink import Sink
from graft_device.run.watching import Outputs
from graft_device.sources.files import Photos
from graft_device.system.stopping import Stop
from tests.device.outputs.test_event_queue import make_event
from tests.support.device_models import write_artifact
from tests.support.running import PATIENCE_S, Job, drop_photo, eventually
from tests.support.sinks import Calling, LinesFile, Webhook, WebhookReceiver, queued
from tests.support.watching import watch_one

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left at the end of a run is delivered, however long that takes."""
    monkeypatch.setattr("graft_device.outputs.queued.FLUSH_S", PATIENCE_S)


def numbered(number: int, label: str = "cats") -> Event:
    return replace(make_event(label), seq=number)


def run_photos(model: Path, photos: Path, sinks: FanOut, count: int) -> None:
    """Runs the loop over a photo, ``count`` times."""
    places = [str(drop_photo(photos, "red.png", "red"))] * count
    with contextlib.closing(sinks):
        watch_one(Photos(places), Classifier(model), Outputs(sinks, lambda *_: None), Stop(), print)


def identities(events: list[dict[str, Any]]) -> dict[int, str]:
    """The id of each number; a number that stands for two events is an error."""
    names: dict[int, str] = {}
    for event in events:
        assert names.setdefault(event["seq"], event["id"]) == event["id"]
    return names


def rest(job: Job) -> list[str]:
    """The other lines on standard error, without those of the interpreter."""
    return [line for line in job.rest() if not line.startswith("INFO: ")]


# The same numbers for all


@contextlib.contextmanager
def three_sinks(model: Path, photos: Path, state: Path, url: str) -> Iterator[Job]:
    """A process that watches a folder, with standard output, a file and a webhook as sinks."""
    command = [sys.executable, "-m", "tests.support.sinks", *map(str, (model, photos, state, url))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT) as process:
        try:
            yield Job(process)
        finally:
            process.kill()


def test_the_same_numbers_across_a_kill_and_a_restart(model: Path, tmp_path: Path) -> None:
    """The webhook refuses at first, so its events wait on disk while the process is killed and started again."""
    printed: list[dict[str, Any]] = []
    state = tmp_path / "state"
    state.mkdir()

    @contextlib.contextmanager
    def shown(count: int) -> Iterator[Job]:
        """A run that has printed the events of new photos; each run watches a folder of its own."""
        folder = tmp_path / f"photos-{len(printed)}"
        folder.mkdir()
        with three_sinks(model, folder, state, receiver.url) as job:
            for number in range(count):
                drop_photo(folder, f"{number}.png", "red")
                printed.append(job.event())
            yield job

    with WebhookReceiver() as receiver:
        receiver.refusing = True
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            with shown(3) as job:
                while "http error 503: service unavailable; trying again" not in job.note():
                    pass
                assert job.end(number) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
                waiting = f"{len(printed)} events wait in {state}/webhook-queue for webhook {receiver.url}"
                assert rest(job) == ([waiting] if number == signal.SIGTERM else [])
        assert receiver.bodies == []
        receiver.refusing = False
        with shown(1) as job:
            eventually(lambda: {event["seq"] for event in receiver.bodies} == set(range(1, 11)))
            assert job.end() == 0
            assert rest(job) == []
    written = [json.loads(line) for line in (state / "events.jsonl").read_text("utf-8").splitlines()]
    assert [event["seq"] for event in printed] == list(range(1, 11))
    assert identities(printed) == identities(written) == identities(receiver.bodies)
    assert list(identities(receiver.bodies)) == list(range(1, 11)), "in order"


def test_numbers_go_on_after_the_highest_of_any_queue(model: Path, photos: Path, tmp_path: Path) -> None:
    for name, last in (("one", 41), ("two", 6)):
        queue = EventQueue(tmp_path / name, 10**6, print)
        queue.put(numbered(last))
        queue.close()
    taken: dict[str, list[int]] = {"one": [], "two": []}
    shown: list[int] = []
    sinks = FanOut(print)
    sinks.add(Calling(lambda event: shown.append(event.seq)))
    for name, numbers in taken.items():
        append = numbers.append
        sinks.add(queued(Calling(lambda event, append=append: append(event.seq)), tmp_path / name, print))  # type: ignore[misc]
    run_photos(model, photos, sinks, 2)
    assert shown == [42, 43]
    assert taken == {"one": [41, 42, 43], "two": [6, 42, 43]}


def test_without_a_queue_numbers_begin_at_one(model: Path, photos: Path) -> None:
    for _ in range(2):
        shown: list[int] = []
        sinks = FanOut(print)
        sinks.add(Calling(lambda event, shown=shown: shown.append(event.seq)))  # type: ignore[misc]
        run_photos(model, photos, sinks, 2)
        assert shown == [1, 2]


# None stops another


def test_a_failing_sink_is_noted_once_and_the_others_go_on() -> None:
    notes: list[str] = []
    shown: list[int] = []
    broken = True

    def fail(_: Event) -> None:
        if broken:
            raise OSError(28, "No space left on device")

    sinks = FanOut(notes.append)
    sinks.add(Calling(fail, "events folder"))
    sinks.add(Calling(lambda event: shown.append(event.seq)))
    for number in (1, 2):
        sinks.put(numbered(number))
    assert notes == ["events folder: no space left on device; the other outputs go on"]
    broken = False
    sinks.put(numbered(3))
    broken = True
    sinks.put(numbered(4))
    assert len(notes) == 2, "a second outage is noted too"
    assert shown == [1, 2, 3, 4]


def test_a_slow_sink_in_a_queue_stops_neither_the_loop_nor_the_others(
    model: Path, photos: Path, tmp_path: Path
) -> None:
    """It takes its first event only when the loop has shown all of them."""
    shown: list[int] = []
    slow: list[int] = []
    all_shown = threading.Event()

    def show(event: Event) -> None:
        shown.append(event.seq)
        if len(shown) == 20:
            assert slow == []
            all_shown.set()

    def wait(event: Event) -> None:
        assert all_shown.wait(PATIENCE_S)
        slow.append(event.seq)

    sinks = FanOut(print)
    sinks.add(queued(Calling(wait), tmp_path / "queue", print))
    sinks.add(Calling(show, ends_run=True))
    run_photos(model, photos, sinks, 20)
    assert shown == slow == list(range(1, 21))


def test_a_sink_that_hangs_at_the_end_is_left_and_its_events_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graft_device.outputs.queued.FLUSH_S", 0.1)
    monkeypatch.setattr("graft_device.outputs.queued._GRACE_S", 0.1)
    notes: list[str] = []
    hanging = threading.Event()
    released = threading.Event()

    def hang(_: Event) -> None:
        hanging.set()
        released.wait(PATIENCE_S)

    inner = Calling(hang, "hook")
    sink = queued(inner, tmp_path / "queue", notes.append)
    sink.put(numbered(1))
    assert hanging.wait(PATIENCE_S)
    sink.close()
    assert notes == [f"1 event waits in {tmp_path}/queue for hook"]
    assert inner.closed == 0, "its thread still uses it"
    again = EventQueue(tmp_path / "queue", 10**6, notes.append)  # nobody holds it any more
    released.set()
    eventually(lambda: not any(thread.name == "to hook" for thread in threading.enumerate()))
    assert [number for number, _ in again.waiting(0, 9)] == [1]
    again.close()


def test_a_webhook_that_is_away_gets_everything_later(tmp_path: Path) -> None:
    notes: list[str] = []
    with WebhookReceiver() as receiver:
        receiver.refusing = True
        sink = queued(Webhook(receiver.url), tmp_path / "queue", notes.append)
        sink.put(numbered(1))
        eventually(lambda: bool(notes))
        sink.put(numbered(2))
        receiver.refusing = False
        eventually(lambda: len(receiver.bodies) == 2)
        sink.close()
    assert [event["seq"] for event in receiver.bodies] == [1, 2]
    name = f"webhook {receiver.url}"
    assert notes[0] == f"{name}: http error 503: service unavailable; trying again, events are kept"
    assert notes[1:] in ([f"{name} is back; {count} event{'s' * (count > 1)} to send"] for count in (1, 2))


# Closing


@pytest.mark.parametrize("failing", [False, True])
def test_each_sink_is_closed_once(failing: bool, model: Path, photos: Path, tmp_path: Path) -> None:
    notes: list[str] = []

    class Failing(Calling):
        def close(self) -> None:
            super().close()
            if failing:
                raise OSError(5, "Input/output error")

    inner: list[Calling] = [Failing(print, "first"), Calling(print, "second"), Failing(print, "third")]
    sinks = FanOut(notes.append)
    sinks.add(inner[0])
    sinks.add(queued(inner[1], tmp_path / "queue", notes.append))
    sinks.add(inner[2])
    run_photos(model, photos, sinks, 1)
    sinks.close()
    assert [sink.closed for sink in inner] == [1, 1, 1]
    lines = [f"{name}: input/output error; not everything was written" for name in ("first", "third")]
    assert sorted(notes) == (lines if failing else [])


def test_sinks_are_closed_when_the_run_fails(model: Path, photos: Path, tmp_path: Path) -> None:
    taken: list[int] = []
    inner = Calling(lambda event: taken.append(event.seq))

    def fail(event: Event) -> None:
        raise BrokenPipeError

    sinks = FanOut(print)
    sinks.add(Calling(fail, ends_run=True))
    sinks.add(queued(inner, tmp_path / "queue", print))
    with pytest.raises(BrokenPipeError):
        run_photos(model, photos, sinks, 2)
    assert (taken, inner.closed) == ([1], 1)


def test_no_thread_or_descriptor_is_left(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for number in range(5):
        sink: Sink = Queued(LinesFile(tmp_path / "file"), EventQueue(tmp_path / "queue", 10**6, print), print)
        sink.put(numbered(number + 1))
        sink.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before, "servers of other tests may still close some"
    assert not any(thread.name == "to file" for thread in threading.enumerate())
    assert len((tmp_path / "file").read_text("utf-8").splitlines()) == 5


# Standard output


def test_what_is_printed() -> None:
    event = replace(make_event("ca\nts"), source="clip.mp4", position=1.5, seq=7)
    lines: list[str] = []
    for layout in (json_line, live_line, named_line):
        Printed(lines.append, layout, print).put(event)
    assert json.loads(lines[0]) == event.to_json()
    clock = lines[1][:8]
    assert lines[1:] == [f"{clock} ca\\nts 90%", f"{clock} clip.mp4 at 1.5 s: ca\\nts 90%"]


def test_what_cannot_be_printed_ends_the_run_only_if_it_goes_nowhere_else() -> None:
    notes: list[str] = []
    problem: OSError | None = OSError(28, "No space left on device")

    def write(_: str) -> None:
        if problem is not None:
            raise problem

    with pytest.raises(OSError, match="No space left"):
        Printed(write, json_line, notes.append).put(numbered(1))
    printed = Printed(write, json_line, notes.append, elsewhere="broker h:1")
    printed.put(numbered(1))
    printed.put(numbered(2))
    assert notes == ["cannot print events: no space left on device; they still go to broker h:1"]
    problem = None
    printed.put(numbered(3))
    problem = BrokenPipeError(32, "Broken pipe")
    with pytest.raises(BrokenPipeError):
        printed.put(numbered(4))
