"""What source photos weigh."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_host.samples.weights import CLIP, density_ratios, weigh

TARGET, SOURCE, LENGTH = 20, 60, 12


def _values(seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A target, and a source whose first third looks like it."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(TARGET, LENGTH)) + 2.5 * np.eye(LENGTH)[0]
    source = rng.normal(size=(SOURCE, LENGTH))
    source[: SOURCE // 3, 0] += 2.5
    return target.astype(np.float32), source.astype(np.float32)


@pytest.mark.parametrize("rule", ["equal", "density"])
@pytest.mark.parametrize("copies", [1, 3])
def test_all_rows_together_weigh_as_much_as_those_of_the_target(rule: str, copies: int) -> None:
    target, source = _values()
    rows, shown = np.tile(source, (copies, 1)), np.tile(np.arange(SOURCE), copies)
    weighted = weigh(rule, target, rows, np.arange(TARGET), shown, 0)
    assert weighted.rows.shape == (SOURCE * copies,)
    assert weighted.rows.sum() == pytest.approx(TARGET)
    np.testing.assert_allclose(weighted.photos, weighted.rows.reshape(copies, SOURCE).sum(axis=0))


def test_equal_weights_count_like_all_photos() -> None:
    target, source = _values()
    weighted = weigh("equal", target, source, np.arange(TARGET), np.arange(SOURCE), 0)
    assert weighted.effective == pytest.approx(SOURCE)
    np.testing.assert_allclose(weighted.quantiles, TARGET / SOURCE)


def test_a_number_is_the_weight_of_a_photo_with_all_its_rows_against_one_of_the_target() -> None:
    target, source = _values()
    rows, shown = np.tile(source, (2, 1)), np.tile(np.arange(SOURCE), 2)
    weighted = weigh(0.4, np.tile(target, (3, 1)), rows, np.tile(np.arange(TARGET), 3), shown, 0, target_rows=3)
    np.testing.assert_allclose(weighted.photos, 0.4)
    np.testing.assert_allclose(weighted.rows, 0.4 * 3 / 2)


def test_density_ratios_are_higher_where_the_source_looks_like_the_target() -> None:
    target, source = _values()
    ratios = density_ratios(target, source, np.arange(TARGET), np.arange(SOURCE), 0, 2)
    like, unlike = ratios[: SOURCE // 3], ratios[SOURCE // 3 :]
    assert np.median(like) > 2 * np.median(unlike)
    middle = np.median(ratios)
    assert ratios.min() >= middle / CLIP * 0.999
    assert ratios.max() <= middle * CLIP * 1.001
    weighted = weigh("density", target, source, np.arange(TARGET), np.arange(SOURCE), 0)
    assert SOURCE / 3 < weighted.effective < SOURCE


def test_density_ratios_of_one_distribution_are_nearly_equal() -> None:
    rng = np.random.default_rng(1)
    target, source = (rng.normal(size=(count, LENGTH)).astype(np.float32) for count in (100, 300))
    weighted = weigh("density", target, source, np.arange(100), np.arange(300), 0)
    assert weighted.effective > 0.9 * 300


def test_rows_of_one_photo_are_judged_by_classifiers_that_saw_none_of_them() -> None:
    """Each source photo is noise with twenty copies: a classifier that saw one of them would know the others."""
    rng = np.random.default_rng(2)
    target = rng.normal(size=(40, 200)).astype(np.float32)
    source, shown = np.tile(rng.normal(size=(40, 200)).astype(np.float32), (20, 1)), np.tile(np.arange(40), 20)
    together = density_ratios(target, source, np.arange(40), shown, 0)
    apart = density_ratios(target, source, np.arange(40), np.arange(len(shown)), 0)
    assert np.log(together).std() < 0.5
    assert np.log(apart).mean() - np.log(together).mean() < 0.5


def test_the_seed_gives_the_same_ratios() -> None:
    target, source = _values()
    first, again, other = (
        density_ratios(target, source, np.arange(TARGET), np.arange(SOURCE), seed) for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_few_photos_of_a_target_are_enough() -> None:
    target, source = _values()
    ratios = density_ratios(target[:2], source, np.array([0, 0]), np.arange(SOURCE), 0)
    assert np.isfinite(ratios).all()
    assert (ratios > 0).all()
