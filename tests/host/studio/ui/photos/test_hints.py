"""The one thing that would help the photos most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.studio.texts.texts import Texts, catalogue
from graft_host.studio.ui.photos.hints import next_hint


@pytest.mark.parametrize(
    ("classes", "unknown", "text"),
    [
        ({}, 0, "Add a class."),
        ({"cat": 300}, 0, "Add a second class: a model chooses between two or more."),
        ({"cat": 30, "dog": 0}, 0, "dog has no photos yet: record some, or drop files onto it."),
        ({"cat": 1, "dog": 30}, 0, "cat has 1 photo; 20 or more make it reliable."),
        ({"cat": 19, "dog": 7}, 50, "dog has 7 photos; 20 or more make it reliable."),
        ({"cat": 2500, "dog": 500}, 0, "cat has 5 times as many photos as dog: add photos to dog."),
        (
            {"cat": 59, "dog": 20},
            9,
            "Ready to train. 10 or more photos of nothing special, as unknown, would teach the model what to refuse.",
        ),
        ({"cat": 59, "dog": 20}, 10, "Ready to train. dog has 20 photos; about 50 per class are a good start."),
        ({"cat": 60, "dog": 50}, 10, "Ready to train."),
    ],
)
def test_the_hint_names_what_is_needed_most(classes: dict[str, int], unknown: int, text: str) -> None:
    hint = next_hint(classes, unknown)
    assert Texts()(f"photos.{hint.key}", **hint.values) == text


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 10_000), max_size=5), st.integers(0, 200))
def test_training_is_offered_from_20_photos_of_each_of_two_classes_on(classes: dict[str, int], unknown: int) -> None:
    hint = next_hint(classes, unknown)
    assert hint.trainable == (len(classes) >= 2 and min(classes.values()) >= 20)
    assert hint.key in catalogue()["photos"]
    for language in ("en", "zh-CN"):
        Texts(language)(f"photos.{hint.key}", **hint.values)
