"""A run as a device of Home Assistant: its entities, what they show, and that none is left behind."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graft_device.config.sinks import MqttSettings
from graft_device.mqtt import broker as broker_module
from graft_device.mqtt import figures as figures_module
from graft_device.mqtt import publisher
from graft_device.mqtt.announced import FILE, Announced
from graft_device.mqtt.broker import parse_broker
from graft_device.mqtt.connection import Connection
from graft_device.mqtt.figures import AGAIN_S, EXPIRE_S, LOOK_S, Diagnostics, Figures
from graft_device.mqtt.home_assistant import Wanted, announcements
from graft_device.mqtt.opening import open_mqtt
from graft_device.mqtt.pictures import EVERY_S, MAX_BYTES, MAX_SIDE, Pictures
from graft_device.mqtt.publisher import Mqtt
from graft_device.mqtt.topics import topics_of
from graft_device.outputs.events import ENTER, LEAVE, Event
from graft_device.outputs.slugs import slugs
from graft_device.outputs.views import View
from graft_device.ranking import Prediction
from tests.device.outputs.test_event_queue import make_event
from tests.support.broker import Mosquitto, Subscriber
from tests.support.device_models import picture
from tests.support.home_assistant import Entity, by_topic, entities
from tests.support.running import PATIENCE_S, eventually

BASE = "garden/door"
CAT_DOG = ("cat", "dog")
DOOR = View("door", "door", None, "pets.tflite", CAT_DOG, 0.5)
BOWL = View("door-bowl", "door", "bowl", "pets.tflite", CAT_DOG, 0.5)
YARD = View("yard", "yard", None, "birds.tflite", ("tit", "finch"), 0.5)


@pytest.fixture(autouse=True)
def _patient_and_cool(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left at the end of a run is delivered, and this machine has a sensor of 51.4 degrees."""
    monkeypatch.setattr("graft_device.outputs.queued.FLUSH_S", PATIENCE_S)
    monkeypatch.setattr(publisher, "read_celsius", lambda: 51.4)
    monkeypatch.setattr(figures_module, "FIRST_S", 0.0)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as broker:
        yield broker


@contextlib.contextmanager
def run_of(
    folder: Path, port: int, *views: View, query: str = "", figures: Callable[[], Figures] | None = None, **wanted: Any
) -> Iterator[tuple[Mqtt, list[str]]]:
    """A sink and its notes."""
    notes: list[str] = []
    settings = MqttSettings("home", f"mqtt://127.0.0.1:{port}/{BASE}{query}", folder / "queue", **wanted)
    sink = open_mqtt(settings, views, "pets.tflite", figures, notes.append)
    try:
        yield sink, notes
    finally:
        sink.close()


def seen(view: View, label: str, kind: str = "answer", photo: Any = None, score: float = 0.875) -> Event:
    event = make_event(label)
    return replace(event, view=view.id, kind=kind, photo=photo, predictions=(Prediction(label, score),))


def put(sink: Mqtt, event: Event) -> None:
    sink.put(replace(event, seq=sink.last_number + 1))


def left_at(port: int) -> dict[str, Entity]:
    """The entities of a Home Assistant that starts now."""
    with Subscriber(port) as late:
        late.wait()
        return entities(late.messages)


def topics_at(port: int) -> set[str]:
    with Subscriber(port) as late:
        late.wait()
        return {topic for topic, _, kept in late.messages if kept}


# What a home sees


