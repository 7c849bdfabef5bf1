from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from graft_device import console
from graft_device.classifier import Classifier
from graft_device.commands.run import run
from graft_device.outputs.events import Event
from graft_device.outputs.fan_out import FanOut
from graft_device.run import feeds as feeds_module
from graft_device.run.feeds import Feed, Feeds
from graft_device.run.readers import Newest, Reader
from graft_device.run.watching import Outputs
from graft_device.sources import Frame
from graft_device.sources.files import Photos
from graft_device.system import notify, stopping
from graft_device.system.stopping import Signals, Stop
from tests.conftest import error_line
from tests.support.clips import Camera, clip, write_clip
from tests.support.device_models import COLOURS, make_card, write_artifact
from tests.support.notices import notices
from tests.support.running import COMMAND, PATIENCE_S, drop_photo, eventually, run_device, running
from tests.support.sinks import Calling
from tests.support.watching import watch_one

CLOCK = r"\d\d:\d\d:\d\d"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("photos")
    return {colour: drop_photo(folder, f"{colour}.png", colour) for colour in COLOURS}


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def invoke(*args: object) -> Any:
    """Runs the command in this process."""
    app = typer.Typer(cls=console.EdgeGroup, rich_markup_mode=None)
    app.callback()(lambda: None)
    app.command()(run)
    return CliRunner().invoke(app, ["run", *map(str, args)])


def sources(*places: object) -> list[object]:
    return [word for place in places for word in ("--source", place)]


# Photos


def test_photos_for_a_person(model: Path, photos: dict[str, Path]) -> None:
    done = run_device(model, *sources(*photos.values()))
    assert (done.returncode, done.stderr) == (0, "")
    for line, (colour, path) in zip(done.stdout.splitlines(), photos.items()):
        assert re.fullmatch(rf"{CLOCK} {re.escape(str(path))}: {colour} 9\d%", line)


def test_photos_for_a_program(model: Path, photos: dict[str, Path]) -> None:
    done = run_device(model, *sources(*photos.values()), "--json", "--top-k", 2)
    assert (done.returncode, done.stderr) == (0, "")
    printed = events(done)
    assert [event["label"] for event in printed] == list(COLOURS)
    assert [event["seq"] for event in printed] == [1, 2, 3]
    assert len({event["id"] for event in printed}) == 3
    for event, path in zip(printed, photos.values()):
        assert list(event) == [
            "id", "seq", "kind", "time", "source", "label", "score", "predictions", "unknown", "ms", "dropped",
        ]  # fmt: skip
        assert event["source"] == str(path)
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT[\d:]{8}\.\d{3}Z", event["time"])
        assert event["predictions"][0] == {"label": event["label"], "score": event["score"]}
        assert len(event["predictions"]) == 2
        assert event["ms"].keys() == {"preprocess", "invoke", "age"}
        assert (event["unknown"], event["dropped"]) == (False, 0)


def test_the_same_answers_as_classify(model: Path, photos: dict[str, Path]) -> None:
    classifier = Classifier(model)
    for event, path in zip(events(run_device(model, *sources(*photos.values()), "--json")), photos.values()):
        expected = classifier.classify(path)
        assert [(p["label"], p["score"]) for p in event["predictions"]] == [
            (p.label, round(p.score, 6)) for p in expected
        ]


