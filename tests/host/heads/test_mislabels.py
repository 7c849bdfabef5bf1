from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_host.heads.mislabels import held_out_probabilities, likely_mislabels, search_mislabels

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _photos(
    count: int, classes: int, spread: float = 1.0, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Bottlenecks around a centre for each class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    centres = 3 * rng.normal(size=(classes, 20))
    return (centres[labels] + spread * rng.normal(size=(count, 20))).astype(np.float32), labels


def _all_different(count: int) -> list[str]:
    """A place for each photo."""
    return [str(index) for index in range(count)]


def test_the_rule_on_a_case_worked_by_hand() -> None:
    # Thresholds: class 0 (0.9 + 0.8 + 0.1) / 3 = 0.6, class 1 (0.9 + 0.7 + 0.35) / 3 = 0.65.
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.1, 0.9], [0.3, 0.7], [0.65, 0.35]])
    mislabels = likely_mislabels(probabilities, np.array([0, 0, 0, 1, 1, 1]))
    assert [(mislabel.index, mislabel.suggested) for mislabel in mislabels] == [(2, 1), (5, 0)]
    assert mislabels[0].probability == pytest.approx(0.9)
    assert mislabels[0].margin == pytest.approx(0.8)
    assert mislabels[1].margin == pytest.approx(0.3)


def test_a_class_that_is_likelier_but_not_confidently_so_is_not_suggested() -> None:
    # The photos of class 1 have 0.95 on average, so 0.8 is not confident.
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.05, 0.95], [0.05, 0.95]])
    assert likely_mislabels(probabilities, np.array([0, 0, 1, 1])) == ()


def test_rows_of_nan_are_left_out() -> None:
    probabilities = np.array([[0.9, 0.1], [np.nan, np.nan], [0.1, 0.9], [0.2, 0.8]])
    mislabels = likely_mislabels(probabilities, np.array([0, 0, 0, 1]))
    assert [mislabel.index for mislabel in mislabels] == [2]
    assert likely_mislabels(np.full((3, 2), np.nan), np.array([0, 1, 1])) == ()


@settings(max_examples=100, deadline=None)
@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 2**32))
def test_mislabels_are_confidently_of_another_class(classes: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities, labels = rng.dirichlet(np.full(classes, 0.4), count), rng.integers(0, classes, count)
    mislabels = likely_mislabels(probabilities, labels)
    margins = [mislabel.margin for mislabel in mislabels]
    assert margins == sorted(margins, reverse=True)
    flagged = {mislabel.index for mislabel in mislabels}
    for index in range(count):
        given_class, best = labels[index], int(np.argmax(probabilities[index]))
        peers = probabilities[labels == best, best]
        confident = len(peers) > 0 and probabilities[index, best] >= peers.mean()
        assert (index in flagged) == (best != given_class and confident)


@pytest.mark.parametrize("classes", [2, 5])
def test_swapped_labels_are_found_and_few_others(classes: int) -> None:
    bottlenecks, truth = _photos(400, classes)
    labels = truth.copy()
    swapped = np.random.default_rng(1).choice(400, 12, replace=False)
    labels[swapped] = (truth[swapped] + 1) % classes
    search = search_mislabels(bottlenecks, labels, _all_different(400), classes, 0)
    suggestions = {mislabel.index: mislabel.suggested for mislabel in search.mislabels}
    assert len(suggestions.keys() & set(swapped.tolist())) >= 8
    assert len(suggestions.keys() - set(swapped.tolist())) <= 1
    assert all(suggestions[index] == truth[index] for index in suggestions.keys() & set(swapped.tolist()))
    assert search.accuracy is not None
    assert search.accuracy > 0.9
    assert search_mislabels(bottlenecks, truth, _all_different(400), classes, 0).mislabels == ()


def test_the_copies_of_a_mislabelled_photo_do_not_hide_it() -> None:
    bottlenecks, truth = _photos(100, 2)
    copies = np.repeat(bottlenecks[:1], 8, axis=0)
    labels = np.concatenate([truth, np.full(8, 1 - truth[0])])
    labels[0] = 1 - truth[0]
    everything = np.concatenate([bottlenecks, copies])
    together = ["copy", *_all_different(100)[1:], *["copy"] * 8]
    search = search_mislabels(everything, labels, together, 2, 0)
    assert {0, *range(100, 108)} <= {mislabel.index for mislabel in search.mislabels}


def test_photos_of_one_place_are_held_out_together() -> None:
    rng = np.random.default_rng(0)
    bottlenecks = rng.normal(size=(60, 200)).astype(np.float32)  # noise, which a head can only memorize
    labels = np.arange(60) % 2
    twice, both = np.concatenate([bottlenecks, bottlenecks]), np.concatenate([labels, labels])
    together = held_out_probabilities(twice, both, _all_different(60) * 2, 2, 0).argmax(axis=1) == both
    apart = held_out_probabilities(twice, both, _all_different(120), 2, 0).argmax(axis=1) == both
    assert apart.mean() > 0.75
    assert together.mean() < 0.7


def test_small_classes_are_left_out_and_indices_stay_those_of_all_photos() -> None:
    bottlenecks, truth = _photos(200, 2)
    labels = np.concatenate([np.full(4, 2), truth])
    labels[50] = 1 - labels[50]
    rare = np.zeros((4, 20), np.float32)
    search = search_mislabels(np.concatenate([rare, bottlenecks]), labels, _all_different(204), 3, 0)
    assert [mislabel.index for mislabel in search.mislabels] == [50]


@pytest.mark.parametrize(
    ("labels", "places"),
    [([], []), ([0] * 9, _all_different(9)), ([0] * 9 + [1] * 9, [*_all_different(9), *["copy"] * 9])],
)
def test_too_few_photos_get_a_note(labels: list[int], places: list[str]) -> None:
    bottlenecks = np.random.default_rng(0).normal(size=(len(labels), 8)).astype(np.float32)
    search = search_mislabels(bottlenecks, np.array(labels, np.int64), places, 2, 0)
    assert search.mislabels == ()
    assert search.accuracy is None
    assert "at least 5 different photos" in search.note


def test_a_backbone_that_distinguishes_nothing_names_no_photo() -> None:
    bottlenecks = np.random.default_rng(0).normal(size=(300, 20)).astype(np.float32)
    search = search_mislabels(bottlenecks, np.arange(300) % 2, _all_different(300), 2, 0)
    assert search.mislabels == ()
    assert "too few to judge" in search.note


def test_the_same_photos_give_the_same_result() -> None:
    bottlenecks, labels = _photos(120, 3, spread=4)
    first, second = (search_mislabels(bottlenecks, labels, _all_different(120), 3, 5) for _ in range(2))
    assert first == second
