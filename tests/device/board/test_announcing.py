from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from graft_device.board.announcing import Announcing
from graft_device.classifier import Classifier
from graft_device.outputs.views import View
from tests.support.device_models import write_artifact


def test_brokers_hear_of_a_model_with_other_labels_and_of_no_other(tmp_path: Path) -> None:
    same = Classifier(write_artifact(tmp_path / "same.tflite"))
    other = Classifier(write_artifact(tmp_path / "other.tflite", labels=["rot", "gruen", "blau"]))
    door, yard = (View(name, name, None, "model", same.labels, 0.0) for name in ("door", "yard"))
    shown: list[list[View]] = []

    def show(views: Sequence[View]) -> None:
        shown.append(list(views))

    announcing = Announcing()
    announcing.exchanged(door, same)  # a run without a broker never begins
    announcing.begin([door, yard])
    announcing.tell(show)
    announcing.exchanged(dataclasses.replace(door, threshold=0.5), same)
    assert shown == []
    announcing.exchanged(dataclasses.replace(yard, labels=other.labels), other)
    assert [view.labels for view in shown[0]] == [same.labels, other.labels]