def test_bad_photos_do_not_stop_the_others(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    places = sources(photos["red"], tmp_path / "empty.jpg", tmp_path / "gone.jpg", photos["blue"])
    done = run_device(model, *places)
    assert done.returncode == 1
    assert [line.split()[-2] for line in done.stdout.splitlines()] == ["red", "blue"]
    assert done.stderr.splitlines() == [
        f"error: {tmp_path}/empty.jpg: the file is empty",
        f"error: {tmp_path}/gone.jpg: no such file or directory",
    ]
    done = run_device(model, *places, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    assert [event.get("error") for event in events(done)] == [
        None, "the file is empty", "no such file or directory", None,
    ]  # fmt: skip


@pytest.mark.parametrize(("threshold", "card", "unknown"), [(None, 0.99, True), (0.99, 0, True), (0, 0.99, False)])
def test_the_threshold(
    threshold: float | None, card: float, unknown: bool, photos: dict[str, Path], tmp_path: Path
) -> None:
    written = dataclasses.replace(make_card(), thresholds={"unknown": {"score": card}})
    path = write_artifact(tmp_path / "m.tflite", card=written)
    options = [] if threshold is None else ["--threshold", threshold]
    event = json.loads(invoke(path, *sources(photos["red"]), "--json", *options).stdout)
    assert event["unknown"] is unknown
    assert event["label"] == ("unknown" if unknown else "red")
    assert event["predictions"][0] == {"label": "red", "score": event["score"]}
    assert event.get("reason") == ("uncertain" if unknown else None)


# Videos


def test_a_video(model: Path, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", ["red"] * 25 + ["blue"] * 25)
    done = run_device(model, *sources(path), "--fps", 5)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split(maxsplit=1)[1] for line in done.stdout.splitlines()]
    assert lines == [f"{path} at {n / 5:.1f} s: {'red 97' if n < 5 else 'blue 98'}%" for n in range(10)]
    assert [event["position"] for event in events(run_device(model, *sources(path), "--changes", "--json"))] == [0, 1]
    limited = events(run_device(model, *sources(path), "--limit", 3, "--every", 0.4, "--json"))
    assert [(event["position"], event["dropped"]) for event in limited] == [(0, 0), (0.4, 9), (0.8, 9)]


def test_smoothing_steadies_the_label(model: Path, tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "clip.avi", ["red"] * 9 + ["blue"] + ["red"] * 9 + ["blue"] * 9, codec="mjpeg", kind="avi"
    )
    plain = events(run_device(model, *sources(path), "--changes", "--json"))
    smooth = events(run_device(model, *sources(path), "--changes", "--json", "--smooth", 3))
    assert [event["label"] for event in plain] == ["red", "blue", "red", "blue"]
    assert [event["label"] for event in smooth] == ["red", "blue"]
    assert 21 / 25 <= smooth[1]["position"] <= 24 / 25
    assert smooth[1]["dropped"] == 0, "classified, but not printed"


def test_a_corrupt_video_is_one_line(model: Path, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(clip(["red"] * 50)[:-300])
    assert error_line(run_device(model, *sources(tmp_path / "clip.mp4"))) == (
        f"error: cannot read {tmp_path}/clip.mp4: invalid data found when processing input"
    )


# A folder and signals


@pytest.mark.parametrize(
    ("number", "status", "notes"),
    [(signal.SIGTERM, 0, []), (signal.SIGINT, 130, ["interrupted; what was finished is kept"])],
)
def test_a_folder_until_a_signal(number: int, status: int, notes: list[str], model: Path, tmp_path: Path) -> None:
    drop_photo(tmp_path, "old.png", "red")
    with running(model, *sources(tmp_path), "--json") as job:
        job.watches()
        drop_photo(tmp_path, "a.png", "blue")
        assert job.event()["label"] == "blue"
        (tmp_path / "bad.png").write_bytes(b"no image")
        failure = job.event()
        assert failure.keys() == {"time", "source", "error"}
        assert failure["source"] == str(tmp_path / "bad.png")
        drop_photo(tmp_path, "b.png", "green")
        assert job.event()["label"] == "green"
        assert job.end(number) == status
        assert job.rest() == notes
        assert job.lines.empty()


def test_once_takes_a_folder_as_it_is(model: Path, tmp_path: Path) -> None:
    for colour in COLOURS:
        drop_photo(tmp_path, f"{colour}.png", colour)
    done = run_device(model, *sources(tmp_path), "--once", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert {event["label"] for event in events(done)} == set(COLOURS)


def test_a_write_that_nobody_reads_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "GRACE_S", 0.2)
    reading, writing = os.pipe()

    def signal_and_write() -> None:
        signal.raise_signal(signal.SIGTERM)
        os.write(writing, bytes(10**6))

    with Signals(Stop()) as signals, pytest.raises(KeyboardInterrupt):
        signal_and_write()
    assert signals.received == signal.SIGTERM
    os.close(reading)
    os.close(writing)


def test_the_reader_goes_away(model: Path, photos: dict[str, Path]) -> None:
    command = [*COMMAND, *map(str, [model, *sources(*[photos["red"]] * 3000)])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stderr is not None
        assert ": red 9" in job.stdout.readline()
        job.stdout.close()
        assert job.stderr.read() == ""
        assert job.wait(timeout=PATIENCE_S) == 1


def test_a_second_signal_breaks_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "GRACE_S", PATIENCE_S)
    stop = Stop()
    with Signals(stop) as signals:
        signal.raise_signal(signal.SIGTERM)
        assert stop.wanted
        assert signals.received == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signals.calm()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# A camera


def test_a_camera_that_is_unplugged_and_plugged_in(model: Path) -> None:
    red, blue = (clip([colour] * 50, kind="mpegts", codec="mpeg2video") for colour in ("red", "blue"))
    camera = Camera(red, pace_s=0.01)
    patch = f"import graft_device.sources.cameras as c; c.TIMEOUT_S = {PATIENCE_S}"
    with running(model, *sources(camera.url), "--changes", "--smooth", 2, patch=patch) as job:
        assert re.fullmatch(rf"{CLOCK} red \d\d%", job.line())
        camera.unplug()
        assert "trying to open it again" in job.note()
        with Camera(blue, pace_s=0.01, port=camera.port):
            assert re.fullmatch(rf"{CLOCK} blue \d\d%", job.line())
            assert job.note() == f"note: {camera.url} is back"
            assert job.end() == 0
        assert job.rest() == []


def test_one_frame_of_a_camera(model: Path) -> None:
    with Camera(clip(["green"] * 50, kind="mpegts", codec="mpeg2video"), pace_s=0.002) as camera:
        done = run_device(model, *sources(camera.url), "--once", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    (event,) = events(done)
    assert event["label"] == "green"
    assert event["ms"]["age"] > 0


class FrameClock:
    """A clock that goes on by 10 ms with each frame of a camera, however long that takes."""

    def __init__(self, camera: Any) -> None:
        self._camera = camera

    def monotonic(self) -> float:
        return float(self._camera._number / 100)


def test_the_rate_of_a_camera(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its clock shows a hundred frames per second, of which ten are wanted."""
    enter = Newest.__enter__

    def enter_with_clock(newest: Newest) -> Reader:
        monkeypatch.setattr("graft_device.run.feeds.time", FrameClock(newest._source))
        return enter(newest)

    monkeypatch.setattr(Newest, "__enter__", enter_with_clock)
    with Camera(clip(["green"] * 50, kind="mpegts", codec="mpeg2video"), pace_s=0.002) as camera:
        done = invoke(model, *sources(camera.url), "--fps", 10, "--limit", 5, "--json")
    assert done.exit_code == 0, done.output
    shown = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["label"] for event in shown] == ["green"] * 5
    numbers = list(itertools.accumulate(event["dropped"] + 1 for event in shown))
    for turn, number in enumerate(numbers):
        assert number - numbers[0] >= 10 * turn - 1, "the clock goes on before a frame can be taken"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/dev/video42", "no camera at /dev/video42; the available ones are: "),
        ("/dev/null", "cannot read camera /dev/null: inappropriate ioctl for device"),
        ("tcp://127.0.0.1:1", "cannot read tcp://127.0.0.1:1: connection refused"),
        ("rtsp://me:hush@127.0.0.1:1/x", "cannot read rtsp://127.0.0.1:1/x: connection refused"),
        ("nowhere.jpg", "no such source: nowhere.jpg; give photos, a folder"),
    ],
)
def test_no_camera_is_one_line(place: str, words: str, model: Path) -> None:
    done = invoke(model, "--source", place, "--require-source")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {words}")
    assert len(done.stderr.splitlines()) == 1


class HangingCamera:
    live = True
    name = "camera"

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        while not stop.wanted:
            time.sleep(0.01)
        yield None


def test_a_camera_that_hangs_is_noted_and_systemd_gets_no_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as hung after three turns. Then no turn comes while the loop goes on for a while."""
    notes: list[str] = []
    stop = Stop()
    turns = 0

    def note(text: str) -> None:
        notes.append(text)
        threading.Timer(0.5, setattr, (stop, "wanted", True)).start()

    with Feeds([Feed(HangingCamera())], stop, note) as feeds:
        for _ in feeds.turns():
            assert notes == []
            turns += 1
            if turns == 3:
                monkeypatch.setattr(feeds_module, "HANG_S", 0.01)
    assert notes == ["the camera hangs: no frame for 0 s"]
    assert turns == 3


def test_signs_of_life_for_systemd(model: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    environment = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
    with notices(tmp_path / "notify") as received, running(model, *sources(photos), env=environment) as job:
        assert received.next() == "READY=1"
        assert [received.next() for _ in range(4)] == ["WATCHDOG=1"] * 4
        assert job.end() == 0
        assert set(received.until("STOPPING=1")) <= {"WATCHDOG=1", "STOPPING=1"}
    assert notify.watchdog_seconds() is None, "not for this process"


# Another model


def test_another_model_without_an_end(tmp_path: Path) -> None:
    """As ``graft-device install`` does it: the link is switched, then the signal is sent."""
    first = write_artifact(tmp_path / "1.tflite")
    sure = dataclasses.replace(make_card(), thresholds={"unknown": {"score": 0.999}})
    second = write_artifact(tmp_path / "2.tflite", labels=["rot", "gelb", "blau"], card=sure)
    (tmp_path / "cut.tflite").write_bytes(first.read_bytes()[:1000])
    link, photos = tmp_path / "m.tflite", tmp_path / "photos"
    photos.mkdir()
    link.symlink_to(first.name)

    def switch(target: str) -> None:
        (tmp_path / "new").symlink_to(target)
        os.replace(tmp_path / "new", link)  # noqa: PTH105
        job.process.send_signal(signal.SIGHUP)

    with running(link, *sources(photos), "--existing", "--json", "--smooth", 1000) as job:
        drop_photo(photos, "1.png", "red")
        assert job.event()["label"] == "red"
        switch("cut.tflite")
        assert re.fullmatch(r"note: .*m\.tflite.* the old model stays in use", job.note())
        drop_photo(photos, "2.png", "red")
        assert job.event()["label"] == "red"
        switch(second.name)
        assert job.note() == "note: opened again: m.tflite, 3 labels"
        drop_photo(photos, "3.png", "blue")
        event = job.event()
        assert (event["label"], event["unknown"], event["predictions"][0]["label"]) == ("unknown", True, "blau")
        assert job.end() == 0


def test_it_ends_with_its_terminal(model: Path, tmp_path: Path) -> None:
    """Otherwise it would go on unseen and keep the camera."""
    ours, theirs = os.openpty()
    with running(model, *sources(tmp_path), "--existing", "--json", stdin=theirs, start_new_session=True) as job:
        os.close(theirs)
        drop_photo(tmp_path, "1.png", "red")
        assert job.event()["label"] == "red"
        os.close(ours)
        assert job.end(signal.SIGHUP) == 0


# Uncertain photos, full disks


def test_uncertain_photos_are_kept(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    between = tmp_path / "between.png"
    mixed = tuple((a + b) // 2 for a, b in zip(COLOURS["red"], COLOURS["green"]))
    Image.new("RGB", (64, 48), mixed).save(between)
    folder = tmp_path / "uncertain"
    done = run_device(model, *sources(photos["blue"], between), "--save-uncertain", folder, "--max-mb", 1)
    assert (done.returncode, done.stderr) == (0, "")
    kept = [path for path in folder.rglob("*") if path.is_file()]
    assert len(kept) == 1
    assert kept[0].read_bytes() == between.read_bytes()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z_(red|green)-\d\d_(red|green)-\d\d\.png", kept[0].name)
    assert kept[0].parent.name in COLOURS


def test_a_full_disk_stops_nothing(model: Path, tmp_path: Path) -> None:
    """A real one: a small file system for the queue and the uncertain photos, filled while it runs."""
    disk, photos = tmp_path / "disk", tmp_path / "photos"
    disk.mkdir()
    photos.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if subprocess.run(["sh", "-c", f"unshare -m {' '.join(mount)}"], capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    with running(
        model, *sources(photos), "--existing", "--json", "--mqtt", "mqtt://127.0.0.1:1/x", "--queue", disk / "queue",
        "--save-uncertain", disk / "uncertain", "--uncertain-below", 1,
        prefix=["unshare", "-m", "sh", "-c", f'{" ".join(mount)} && exec "$@"', "sh"],
    ) as job:  # fmt: skip
        drop_photo(photos, "0.png", "red")
        assert job.event()["seq"] == 1
        assert "connection refused" in job.note()
        filler = Path(f"/proc/{job.process.pid}/root{disk}/filler")
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        for number in range(1, 5):
            drop_photo(photos, f"{number}.png", "red")
        assert [job.event()["seq"] for _ in range(4)] == [2, 3, 4, 5]
        noted = {job.note(), job.note()}
        assert "note: cannot keep uncertain photos: no space left on device" in noted
        assert any(note.startswith(f"note: cannot store events in {disk}/queue: ") for note in noted)
        filler.unlink()
        drop_photo(photos, "5.png", "red")
        assert job.event()["seq"] == 6
        assert job.note() == f"note: events are stored in {disk}/queue again"
        assert job.end() == 0
        assert job.rest() == [f"note: 6 events wait in {disk}/queue for broker 127.0.0.1:1"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_on_a_full_disk(model: Path, photos: dict[str, Path]) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_device(model, *sources(photos["red"]), stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


# Wrong usage, and what is loaded


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fps", "5", "--every", "2"], "--fps or --every, not both"),
        (["--size", "big"], "'big' is not a size; write it as 640x480"),
        (["--fps", "0"], "--fps"),
        (["--threshold", "1.5"], "--threshold"),
        (["--smooth", "-1"], "--smooth"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_wrong_usage(options: list[str], words: str, model: Path, photos: dict[str, Path]) -> None:
    done = invoke(model, *sources(photos["red"]), *options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in " ".join(done.stderr.split())


def test_without_a_source(model: Path) -> None:
    done = invoke(model)
    assert done.exit_code == 2
    assert "--source" in done.stderr


def test_a_model_cut_short(model: Path, photos: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(model.read_bytes()[:-100])
    assert "cut short" in error_line(run_device(tmp_path / "m.tflite", *sources(photos["red"])))


LOADED = """
import json, sys
from graft_device import cli
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)))
"""


def loaded(*args: object) -> set[str]:
    command = [sys.executable, "-c", LOADED, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_each_loads_only_what_it_needs(model: Path, photos: dict[str, Path]) -> None:
    ours = {
        "graft_device.run.watching",
        "graft_device.sources",
        "graft_device.outputs.events",
        "graft_device.outputs.event_queue",
    }
    theirs = {"av", "paho", "sqlite3", "picamera2"}
    searching = {"graft_device.sources"}  # the folders that classify takes, too
    assert not loaded("classify", model, photos["red"]) & (ours - searching | theirs)
    assert not loaded("run", "--help") & (ours | theirs | {"numpy"})
    running_photos = loaded("run", model, "--source", photos["red"])
    assert "graft_device.run.watching" in running_photos
    assert not running_photos & (
        theirs
        | {"graft_device.outputs.event_queue", "graft_device.outputs.queued", "graft_device.mqtt.publisher"}
        | {"graft_device.outputs.uncertain_store"}
    )


# The loop by itself


def calling(show: Callable[[Event], object]) -> Outputs:
    """Outputs with one sink, which calls a function with each event."""
    sinks = FanOut(print)
    sinks.add(Calling(show, ends_run=True))
    return Outputs(sinks, lambda *_: None)


def test_the_limit_counts_frames_and_the_rest_is_not_read(model: Path, photos: dict[str, Path]) -> None:
    shown: list[Event] = []
    outputs = calling(shown.append)
    places = [str(path) for path in photos.values()] * 3
    seen = watch_one(Photos(places), Classifier(model), outputs, Stop(), print, limit=4)
    assert (seen.frames, seen.failed) == (4, 0)
    assert [event.seq for event in shown] == [1, 2, 3, 4]
    assert [event.photo for event in shown] == places[:4]


class Reopened:
    """A camera that sees one colour before it is lost, and another when it is back."""

    live = False
    name = "camera"

    def __init__(self, before: Path, after: Path) -> None:
        self._paths = [str(before)] * 3 + [str(after)]

    def frames(self, stop: Stop) -> Iterator[Frame | None]:  # noqa: ARG002
        for number, path in enumerate(self._paths, 1):
            load = functools.partial(str, path)
            yield Frame(load, self.name, number, "2026-01-31T12:00:00.000Z", 0.0, session=int(number == 4))


def test_frames_from_before_a_camera_was_lost_no_longer_count(model: Path, photos: dict[str, Path]) -> None:
    shown: list[Event] = []
    outputs = calling(shown.append)
    source = Reopened(photos["red"], photos["blue"])
    watch_one(source, Classifier(model), outputs, Stop(), print, smooth=1000)
    assert [event.label for event in shown] == ["red", "red", "red", "blue"]


class TimedPhotos(Photos):
    """Photos, and when the first of them was given."""

    started = 0.0

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        self.started = time.monotonic()
        yield from super().frames(stop)


def test_photos_at_a_rate(model: Path, photos: dict[str, Path]) -> None:
    moments: list[float] = []
    outputs = calling(lambda _: moments.append(time.monotonic()))
    source = TimedPhotos([str(photos["red"])] * 4)
    watch_one(source, Classifier(model), outputs, Stop(), print, interval=0.1)
    assert len(moments) == 4
    for number, moment in enumerate(moments):
        assert moment - source.started >= number * 0.1 - 0.001


def test_a_stop_ends_the_wait(model: Path, photos: dict[str, Path]) -> None:
    stop, shown = Stop(), []

    def show(event: Event) -> None:
        shown.append(event)
        stop.wanted = True

    outputs = calling(show)
    watch_one(Photos([str(photos["red"])] * 4), Classifier(model), outputs, stop, print, interval=3600)
    assert len(shown) == 1


def test_a_sign_of_life_while_frames_are_skipped(
    model: Path, photos: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The source skips frames until systemd has had five signs of life, and has one frame then."""
    signs: list[int] = []
    monkeypatch.setattr(notify, "watchdog", lambda: signs.append(1))

    class Skipping(Photos):
        def frames(self, stop: Stop) -> Iterator[Frame | None]:
            while len(signs) < 5:
                time.sleep(0.01)
                yield None
            yield from super().frames(stop)

    outputs = calling(lambda _: None)
    assert watch_one(Skipping([str(photos["red"])]), Classifier(model), outputs, Stop(), print).frames == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_followed_while_a_photo_is_decoded(number: int, model: Path, photos: dict[str, Path]) -> None:
    """The photo takes for ever, and the run ends nevertheless."""
    program = "import time, PIL.Image as i; i.Image.load = lambda s: time.sleep(1000)\n"
    patch = (
        "import graft_device.preprocess.decoding_process as d; words = d.command\n"
        f"d.command = lambda name: [{program!r} + w if 'importlib' in w else w for w in words(name)]"
    )
    with running(model, *sources(photos["red"]), patch=patch) as job:
        children = Path(f"/proc/{job.process.pid}/task/{job.process.pid}/children")
        eventually(lambda: bool(children.read_text()))
        time.sleep(0.5)
        assert job.end(number) == (0 if number == signal.SIGTERM else 130)
