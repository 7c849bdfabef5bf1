"""``graft-device run`` with full disks, signals at bad times, and files that change."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import error_line
from tests.device.test_runtime import each_runtime
from tests.support.broker import Mosquitto, Subscriber
from tests.support.device_models import write_artifact
from tests.support.running import COMMAND, PATIENCE_S, drop_photo, eventually, run_device, running
from tests.support.web_camera import WebCamera

BASE = "garden/cam"
WITH_DEV_FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@each_runtime
def test_a_model_file_that_is_written_over(runtime: str, model: Path, photos: Path, tmp_path: Path) -> None:
    """An interpreter maps its file. If the file shrinks in place, reading it is a bus error."""
    live = tmp_path / "live.tflite"
    live.write_bytes(model.read_bytes())
    with running(live, "--source", photos, "--existing", "--json", "--runtime", runtime) as job:
        drop_photo(photos, "1.png", "red")
        assert job.event()["label"] == "red"
        live.write_bytes(b"")
        drop_photo(photos, "2.png", "blue")
        assert job.event()["label"] == "blue"
        assert job.end() == 0


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 0), ("SIGINT", 130), ("SIGHUP", 0)])
def test_a_signal_while_the_model_is_opened(number: str, status: int, model: Path, photos: Path) -> None:
    drop_photo(photos, "1.png", "red")
    program = (
        "import os, signal, sys, graft_device.run.opened as opened, graft_device.system.stopping as stopping\n"
        f"stopping.GRACE_S = {PATIENCE_S}\n"
        "real = opened.open_copy\n"
        f"opened.open_copy = lambda *args: (os.kill(os.getpid(), signal.{number}), real(*args))[1]\n"
        "from graft_device import cli; cli.main()"
    )
    arguments = ["run", str(model), "--source", str(photos), "--existing", "--once"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == status, done.stderr
    assert (": red" in done.stdout) == (number == "SIGHUP")


@WITH_DEV_FULL
def test_notes_that_cannot_be_written(model: Path, photos: Path, tmp_path: Path) -> None:
    """The log's disk is full while the broker is lost and comes back."""
    with (
        Path("/dev/full").open("w") as full,
        Mosquitto(tmp_path) as broker,
        Subscriber(broker.port) as subscriber,
        running(
            model, "--source", photos, "--existing", "--json", "--queue", tmp_path / "queue", "--mqtt",
            f"mqtt://127.0.0.1:{broker.port}/{BASE}", stderr=full,
        ) as job,
    ):  # fmt: skip
        drop_photo(photos, "1.png", "red")
        assert job.event()["seq"] == 1
        eventually(lambda: len(subscriber.events(BASE)) == 1)
        broker.kill()
        (photos / "bad.png").write_bytes(b"no picture")
        drop_photo(photos, "2.png", "red")
        while job.event().get("seq") != 2:
            pass
        broker.start()
        subscriber.wait()
        drop_photo(photos, "3.png", "red")
        eventually(lambda: {event["seq"] for event in subscriber.events(BASE)} == {1, 2, 3})
        assert job.end() == 0


@WITH_DEV_FULL
def test_events_that_cannot_be_printed_still_go_to_the_broker(model: Path, photos: Path, tmp_path: Path) -> None:
    for number in range(3):
        drop_photo(photos, f"{number}.png", "red")
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber, Path("/dev/full").open("w") as full:
        done = run_device(
            model, "--source", photos, "--once", "--existing", "--queue", tmp_path / "queue", "--mqtt",
            f"mqtt://127.0.0.1:{broker.port}/{BASE}", stdout=full,
        )  # fmt: skip
        eventually(lambda: len(subscriber.events(BASE)) == 3)
    assert done.stderr == (
        f"note: cannot print events: no space left on device; they still go to broker 127.0.0.1:{broker.port}\n"
    )
    assert done.returncode == 0


@WITH_DEV_FULL
def test_classify_goes_on_where_an_error_cannot_be_printed(model: Path, photos: Path) -> None:
    good = drop_photo(photos, "1.png", "red")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND[:-1], "classify", str(model), "missing.png", str(good)],
            stdout=subprocess.PIPE, stderr=full, text=True, check=False, timeout=60,
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout.startswith(f"{good}: red ")