def test_a_run_with_one_view(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The sensor is the one of earlier versions: its topic, its id, its name."""
    with Subscriber(mosquitto.port) as home:
        with run_of(tmp_path, mosquitto.port, DOOR) as (sink, notes):
            put(sink, seen(DOOR, "cat"))
            expected = {f"sensor: {BASE}": "cat", "sensor: Score": "87.5", "sensor: Temperature": "51"}
            eventually(lambda: _states(home) == expected)
            assert notes == []
        eventually(lambda: not any(entity.available for entity in entities(home.messages).values()))
        sensor_id = parse_broker(f"mqtt://h/{BASE}").sensor_id
        (config,) = home.texts(f"homeassistant/sensor/{sensor_id}/config")
        shown = entities(home.messages)
    assert json.loads(config)["unique_id"] == sensor_id
    assert shown[f"sensor: {BASE}"].attributes["predictions"] == [{"label": "cat", "score": 0.875}]
    assert shown["sensor: Temperature"].config["entity_category"] == "diagnostic"
    assert {entity.config["device"]["identifiers"][0] for entity in shown.values()} == {sensor_id}


def test_a_binary_sensor_is_on_from_enter_to_leave_or_while_its_label_is_the_newest(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    with (
        Subscriber(mosquitto.port) as home,
        run_of(tmp_path, mosquitto.port, DOOR, binary_sensors=("*", "unknown")) as (sink, _),
    ):
        for event, label, on in (
            (seen(DOOR, "cat", ENTER), "cat", "cat"),
            (seen(DOOR, "cat", LEAVE), "none", None),
            (seen(DOOR, "dog"), "dog", "dog"),
            (replace(seen(DOOR, "dog"), unknown=True), "unknown", "unknown"),
        ):
            put(sink, event)
            expected = {f"binary_sensor: {name}": "on" if name == on else "off" for name in (*CAT_DOG, "unknown")}
            expected[f"sensor: {BASE}"] = label
            eventually(lambda expected=expected: expected.items() <= _states(home).items())  # type: ignore[misc]


def _states(home: Subscriber) -> dict[str, Any]:
    """The states of the entities that are available."""
    return {name: entity.state for name, entity in entities(home.messages).items() if entity.available}


def test_several_views_are_told_apart_and_each_follows_its_own_source(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with Subscriber(mosquitto.port) as home:
        with run_of(tmp_path, mosquitto.port, DOOR, BOWL, YARD, binary_sensors=("cat", "cow")) as (sink, notes):
            for event in (seen(DOOR, "cat"), seen(BOWL, "dog"), seen(YARD, "tit")):
                put(sink, event)
            eventually(lambda: _labels(home) == {"door": "cat", "door bowl": "dog", "yard": "tit"})
            sink.source_changed(False, "yard")
            eventually(lambda: _labels(home) == {"door": "cat", "door bowl": "dog"})
            sink.source_changed(True, "yard")
            eventually(lambda: len(_labels(home)) == 3)
            assert notes == ["no model has the label 'cow', so it gets no binary sensor"]
        eventually(lambda: _labels(home) == {})
        assert [event["view"] for event in home.events(BASE)] == ["door", "door-bowl", "yard"]
        binary = [name for name in entities(home.messages) if name.startswith("binary")]
    assert binary == ["binary_sensor: door cat", "binary_sensor: door bowl cat"]


def _labels(home: Subscriber) -> dict[str, Any]:
    states = _states(home)
    return {name: states[f"sensor: {name}"] for name in ("door", "door bowl", "yard") if f"sensor: {name}" in states}


def test_the_last_picture_is_the_newest_small_and_not_that_of_a_leave(mosquitto: Mosquitto, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), np.uint8)
    with Subscriber(mosquitto.port) as home:
        with run_of(tmp_path, mosquitto.port, DOOR, pictures=True) as (sink, _):
            put(sink, seen(DOOR, "cat", photo=noise))
            eventually(lambda: _picture(home) is not None)
            first = _picture(home)
            assert first is not None
            assert max(first.size) <= MAX_SIDE
            for colour in ("red", "green", "blue"):
                put(sink, seen(DOOR, "dog", photo=np.asarray(picture(colour))))
            put(sink, seen(DOOR, "dog", LEAVE, photo=noise))
        last = _picture(home)
        assert last is not None
        red, green, blue = last.resize((1, 1)).getpixel((0, 0))
        assert blue > 150 > max(red, green)
        assert all(len(body) <= MAX_BYTES for topic, body, _ in home.messages if topic.endswith("/picture"))


def _picture(home: Subscriber) -> Any:
    shown = entities(home.messages).get("image: Picture")
    return None if shown is None or shown.state is None else Image.open(io.BytesIO(shown.state))


def test_pictures_wait_for_each_other_and_a_photo_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    pictures = Pictures()
    red, blue = (np.asarray(picture(colour)) for colour in ("red", "blue"))
    pictures.put("a", red)
    pictures.put("b", str(tmp_path / "gone.jpg"))
    assert list(pictures.due(0.0)) == ["a"]
    pictures.put("a", red)
    pictures.put("a", blue)
    assert pictures.due(EVERY_S / 2) == {}
    (newest,) = pictures.due(EVERY_S).values()
    assert np.asarray(Image.open(io.BytesIO(newest)))[0, 0, 2] > 150
    pictures.put("a", red)
    assert list(pictures.due(EVERY_S, closing=True)) == ["a"]


def test_figures_are_published_when_they_change_and_before_they_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_module, "FIRST_S", 10.0)
    figures = [Figures(2.04, 81.6, 0.125)]
    diagnostics = Diagnostics(lambda: figures[0], lambda: None)
    assert diagnostics.names == ("fps", "latency", "unknown")
    assert diagnostics.due(-10.0) is None, "a run that has just begun has no figures"
    first = diagnostics.due(0.0)
    assert first is not None
    assert diagnostics.due(1.0) is None
    diagnostics.again()
    assert (diagnostics.due(2.0), diagnostics.due(3.0)) == (first, None)
    assert json.loads(first) == {"fps": 2.0, "latency": 82, "unknown": 12.5}
    assert diagnostics.due(LOOK_S - 1) is None
    assert diagnostics.due(LOOK_S) is None
    figures[0] = Figures(0.0)
    changed = diagnostics.due(2 * LOOK_S)
    assert changed is not None
    assert json.loads(changed) == {"fps": 0.0, "latency": None, "unknown": None}
    times = [
        now for now in itertools.takewhile(lambda now: now < 3000, itertools.count(100, 7)) if diagnostics.due(now)
    ]
    assert max(later - now for now, later in itertools.pairwise(times)) < EXPIRE_S
    assert min(later - now for now, later in itertools.pairwise(times)) >= AGAIN_S


def test_figures_of_the_run_are_diagnostic_sensors(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with (
        Subscriber(mosquitto.port) as home,
        run_of(tmp_path, mosquitto.port, DOOR, BOWL, figures=lambda: Figures(2.0, None, 0.25)),
    ):
        eventually(lambda: _states(home).get("sensor: Frame rate") == "2.0")
        shown = entities(home.messages)
    assert shown["sensor: Share of unknown"].state == "25.0"
    assert shown["sensor: Latency"].state is None
    assert shown["sensor: Latency"].available


# Names


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30)


@settings(max_examples=60)
@given(st.sets(NAMES, min_size=1, max_size=4), st.sets(NAMES, min_size=1, max_size=3), NAMES)
def test_names_in_any_script_make_valid_entities_that_differ(labels: set[str], sources: set[str], base: str) -> None:
    base = f"home/{re.sub(r'[^ -~]|[+#]', '-', base)}"
    broker = replace(parse_broker("mqtt://h/x"), base=base)
    views = [View(f"v-{n}", name, None, "m", tuple(labels), 0.0) for n, name in enumerate(sources)]
    topics = topics_of(base, views)
    assert len({topic for place in topics.places for topic in place.statuses}) == len(views) + (len(views) > 1)
    messages = announcements(broker, topics, Wanted("m", ("*",), True, ("fps", "temperature")))
    retained = [(topic, body, True) for topic, body in messages.items()]
    assert len(by_topic(retained)) == len(views) * (3 + len(labels)) + 2
    for view, place in zip(views, topics.places):
        for label in labels:
            event = (place.state, seen(view, label).to_line().encode(), True)
            shown = by_topic([*retained, event]).values()
            (on,) = (entity for entity in shown if entity.state == "on")
            assert on.config["name"].endswith(label.strip())
            assert on.config["state_topic"] == place.state


def test_boards_topics_and_views_never_share_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    clash = (View("a", "a", None, "m", ("b", "score"), 0.0), View("a-score", "a", "score", "m", ("b", "B", "b!"), 0.0))
    for machine in ("one", "two"):
        monkeypatch.setattr(broker_module, "_machine", lambda machine=machine: machine)
        for url in ("mqtt://h/a", "mqtt://h/b", "mqtt://h/a/b"):
            broker = parse_broker(url)
            messages = announcements(broker, topics_of(broker.base, clash), Wanted("m", ("*",), True, ("fps",)))
            ids += [json.loads(body)["unique_id"] for body in messages.values()]
    assert len(ids) == 6 * (3 * 2 + 5 + 1)
    assert len(set(ids)) == len(ids)


def test_slugs_are_readable_and_differ() -> None:
    assert slugs(["Front Door", "Küche", "cam_2"]) == {"Front Door": "front-door", "Küche": "kuche", "cam_2": "cam-2"}
    odd = slugs(["日本", "🐈", "a b", "a-b", "A B"])
    assert len(set(odd.values())) == 5
    assert all(re.fullmatch(r"[a-z0-9-]+", slug) for slug in odd.values())
    assert slugs(["a b", "A B", "c"])["a b"] == odd["a b"], "another name does not change it"


# Nothing is left behind


def test_entities_that_a_run_no_longer_has_are_cleared(mosquitto: Mosquitto, tmp_path: Path) -> None:
    port = mosquitto.port
    with run_of(tmp_path, port, DOOR, YARD, binary_sensors=("cat", "tit"), pictures=True) as (sink, _):
        for view in (DOOR, YARD):
            put(sink, seen(view, view.labels[0], photo=np.asarray(picture("red"))))
    before = topics_at(port)
    assert {f"{BASE}/yard/state", f"{BASE}/yard/picture", f"{BASE}/yard/status"} <= before
    assert len(left_at(port)) == 9
    with run_of(tmp_path, port, DOOR, binary_sensors=("dog",)):
        eventually(lambda: "binary_sensor: dog" in left_at(port))
    assert left_at(port).keys() == {
        f"sensor: {BASE}", "sensor: Score", "binary_sensor: dog", "sensor: Temperature"
    }  # fmt: skip
    assert {topic for topic in topics_at(port) if topic.startswith(BASE)} == {f"{BASE}/status", f"{BASE}/diagnostics"}
    with run_of(tmp_path, port, DOOR, query="?discovery=off"):
        eventually(lambda: left_at(port) == {})


def test_a_new_model_changes_the_entities_of_a_run(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with run_of(tmp_path, mosquitto.port, DOOR, binary_sensors=("*",)) as (sink, _):
        eventually(lambda: "binary_sensor: cat" in left_at(mosquitto.port))
        sink.show([replace(DOOR, labels=("fox",))], "foxes.tflite")
        eventually(lambda: "binary_sensor: fox" in left_at(mosquitto.port))
        eventually(lambda: "binary_sensor: cat" not in left_at(mosquitto.port))
        assert left_at(mosquitto.port)["binary_sensor: fox"].config["device"]["model"] == "foxes.tflite"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("moment", [0, 1, 4, 7, 100])
def test_a_run_that_is_killed_in_the_middle_leaves_nothing_for_ever(
    moment: int, mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second run, with other entities, ends after some of its messages. The third one clears those of both."""
    port = mosquitto.port
    with run_of(tmp_path, port, DOOR, binary_sensors=("cat",)):
        eventually(lambda: "binary_sensor: cat" in left_at(port))
    sent = 0
    publish = Connection.publish

    def dying(self: Connection, topic: str, body: bytes, retain: bool = False) -> int:
        nonlocal sent
        if sent == moment:
            raise SystemExit  # ends the thread, as a power cut would: it neither tries again nor says goodbye
        sent += 1
        return publish(self, topic, body, retain)

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "publish", dying)
        with run_of(tmp_path, port, DOOR, YARD, binary_sensors=("tit",)) as (sink, _):
            if moment == 100:
                eventually(lambda: "binary_sensor: yard tit" in left_at(port))
            else:
                eventually(lambda: not sink._thread.is_alive())
    with run_of(tmp_path, port, BOWL):
        eventually(lambda: left_at(port).keys() == {f"sensor: {BASE}", "sensor: Score", "sensor: Temperature"})
        eventually(lambda: not (topics_at(port) - _own(port)))
    assert json.loads((tmp_path / "queue" / FILE).read_text())["topics"] == sorted(
        topics_at(port) | {f"{BASE}/picture", f"{BASE}/state"}
    )


def _own(port: int) -> set[str]:
    return {f"{BASE}/{name}" for name in ("status", "diagnostics")} | {
        topic for topic in topics_at(port) if topic.startswith("homeassistant/")
    }


@pytest.mark.parametrize("text", ["", "{", "[]", '{"broker": "h:1"}', '{"broker": "h:1", "topics": ["a/#"]}', "\0"])
def test_a_damaged_list_of_what_was_announced_stops_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    announced = Announced(tmp_path, "h:1")
    assert announced.read() == frozenset()
    announced.write({"a/b"})
    assert announced.read() == {"a/b"}
    assert Announced(tmp_path, "other:1").read() == frozenset(), "topics of another broker are not cleared at this one"
