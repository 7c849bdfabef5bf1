"""What the page with training says about figures and changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from graft_host.studio.jobs.job import Job
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.train.fields import FIELDS
from graft_host.studio.ui.train.figures import figures_of
from graft_host.studio.ui.train.words import accuracy_text, changes, ms_text, range_text

_RESULT: dict[str, Any] = {
    "labels": ["cat", "dog", "fox"],
    "accuracy": {"shipped": 0.9},
    "confusion": [[8, 2, 0], [0, 10, 0], [1, 0, 9]],
    "tested": 30,
    "bytes": 4_200_000,
    "ms": 12.4,
    "counts": {"cat": 70, "dog": 70, "fox": 70},
    "readout": {"chosen": "top"},
}
_JOB = Job(
    id="1", kind="train", title="pets", command="", state="done", created=0.0, result=_RESULT,
    arguments={"output": "models/pets.tflite", "backbone": "efficientnet-lite0"},
)  # fmt: skip


def test_the_accuracy_has_its_range_and_the_worst_confusion_comes_first() -> None:
    figures = figures_of(_JOB)
    assert figures is not None
    assert (accuracy_text(figures), range_text(Texts(), figures), ms_text(figures)) == (
        "90.0%",
        "74.4 to 96.5%",
        "12 ms",
    )
    assert figures.confused == (("cat", "dog", 2), ("fox", "cat", 1))


def test_what_changed_names_choices_and_photos() -> None:
    arguments = {**_JOB.arguments, "unknown_rate": 0.1, "backbone": "inception-v3", "source": ["web"]}
    counts = {"cat": 82, "dog": 69, "owl": 5}
    later = replace(_JOB, id="2", arguments=arguments, result={**_RESULT, "counts": counts})
    assert changes(Texts(), _JOB, later) == [
        "Network: EfficientNet-Lite0: small and quick → Inception-v3: large, downloads 88 MB once",
        "Known things that may be called unknown: 5% → 10%",
        "Folder with photos from elsewhere: none → web",
        "cat: 12 photos more",
        "dog: 1 photo fewer",
        "fox: 70 photos fewer",
        "owl: 5 photos more",
    ]
    assert changes(Texts(), _JOB, _JOB) == ["Nothing: the same choices and photos."]


@pytest.mark.parametrize("name", _RESULT)
def test_a_result_that_was_changed_by_hand_is_no_result(name: str) -> None:
    kept = {key: value for key, value in _RESULT.items() if key != name}
    assert (figures_of(replace(_JOB, result=kept)) is None) == (name != "ms")
    assert figures_of(replace(_JOB, result={**_RESULT, name: "xx"})) is None


def test_every_choice_has_a_name_and_a_sentence_in_both_languages() -> None:
    for texts in (Texts(), Texts("zh-CN")):
        for name, field in FIELDS.items():
            assert texts(f"train.{name}")
            assert texts(f"train.{name}_help")[-1] in ".。"
            for value in field.values:
                assert texts(f"train.{name}_{value}")
