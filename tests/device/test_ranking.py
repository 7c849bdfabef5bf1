from __future__ import annotations

import numpy as np
import pytest

from graft_device.ranking import NOVEL, UNCERTAIN, Answer, Prediction, rank, unknown_text

LABELS = ("cats", "dogs", "Mäuse")
RANKED = [Prediction("dogs", 0.7), Prediction("cats", 0.2), Prediction("Mäuse", 0.1)]


def test_ranking() -> None:
    ranked = rank(LABELS, np.array([0.2, 0.7, 0.1]), 2, 0)
    assert ranked == RANKED[:2]
    assert not ranked.unknown
    assert ranked.reason is None
    assert ranked.label == "dogs"


@pytest.mark.parametrize(("threshold", "refused"), [(0.69, False), (0.7, False), (0.71, True)])
def test_unknown_is_a_flag_beside_scores_that_add_up_to_one(threshold: float, refused: bool) -> None:
    ranked = rank(LABELS, np.array([0.2, 0.7, 0.1]), 3, threshold)
    assert ranked == RANKED
    assert sum(score for _, score in ranked) == pytest.approx(1)
    assert ranked.unknown is refused
    assert ranked.reason == (UNCERTAIN if refused else None)
    assert ranked.label == ("unknown" if refused else "dogs")


def test_flat_scores_mean_that_the_photo_is_unlike_all_others() -> None:
    flat, between = np.array([0.335, 0.333, 0.332]), np.array([0.45, 0.45, 0.1])
    assert rank(LABELS, flat, 3, 0.6, 0.36).reason == NOVEL
    assert rank(LABELS, between, 3, 0.6, 0.36).reason == UNCERTAIN
    assert rank(LABELS, flat, 3, 0.0, 0.36).reason is None, "where nothing is unknown, nothing is novel"


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_labels_wanted(top_k: int) -> None:
    ranked = rank(LABELS, np.array([0.2, 0.7, 0.1]), top_k, 0.9)
    assert ranked == []
    assert (ranked.unknown, ranked.label) == (True, "unknown")


def test_an_answer_is_a_list_of_predictions() -> None:
    answer = Answer(RANKED)
    assert isinstance(answer, list)
    assert dict(answer) == {"dogs": 0.7, "cats": 0.2, "Mäuse": 0.1}


def test_the_text_of_an_unknown_photo_names_the_nearest_label() -> None:
    assert unknown_text(Prediction("daisy", 0.2)) == "unknown (nearest: daisy 20%)"
    assert unknown_text(Prediction("a\x1b[31mb", 0.204)) == r"unknown (nearest: a\x1b[31mb 20%)"
