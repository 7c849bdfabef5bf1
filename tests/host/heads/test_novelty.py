from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.heads.novelty import FARTHEST, SHARPNESS, Array, Novelty, measure_spread, shrink


def reluctant(photos: int = 300, length: int = 64) -> Array:
    """Bottlenecks as a ReLU gives them: none negative, their variance growing with their mean."""
    rng = np.random.default_rng(1)
    kinds = rng.gamma(0.5, 1, (8, length))
    return np.asarray(rng.gamma(2, 1, (photos, length)) * kinds[rng.integers(0, 8, photos)] / 2, np.float32)


def known(photos: int = 400, length: int = 24) -> Array:
    rng = np.random.default_rng(0)
    bottlenecks = rng.normal(rng.normal(0, 3, length), rng.uniform(0.5, 5, length), (photos, length))
    return bottlenecks.astype(np.float32)


def test_known_photos_have_a_distance_of_about_one_at_any_scale() -> None:
    distances = measure_spread(known()).distance(known())
    assert distances.mean() == pytest.approx(1, abs=0.15)
    scaled = known() * np.float32(37)
    np.testing.assert_allclose(measure_spread(scaled).distance(scaled), distances, rtol=1e-3)


def test_a_number_that_never_varies_does_not_dominate() -> None:
    bottlenecks = known()
    bottlenecks[:, 3] = 7
    changed = bottlenecks[:1].copy()
    changed[0, 3] += 1
    spread = measure_spread(bottlenecks)
    assert spread.distance(changed)[0] < 2 * spread.distance(bottlenecks).max()


def test_identical_bottlenecks_give_finite_distances() -> None:
    spread = measure_spread(np.ones((5, 4), np.float32))
    assert np.isfinite(spread.distance(np.zeros((2, 4), np.float32))).all()


def test_logits_shrink_beyond_the_start_and_only_there() -> None:
    spread = measure_spread(known())
    novelty = Novelty(spread, start=2.0)
    out = spread.mean + np.linspace(0, 6, 50, dtype=np.float32)[:, np.newaxis] / np.sqrt(spread.weight * 24)
    distances, factors = spread.distance(out), novelty.shrink(out)
    assert (factors[distances <= 2] == 1).all()
    assert (np.diff(factors[distances > 2]) <= 0).all()
    exponents = np.minimum(SHARPNESS * (distances[distances > 2] / 2 - 1), FARTHEST)
    np.testing.assert_allclose(factors[distances > 2], np.exp(-exponents))


@given(st.floats(0, 1e6), st.floats(1e-3, 1e3))
def test_the_factor_is_never_so_small_that_logits_lose_their_order(distance: float, start: float) -> None:
    factor = shrink(np.array([distance]), start)[0]
    assert np.exp(-FARTHEST - 0.01) <= factor <= 1


def test_roots_are_compared_where_no_number_is_negative() -> None:
    assert measure_spread(reluctant()).root
    assert not measure_spread(known()).root


def test_what_known_photos_differ_in_does_not_count() -> None:
    rng = np.random.default_rng(2)
    axis = rng.normal(size=24)
    axis /= np.linalg.norm(axis)
    photos = known() + (40 * rng.normal(size=(400, 1)) * axis).astype(np.float32)
    spread = measure_spread(photos)
    assert spread.directions is not None
    along, across = photos[:20] + 40 * axis, photos[:20] + 40 * np.roll(axis, 1)
    assert spread.distance(along.astype(np.float32)).mean() < 2
    assert spread.distance(across.astype(np.float32)).mean() > 4


@pytest.mark.parametrize("photos", [1, 3, 4, 20, 63, 300])
def test_few_photos_leave_enough_directions(photos: int) -> None:
    spread = measure_spread(reluctant(photos))
    assert (0 if spread.directions is None else len(spread.directions)) == min(16, photos // 4)
    assert spread.distance(reluctant(photos)).mean() == pytest.approx(1, rel=0.01) or photos < 4
    assert np.isfinite(spread.distance(reluctant())).all()


def test_a_negative_number_counts_as_none_under_a_root() -> None:
    spread, photo = measure_spread(reluctant()), reluctant(1)
    photo[0, 5] = 0
    below = photo.copy()
    below[0, 5] = -3
    assert spread.distance(below) == spread.distance(photo)