def test_a_disk_that_is_full_from_the_start(model: Path, photos: Path, tmp_path: Path) -> None:
    """A service that is started again on a full card must go on classifying and publishing."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m none {disk}"
    if subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    fill = f'{mount} && (cat /dev/zero > {disk}/filler 2>/dev/null; true) && exec "$@"'
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber:
        url = f"mqtt://127.0.0.1:{broker.port}/{BASE}"
        with running(
            model, "--source", photos, "--existing", "--json", "--mqtt", url, "--queue", disk / "queue",
            prefix=["unshare", "-m", "sh", "-c", fill, "sh"],
        ) as job:  # fmt: skip
            drop_photo(photos, "1.png", "red")
            assert job.event()["seq"] == 1
            eventually(lambda: len(subscriber.events(BASE)) == 1)
            assert job.note().startswith(f"note: cannot store events in {disk}/queue: ")
            subscriber.wait()  # the broker has acknowledged the event before it answers this
            broker.kill()
            assert "the connection was lost" in job.note()
            drop_photo(photos, "2.png", "red")
            assert job.event()["seq"] == 2
            Path(f"/proc/{job.process.pid}/root{disk}/filler").unlink()
            drop_photo(photos, "3.png", "red")
            assert job.event()["seq"] == 3
            while (note := job.note()) != f"note: events are stored in {disk}/queue again":
                assert "trying again" in note
            assert job.end() == 0
            assert f"note: 2 events wait in {disk}/queue for broker 127.0.0.1:{broker.port}" in job.rest()


def test_two_runs_of_one_topic_leave_each_other_alone(model: Path, photos: Path, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber, contextlib.ExitStack() as stack:
        args = [model, "--source", photos, "--json", "--mqtt", f"mqtt://127.0.0.1:{broker.port}/{BASE}"]
        first, second = (stack.enter_context(running(*args, "--queue", tmp_path / name)) for name in ("q1", "q2"))
        eventually(lambda: subscriber.texts(f"{BASE}/status") == ["online"] * 2)
        for job in (first, second):
            job.watches()
        time.sleep(1)
        drop_photo(photos, "1.png", "red")
        assert {job.event()["seq"] for job in (first, second)} == {1}
        eventually(lambda: len(subscriber.events(BASE)) == 2)
        assert subscriber.texts(f"{BASE}/status") == ["online"] * 2
        assert [job.end() for job in (first, second)] == [0, 0]
        assert first.rest() + second.rest() == []


def test_certificates_that_are_missing_for_a_moment(model: Path, photos: Path, tmp_path: Path) -> None:
    """They are read again for each connection. One failure must not end the tries."""
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    key, certificate, trust = (tmp_path / name for name in ("key.pem", "cert.pem", "trust.pem"))
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run([*map(str, make), *subject], check=True, capture_output=True)
    trust.write_bytes(certificate.read_bytes())
    with Mosquitto(tmp_path, f"certfile {certificate}", f"keyfile {key}") as broker:
        url = f"mqtts://127.0.0.1:{broker.port}/{BASE}?ca={trust}"
        with running(
            model, "--source", photos, "--existing", "--json", "--mqtt", url, "--queue", tmp_path / "queue"
        ) as job:
            drop_photo(photos, "1.png", "red")
            assert job.event()["seq"] == 1
            os.rename(trust, tmp_path / "aside.pem")  # noqa: PTH104
            broker.kill()
            while "cannot use the certificates in" not in job.note():
                pass
            os.rename(tmp_path / "aside.pem", trust)  # noqa: PTH104
            broker.start()
            while "is back" not in job.note():
                pass
            assert job.end() == 0
            assert job.rest() == []


def test_uncertain_photos_are_not_kept_in_the_watched_folder(model: Path, photos: Path) -> None:
    drop_photo(photos, "a.png", "red")
    done = run_device(
        model, "--source", photos, "--existing", "--once", "--save-uncertain", photos, "--uncertain-below", 1
    )
    assert done.returncode == 1
    assert "keep them in another folder" in error_line(done)


def test_uncertain_photos_below_the_watched_folder_are_not_classified_again(model: Path, photos: Path) -> None:
    with running(
        model,
        "--source",
        photos,
        "--existing",
        "--json",
        "--save-uncertain",
        photos / "uncertain",
        "--uncertain-below",
        1,
    ) as job:
        drop_photo(photos, "a.png", "red")
        assert job.event()["seq"] == 1
        time.sleep(2.5)  # several scans of the folder
        drop_photo(photos, "b.png", "blue")
        assert job.event()["label"] == "blue"
        assert job.end() == 0


@pytest.mark.parametrize(
    "options", [["--max-mb", "nan"], ["--queue-mb", "inf"], ["--smooth", "nan"], ["--every", "nan"], ["--fps", "nan"],
                ["--threshold", "nan"], ["--uncertain-below", "nan"]],
)  # fmt: skip
def test_options_that_are_not_finite_numbers(options: list[str], model: Path, photos: Path) -> None:
    done = run_device(model, "--source", photos, "--once", *options)
    assert done.returncode == 2
    assert "is not a finite number" in done.stderr


def test_without_a_home_folder_a_queue_must_be_named(model: Path, photos: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in {"HOME", "XDG_STATE_HOME"}}
    program = "import os; os.path.expanduser = lambda path: path\nfrom graft_device import cli; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "run", str(model), "--source", str(photos), "--mqtt", "mqtt://127.0.0.1:1/x"],
        capture_output=True, text=True, check=False, timeout=60, env=environment,
    )  # fmt: skip
    assert done.stderr == "error: there is no home folder to keep events in; name a folder with --queue\n"
    assert done.returncode == 1


# A source that is away

AWAY_SOON = f"""
import graft_device.run.presence as p, graft_device.sources.cameras as c, graft_device.sources.web as w
update, p.AWAY_S = p.Presence.update, 1.0
p.Presence.update = lambda presence, silent_s=0.0: update(presence)
c.TIMEOUT_S = w.SILENCE_S = w.TOTAL_S = {PATIENCE_S}
"""
"""A lost source counts as away after a second, and a slow one never does: the machine may be busy."""


def _mqtt(broker: Mosquitto, tmp_path: Path) -> list[object]:
    return ["--mqtt", f"mqtt://127.0.0.1:{broker.port}/{BASE}", "--queue", tmp_path / "queue"]


def _status(subscriber: Subscriber) -> list[str]:
    """The status as Home Assistant follows it: where the discovery message points to."""
    configs = [json.loads(body) for topic, body, _ in list(subscriber.messages) if topic.endswith("/config")]
    (topic,) = {config["availability_topic"] for config in configs}
    return subscriber.texts(topic)


@pytest.mark.parametrize("path", ["/stream", "/still.jpg"])
def test_a_camera_that_is_away_is_offline_and_online_again_with_its_next_frame(
    path: str, model: Path, tmp_path: Path
) -> None:
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber, WebCamera() as camera:
        args = [model, "--source", camera.url + path, "--changes", "--json", *_mqtt(broker, tmp_path)]
        with running(*args, "--every", "0.2", patch=AWAY_SOON) as job:
            assert job.event()["label"] == "red"
            eventually(lambda: len(subscriber.events(BASE)) == 1)
            time.sleep(2)  # the label does not change, so there are no events, but there are frames
            assert _status(subscriber) == ["online"]
            camera.unplug()
            assert "trying to open it again" in job.note()
            eventually(lambda: _status(subscriber) == ["online", "offline"])
            camera.colour = "blue"
            camera.plug()
            assert job.note().endswith(" is back")
            eventually(lambda: _status(subscriber) == ["online", "offline", "online"])
            assert job.event()["label"] == "blue"
            job.end(signal.SIGKILL)
        eventually(lambda: _status(subscriber)[3:] == ["offline"])


def test_a_camera_is_offline_after_a_broker_came_back_meanwhile(model: Path, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber, WebCamera() as camera:
        args = [model, "--source", f"{camera.url}/stream", "--json", *_mqtt(broker, tmp_path)]
        with running(*args, "--changes", patch=AWAY_SOON) as job:
            job.event()
            camera.unplug()
            eventually(lambda: subscriber.texts(f"{BASE}/status")[-1:] == ["offline"])
            broker.kill()
            broker.start()
            subscriber.wait()
            time.sleep(1.5)
            assert subscriber.texts(f"{BASE}/status")[-1] == "offline"
            assert job.end() == 0


def test_a_quiet_folder_is_online_and_a_lost_one_is_not(model: Path, photos: Path, tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Subscriber(broker.port) as subscriber:
        args = [model, "--source", photos, "--json", *_mqtt(broker, tmp_path)]
        with running(*args, patch=AWAY_SOON) as job:
            eventually(lambda: subscriber.texts(f"{BASE}/status") == ["online"])
            time.sleep(2)
            assert subscriber.texts(f"{BASE}/status") == ["online"]
            photos.rename(tmp_path / "gone")
            eventually(lambda: subscriber.texts(f"{BASE}/status") == ["online", "offline"])
            (tmp_path / "gone").rename(photos)
            eventually(lambda: subscriber.texts(f"{BASE}/status") == ["online", "offline", "online"])
            assert job.end() == 0
        eventually(lambda: subscriber.texts(f"{BASE}/status")[-1] == "offline")
