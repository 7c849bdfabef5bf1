from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_host.heads.label_noise import LabelNoise
from graft_host.heads.mislabels import MislabelSearch, held_out_logits, likely_mislabels, search_mislabels

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


def _noise(chances: list[float], share: float, probabilities: list[list[float]]) -> LabelNoise:
    return LabelNoise(share=share, evidence=9, chances=np.array(chances), probabilities=np.array(probabilities))


def test_the_list_of_a_case_worked_by_hand() -> None:
    # Three of five photos are more likely wrong than right, and 0.4 of five labels are: the list has the two likeliest.
    noise = _noise(
        [0.6, 0.1, 0.9, 0.2, 0.7],
        0.4,
        [[0.2, 0.7, 0.1], [0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.9, 0, 0.1], [0, 0.3, 0.7]],
    )
    first, second = likely_mislabels(noise, np.array([0, 0, 2, 0, 1]), np.ones(5))
    assert (first.index, first.suggested, first.chance) == (2, 0, 0.9)
    assert (second.index, second.suggested, second.chance) == (4, 2, 0.7)
    assert [first.probability, first.margin] == pytest.approx([0.6, 0.5])
    assert [second.probability, second.margin] == pytest.approx([0.7, 0.4])


def test_near_duplicates_count_as_one_in_the_length_of_the_list() -> None:
    noise = _noise([0.9, 0.9, 0.8, 0.1], 1 / 3, [[0.1, 0.9]] * 4)
    together, apart = (np.array([0.5, 0.5, 1, 1]), np.ones(4))
    assert [mislabel.index for mislabel in likely_mislabels(noise, np.zeros(4, np.int64), together)] == [0, 1]
    assert [mislabel.index for mislabel in likely_mislabels(noise, np.zeros(4, np.int64), apart)] == [0]


@settings(max_examples=25)
@given(st.integers(2, 5), st.integers(20, 80), st.floats(0.3, 4), st.integers(0, 2**32))
def test_no_list_is_longer_than_the_estimate(classes: int, count: int, spread: float, seed: int) -> None:
    bottlenecks, truth = _photos(count, classes, spread, seed)
    labels = np.where(np.random.default_rng(seed).random(count) < 0.1, (truth + 1) % classes, truth)
    search = search_mislabels(bottlenecks, labels, _all_different(count), classes, 0)
    chances = [mislabel.chance for mislabel in search.mislabels]
    assert len(chances) <= (search.estimate or 0) + 0.5
    assert chances == sorted(chances, reverse=True)
    assert all(chance >= 0.5 for chance in chances)
    assert all(mislabel.suggested != labels[mislabel.index] and mislabel.margin > 0 for mislabel in search.mislabels)


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
    together = held_out_logits(twice, both, np.tile(np.arange(60), 2), 2, 0).argmax(axis=1) == both
    apart = held_out_logits(twice, both, np.arange(120), 2, 0).argmax(axis=1) == both
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
    assert search.estimate is None
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


def _searches(classes: int, spread: float, rate: float) -> list[tuple[MislabelSearch, NDArray[np.bool_]]]:
    """Six searches of 600 photos, each with which of its list are planted."""
    searches = []
    for seed in range(6):
        bottlenecks, truth = _photos(600, classes, spread, seed)
        rng = np.random.default_rng(seed)
        moved = rng.choice(600, round(600 * rate), replace=False)
        labels = truth.copy()
        labels[moved] = (truth[moved] + rng.integers(1, classes, len(moved))) % classes
        search = search_mislabels(bottlenecks, labels, _all_different(600), classes, seed)
        searches.append((search, np.isin([mislabel.index for mislabel in search.mislabels], moved)))
    return searches


HARD = pytest.mark.parametrize(
    ("classes", "spread", "accuracy"), [(2, 5.0, 0.966), (5, 6.5, 0.75), (3, 4.0, 0.972)], ids=["two", "hard", "easy"]
)


@HARD
def test_a_set_without_wrong_labels_has_next_to_no_list(classes: int, spread: float, accuracy: float) -> None:
    searches = _searches(classes, spread, 0)
    assert np.mean([search.accuracy or 0 for search, _ in searches]) == pytest.approx(accuracy, abs=0.02)
    assert sum(len(planted) for _, planted in searches) <= 6


@HARD
@pytest.mark.parametrize("rate", [0.01, 0.02, 0.05])
def test_lists_are_mostly_right(classes: int, spread: float, accuracy: float, rate: float) -> None:
    lists = [planted for _, planted in _searches(classes, spread, rate)]
    everything, top = np.concatenate(lists), np.concatenate([planted[:10] for planted in lists])
    assert top.mean() >= 0.7
    assert everything.mean() >= 0.7
    if accuracy > 0.9:  # a head that is right three times in four explains most single mistakes
        assert everything.sum() >= 0.5 * 6 * 600 * rate
    else:
        assert len(everything) >= 3


def test_the_estimate_is_near_the_number_of_wrong_labels() -> None:
    estimates = [search.estimate or 0 for search, _ in _searches(5, 6.5, 0.05)]
    assert np.mean(estimates) == pytest.approx(30, rel=0.5)
