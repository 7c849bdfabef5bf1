from __future__ import annotations

import json
import uuid

import numpy as np
import pytest

from graft_device.classifier import Prediction
from graft_device.outputs.events import Counter, Event, new_id, rank

LABELS = ("cats", "dogs", "Mäuse")


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
    assert all(uuid.UUID(one).version == 4 for one in ids)


def test_a_counter_numbers_from_one() -> None:
    counter, event = Counter(), make_event()
    kept = [counter.keep(event) for _ in range(3)]
    assert [one.seq for one in kept] == [1, 2, 3]
    assert kept[0].id == event.id


def test_ranking() -> None:
    ranked, unknown = rank(LABELS, np.array([0.2, 0.7, 0.1]), 2, 0)
    assert ranked == (Prediction("dogs", 0.7), Prediction("cats", 0.2))
    assert not unknown


@pytest.mark.parametrize(("threshold", "refused"), [(0.69, False), (0.7, False), (0.71, True)])
def test_below_the_threshold_it_is_unknown(threshold: float, refused: bool) -> None:
    ranked, unknown = rank(LABELS, np.array([0.2, 0.7, 0.1]), 3, threshold)
    assert unknown is refused
    assert ranked[0] == (("unknown", pytest.approx(0.3)) if refused else ("dogs", 0.7))
    assert len(ranked) == 3


def test_unknown_with_one_label() -> None:
    ranked, _ = rank(LABELS, np.array([0.2, 0.7, 0.1]), 1, 0.9)
    assert [p.label for p in ranked] == ["unknown"]
