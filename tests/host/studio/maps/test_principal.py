"""The plane in which bottlenecks vary most, beside an independent implementation."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from graft_host.studio.maps.principal import principal


@pytest.mark.parametrize("shape", [(40, 200), (200, 40), (30, 30)])
def test_coordinates_and_shares_are_those_of_another_implementation(shape: tuple[int, int]) -> None:
    vectors = np.random.default_rng(sum(shape)).gamma(0.5, size=shape).astype(np.float32)
    expected = PCA(2, svd_solver="full")
    points = expected.fit_transform(vectors.astype(np.float64))
    found = principal(vectors, 2)
    signs = np.sign((points * found.points).sum(axis=0))
    np.testing.assert_allclose(found.points, points * signs, atol=1e-4)
    np.testing.assert_allclose(found.explained, expected.explained_variance_ratio_, atol=1e-6)


def test_the_order_of_the_photos_neither_turns_nor_mirrors_the_map() -> None:
    vectors = np.random.default_rng(1).normal(size=(60, 100)).astype(np.float32)
    order = np.random.default_rng(2).permutation(60)
    np.testing.assert_allclose(principal(vectors[order], 2).points, principal(vectors, 2).points[order], atol=1e-3)


def test_copies_of_one_photo_are_one_point_that_explains_nothing() -> None:
    found = principal(np.ones((5, 8), np.float32), 2)
    assert not found.points.any()
    assert found.explained.tolist() == [0, 0]


def test_one_and_two_photos_have_a_map_too() -> None:
    assert principal(np.ones((1, 8), np.float32), 2).points.shape == (1, 2)
    two = principal(np.eye(2, 8, dtype=np.float32), 2)
    assert two.explained[0] == pytest.approx(1)
    assert abs(two.points[0, 0] - two.points[1, 0]) == pytest.approx(np.sqrt(2))
