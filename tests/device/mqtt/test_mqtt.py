from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from graft_device.mqtt.broker import MqttError, parse_broker
from graft_device.mqtt.publisher import Mqtt
from graft_device.outputs.event_queue import EventQueue
from graft_device.system.backoff import Backoff
from tests.device.outputs.test_event_queue import make_event
from tests.support.broker import Link, Mosquitto, Subscriber
from tests.support.certificates import localhost_certificate
from tests.support.device_models import write_artifact
from tests.support.home_assistant import render
from tests.support.ports import free_port
from tests.support.running import PATIENCE_S, drop_photo, eventually, run_device, running

BASE = "garden/door"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left at the end of a run is delivered, however long that takes."""
    monkeypatch.setattr("graft_device.outputs.queued.FLUSH_S", PATIENCE_S)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@contextmanager
def publishing(folder: Path, port: int, query: str = "", cap: float = 0.2) -> Iterator[Any]:
    """A function that sends an event, its queue, and the notes."""
    notes: list[str] = []
    queue = EventQueue(folder / "queue", 10**7, notes.append)
    broker = parse_broker(f"mqtt://127.0.0.1:{port}/{BASE}{query}")
    sink = Mqtt(broker, queue, "pets.tflite", notes.append, Backoff(0.05, cap))

    def send(label: str = "cats") -> str:
        event = replace(make_event(label), seq=sink.last_number + 1)
        sink.put(event)
        return event.id

    try:
        yield send, queue, notes
    finally:
        sink.close()


# URLs


def test_a_url_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = parse_broker("mqtts://me%40home:s%2Fecret@broker.lan:9999/garden/cam%201/?ca=/etc/ca.pem&discovery=ha")
    assert (broker.host, broker.port, broker.tls) == ("broker.lan", 9999, True)
    assert (broker.user, broker.password, broker.ca) == ("me@home", "s/ecret", "/etc/ca.pem")
    assert (broker.base, broker.discovery) == ("garden/cam 1", "ha")
    assert "ecret" not in repr(broker)
    assert "ecret" not in broker.name


def test_a_short_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAFT_MQTT_PASSWORD", "from outside")
    broker = parse_broker("mqtt://me@[::1]")
    assert (broker.host, broker.port, broker.tls) == ("::1", 1883, False)
    assert (broker.user, broker.password) == ("me", "from outside")
    assert broker.base == f"graftkit/{socket.gethostname()}"
    assert broker.discovery == "homeassistant"
    assert parse_broker("mqtts://host?discovery=off").discovery is None
    assert parse_broker("mqtts://host").port == 8883
    assert parse_broker("mqtt://host").password is None, "a password is for a user"


@pytest.mark.parametrize(
    "url",
    [
        "", "broker", "http://broker", "mqtt://", "mqtt://h:port/", "mqtt://h:99999", "mqtt://[::1", "mqtt://h/a/+/b",
        "mqtt://h/a%23", "mqtt://h/$SYS/x", "mqtt://h/a?retain=1", "mqtt://h/?ca=/x", "mqtts://h/#part", "mqtt://h/?x",
        "mqtt://h/\udcff",
    ],
)  # fmt: skip
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(MqttError, match=r"\S") as caught:
        parse_broker(url.replace("://", "://me:hush@", 1) if "://h" in url else url)
    assert "hush" not in str(caught.value)


def test_where_the_queue_is_stored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = parse_broker("mqtt://h/a/b"), parse_broker("mqtt://h/a/c")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert first.queue_folder.parent == tmp_path / "graftkit" / "queue"
    assert first.queue_folder != second.queue_folder
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/service:{tmp_path}/other")
    assert first.queue_folder.parent == tmp_path / "service" / "queue"


def test_clients_of_one_broker_differ(tmp_path: Path) -> None:
    first, second = parse_broker("mqtt://h/a"), parse_broker("mqtt://h/b")
    assert first.sensor_id != second.sensor_id
    assert first.sensor_id == parse_broker("mqtt://h/a").sensor_id
    assert first.client_id(tmp_path) == parse_broker("mqtt://h/a").client_id(tmp_path)
    assert len({first.client_id(tmp_path), second.client_id(tmp_path), first.client_id(tmp_path / "q")}) == 3
    assert len(first.client_id(tmp_path)) <= 23, "every broker accepts this length"


# What is published


def test_events_state_status_and_discovery(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(mosquitto.port) as subscriber:
        with publishing(tmp_path, mosquitto.port) as (send, queue, notes):
            sent = [send("cats"), send("dogs")]
            eventually(lambda: len(queue) == 0)
            eventually(lambda: bool(subscriber.texts(f"{BASE}/state")))
        eventually(lambda: subscriber.texts(f"{BASE}/status") == ["online", "offline"])
        assert [event["id"] for event in subscriber.events(BASE)] == sent
        assert [event["seq"] for event in subscriber.events(BASE)] == [1, 2]
        assert notes == []
    with Subscriber(mosquitto.port) as late:  # a late subscriber gets the retained messages
        eventually(lambda: sum(kept for _, _, kept in late.messages) >= 3)
        retained = {topic: body for topic, body, kept in late.messages if kept}
    broker = parse_broker(f"mqtt://h/{BASE}")
    discovery = json.loads(retained.pop(f"homeassistant/sensor/{broker.sensor_id}/config"))
    state = retained.pop(f"{BASE}/state")
    assert json.loads(state)["label"] == "dogs"
    assert {topic for topic in retained if topic.startswith(BASE)} <= {f"{BASE}/status", f"{BASE}/diagnostics"}
    assert retained[f"{BASE}/status"] == b"offline"
    assert discovery["state_topic"] == discovery["json_attributes_topic"] == f"{BASE}/state"
    assert discovery["availability_topic"] == f"{BASE}/status"
    assert render(discovery["value_template"], state) == "dogs"
    assert "value_json.score" in discovery["json_attributes_template"]
    assert discovery["unique_id"] in discovery["device"]["identifiers"]
    assert discovery["device"]["model"] == "pets.tflite"
    assert discovery["origin"]["name"] == "graftkit"


def test_no_discovery_if_it_is_off(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(mosquitto.port) as subscriber:
        with publishing(tmp_path, mosquitto.port, "?discovery=off") as (send, queue, _):
            send()
            eventually(lambda: len(queue) == 0)
        eventually(lambda: "offline" in subscriber.texts(f"{BASE}/status"))
        assert {topic for topic, _, _ in subscriber.messages} - {f"{BASE}/diagnostics"} == {
            f"{BASE}/{name}" for name in ("event", "state", "status")
        }


def test_hundreds_of_events_at_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(mosquitto.port) as subscriber, publishing(tmp_path, mosquitto.port) as (send, queue, _):
        sent = [send(f"label {n}") for n in range(500)]
        eventually(lambda: len(queue) == 0)
        eventually(lambda: len(subscriber.events(BASE)) == 500)
        assert [event["id"] for event in subscriber.events(BASE)] == sent


# What goes wrong


def test_a_broker_that_comes_late(tmp_path: Path) -> None:
    port = free_port()
    with publishing(tmp_path, port) as (send, queue, notes):
        sent = [send(), send(), send()]
        eventually(lambda: bool(notes))
        time.sleep(0.5)  # several tries
        assert notes == [f"broker 127.0.0.1:{port}: connection refused; trying again, events are kept"]
        assert len(queue) == 3
        with Mosquitto(tmp_path, port=port) as broker, Subscriber(broker.port) as subscriber:
            eventually(lambda: len(queue) == 0)
            eventually(lambda: len(notes) == 2)
            assert notes[1] == f"broker 127.0.0.1:{port} is back; 3 events to send"
            send()
            eventually(lambda: bool(subscriber.events(BASE)))
    assert len(sent) == 3


def test_a_second_delivery_can_be_recognized(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The acknowledgement is lost on the way: the event arrives twice, with the same id and number."""
    with Subscriber(mosquitto.port) as subscriber, Link(mosquitto.port) as link:
        with publishing(tmp_path, link.port) as (send, queue, _):
            first = send()
            eventually(lambda: len(queue) == 0)
            link.swallow()
            lost = [send(), send()]
            eventually(lambda: len(subscriber.events(BASE)) == 3)
            lost.append(send())
            eventually(lambda: len(subscriber.events(BASE)) == 4)
            assert len(queue) == 3, "arriving is not enough: the broker must acknowledge it"
            link.cut()
            eventually(lambda: len(queue) == 0)
            last = send()
            eventually(lambda: len(queue) == 0)
            eventually(lambda: len(subscriber.events(BASE)) == 8)
        events = subscriber.events(BASE)
    twice = [(lost[0], 2), (lost[1], 3), (lost[2], 4)]
    assert [(event["id"], event["seq"]) for event in events] == [(first, 1), *twice, *twice, (last, 5)]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x20\x02\x00"])
