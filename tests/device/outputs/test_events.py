from __future__ import annotations

import json
import uuid

import pytest

from graft_device.outputs.events import Event, new_id
from graft_device.outputs.printed import live_line, named_line
from graft_device.ranking import Prediction


def make_event(**changed: object) -> Event:
    values: dict[str, object] = {
        "id": new_id(),
        "seq": 0,
        "time": "2026-01-31T12:00:00.000Z",
        "source": "/dev/video0",
        "predictions": (Prediction("cats", 0.912345678), Prediction("dogs", 0.05)),
        "unknown": False,
        "ms": {"preprocess": 1.23456, "invoke": 20.0, "age": 25.5},
    }
    return Event(**{**values, **changed})  # type: ignore[arg-type]


def test_an_event_as_json() -> None:
    event = make_event(seq=7, dropped=3)
    assert event.to_json() == {
        "id": event.id,
        "seq": 7,
        "kind": "answer",
        "time": "2026-01-31T12:00:00.000Z",
        "source": "/dev/video0",
        "label": "cats",
        "score": 0.912346,
        "predictions": [{"label": "cats", "score": 0.912346}, {"label": "dogs", "score": 0.05}],
        "unknown": False,
        "ms": {"preprocess": 1.235, "invoke": 20.0, "age": 25.5},
        "dropped": 3,
    }
    assert make_event(position=1.5).to_json()["position"] == 1.5


def test_a_line_is_one_line_whatever_the_names() -> None:
    event = make_event(source="two\nlines \ud800 \u2028 .jpg", predictions=(Prediction('a"\n\x1b[31m', 1.0),))
    assert event.to_line().isascii()
    assert len(event.to_line().splitlines()) == 1
    assert json.loads(event.to_line())["source"] == event.source


def test_ids_differ() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(uuid.UUID(name).version == 4 for name in ids)


def test_a_line_is_read_back() -> None:
    left = make_event(kind="leave", region="bowl", model="pets", view="door-bowl", duration=2.5, clock_set=False)
    for event in (make_event(seq=7, dropped=3), make_event(position=1.5, unknown=True, reason="novel"), left):
        again = Event.from_line(event.to_line())
        assert again.to_json() == event.to_json()
        assert again == Event.from_line(again.to_line().encode())
        assert isinstance(again.predictions[0], Prediction)


def test_an_unknown_frame_keeps_its_scores() -> None:
    values = make_event(unknown=True, reason="novel").to_json()
    assert (values["label"], values["score"]) == ("unknown", 0.912346)
    assert (values["unknown"], values["reason"]) == (True, "novel")
    assert [entry["label"] for entry in values["predictions"]] == ["cats", "dogs"]


@pytest.mark.parametrize(("others", "label"), [([{"label": "cats", "score": 0.2}], "cats"), ([], "unknown")])
def test_an_unknown_frame_of_an_earlier_version_is_read(others: list[dict[str, object]], label: str) -> None:
    written = make_event(unknown=True).to_json()
    del written["reason"]
    written["predictions"] = [{"label": "unknown", "score": 0.8}, *others]
    event = Event.from_line(json.dumps(written))
    assert (event.label, event.unknown, event.reason) == ("unknown", True, "uncertain")
    assert [prediction.label for prediction in event.predictions] == [label]


def test_the_lines_for_people() -> None:
    known, unknown = make_event(position=1.5), make_event(unknown=True, reason="uncertain", source="a.jpg")
    assert live_line(known).endswith(" cats 91%")
    assert named_line(known).endswith(" /dev/video0 at 1.5 s: cats 91%")
    assert live_line(unknown).endswith(" unknown (nearest: cats 91%)")
    assert named_line(unknown).endswith(" a.jpg: unknown (nearest: cats 91%)")


def test_the_photo_is_for_sinks_in_this_process() -> None:
    event = make_event(photo="red.png")
    assert event.photo == "red.png"
    assert "photo" not in event.to_json()
    assert "red.png" not in repr(event)
    assert Event.from_line(event.to_line()).photo is None


@pytest.mark.parametrize(("line", "error"), [("no JSON", ValueError), ("{}", KeyError)])
def test_a_line_that_is_no_event(line: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Event.from_line(line)