def test_a_server_that_is_not_a_broker(answer: bytes, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(1000)
                    client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        with publishing(tmp_path, server.getsockname()[1]) as (send, queue, notes):
            send()
            eventually(lambda: bool(notes))
            time.sleep(0.3)
            assert len(queue) == 1
            assert all("trying again, events are kept" in note for note in notes), notes
            assert len(notes) <= 2
        server.shutdown(socket.SHUT_RDWR)


def test_no_descriptor_or_thread_is_left(tmp_path: Path) -> None:
    """A broker that closes every connection at once, forty times over."""
    count = 0
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            nonlocal count
            while True:
                try:
                    server.accept()[0].close()
                except OSError:
                    return
                count += 1

        threading.Thread(target=serve, daemon=True).start()
        with publishing(tmp_path, server.getsockname()[1], cap=0.02) as (send, _, _notes):
            send()
            eventually(lambda: count >= 3)
            before = _descriptors()
            eventually(lambda: count >= 40)
            assert _descriptors() <= before + 3
            assert sum(thread.name.startswith("to broker ") for thread in threading.enumerate()) == 1
        server.shutdown(socket.SHUT_RDWR)
    eventually(lambda: not any(thread.name.startswith("to broker ") for thread in threading.enumerate()))


# The command, with a broker that is killed


def test_a_broker_killed_twice_loses_no_event(model: Path, tmp_path: Path) -> None:
    """Photos keep coming while a real mosquitto is killed with SIGKILL and started again.

    The second time it is frozen before, so that nothing that is sent to it was acknowledged.
    """
    photos = tmp_path / "photos"
    photos.mkdir()
    colours = ("red", "green", "blue")
    broker = Mosquitto(tmp_path)
    url = f"mqtt://127.0.0.1:{broker.port}/{BASE}"
    with broker, Subscriber(broker.port) as subscriber:
        with running(
            model, "--source", photos, "--existing", "--json", "--mqtt", url, "--queue", tmp_path / "queue"
        ) as job:
            printed = []
            for burst in range(3):
                if burst == 1:
                    broker.freeze()
                printed += _shown(job, photos, {f"{burst}-{n}": colours[n] for n in range(3)})
                if burst == 0:
                    eventually(lambda: len(subscriber.events(BASE)) == 3)
                if burst < 2:
                    broker.kill()
                    printed += _shown(job, photos, {f"{burst}-{n}": colours[n % 3] for n in range(3, 6)})
                    broker.start()
                    subscriber.wait()
                    _delivered(subscriber, len(printed))
            _delivered(subscriber, 15)
            assert job.end(signal.SIGTERM) == 0
            notes = job.rest()
        eventually(lambda: subscriber.texts(f"{BASE}/status")[-1] == "offline")
        events = subscriber.events(BASE)
    assert {event["id"]: event for event in events} == {event["id"]: event for event in printed}
    first_time = list(dict.fromkeys(event["seq"] for event in events))
    assert first_time == sorted(first_time)
    assert 2 <= sum("trying again" in note for note in notes) <= 6, notes
    assert sum("is back" in note for note in notes) == 2, notes


def _delivered(subscriber: Subscriber, count: int) -> None:
    eventually(lambda: {event["seq"] for event in subscriber.events(BASE)} == set(range(1, count + 1)))


def test_killed_while_the_broker_is_away(model: Path, tmp_path: Path) -> None:
    """Both runs end with SIGKILL. The second delivers the events of the first, and goes on counting."""
    port = free_port()
    photos = tmp_path / "photos"
    photos.mkdir()
    args = [model, "--source", photos, "--json", "--queue", tmp_path / "queue"]
    url = f"mqtt://127.0.0.1:{port}/{BASE}"
    with running(*args, "--existing", "--mqtt", url) as job:
        printed = _shown(job, photos, {"a0": "red", "a1": "red", "a2": "red"})
        job.end(signal.SIGKILL)
    with Mosquitto(tmp_path, port=port), Subscriber(port) as subscriber:
        with running(*args, "--mqtt", url) as job:
            eventually(lambda: len(subscriber.events(BASE)) == 3)
            job.watches()
            printed += _shown(job, photos, {"b0": "blue"})
            eventually(lambda: len(subscriber.events(BASE)) == 4)
            eventually(lambda: subscriber.texts(f"{BASE}/status")[-1:] == ["online"])
            job.end(signal.SIGKILL)
        eventually(lambda: subscriber.texts(f"{BASE}/status")[-1] == "offline")  # the last will
        assert subscriber.events(BASE) == printed
        assert [event["seq"] for event in printed] == [1, 2, 3, 4]


def test_a_wrong_password_is_one_line_and_the_rest_goes_on(model: Path, tmp_path: Path) -> None:
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed")
    passwords = tmp_path / "passwords"
    subprocess.run([tool, "-c", "-b", str(passwords), "me", "right"], check=True, capture_output=True)
    photo = drop_photo(tmp_path, "red.png", "red")
    with Mosquitto(tmp_path, f"password_file {passwords}") as broker:
        url = f"mqtt://me@127.0.0.1:{broker.port}/{BASE}"
        args = [model, "--source", photo, "--mqtt", url, "--queue", tmp_path / "queue"]
        done = run_device(*args, env={**os.environ, "GRAFT_MQTT_PASSWORD": "hush"})
        assert (done.returncode, done.stdout[9:]) == (0, f"{photo}: red 97%\n"), done.stderr
        lines = done.stderr.splitlines()
        assert "hush" not in done.stderr
        assert len(lines) <= 2
        assert lines[-1] == f"note: 1 event waits in {tmp_path}/queue for broker 127.0.0.1:{broker.port}"
        done = run_device(*args, env={**os.environ, "GRAFT_MQTT_PASSWORD": "right"})
        assert (done.returncode, done.stderr) == (0, "")
        with running(
            model, "--source", tmp_path, "--mqtt", url, "--queue", tmp_path / "queue",
            env={**os.environ, "GRAFT_MQTT_PASSWORD": "hush"},
        ) as job:  # fmt: skip
            assert job.note() == (
                f"note: broker 127.0.0.1:{broker.port}: it refuses: not authorized; trying again, events are kept"
            )
            assert job.end() == 0
            assert job.rest() == []


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # paho leaves one whose handshake failed
def test_tls(tmp_path: Path) -> None:
    key, certificate = localhost_certificate(tmp_path)
    lines = [f"certfile {certificate}", f"keyfile {key}"]
    with Mosquitto(tmp_path, *lines) as mosquitto:
        for query, delivered in ((f"?ca={certificate}", True), ("", False)):
            notes: list[str] = []
            queue = EventQueue(tmp_path / f"queue{delivered}", 10**6, notes.append)
            broker = parse_broker(f"mqtts://localhost:{mosquitto.port}/{BASE}{query}")
            sink = Mqtt(broker, queue, "m", notes.append, Backoff(0.05, 0.1))
            sink.put(replace(make_event(), seq=1))
            eventually(lambda queue=queue, notes=notes: len(queue) == 0 or bool(notes))  # type: ignore[misc]
            sink.close()
            left = EventQueue(queue.folder, 10**6, notes.append)
            assert (len(left) == 0) is delivered
            assert (notes == []) is delivered
            assert delivered or "certificate verify failed" in notes[0]
            left.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://me:hush@h", "the broker's URL has no host"), ("mqtts://h/?ca=/nowhere", "cannot use the certificates")],
)
def test_urls_that_cannot_be_used_end_the_command(url: str, words: str, model: Path, tmp_path: Path) -> None:
    photo = drop_photo(tmp_path, "red.png", "red")
    done = run_device(model, "--source", photo, "--mqtt", url, "--queue", tmp_path / "queue")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {words}")
    assert len(done.stderr.splitlines()) == 1
    assert "hush" not in done.stderr


def _shown(job: Any, folder: Path, colours: dict[str, str]) -> list[dict[str, Any]]:
    """Moves photos into a watched folder and waits for their events."""
    for name, colour in colours.items():
        drop_photo(folder, f"{name}.png", colour)
    events = [job.event() for _ in colours]
    assert {Path(event["source"]).stem: event["label"] for event in events} == colours
    return events


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
