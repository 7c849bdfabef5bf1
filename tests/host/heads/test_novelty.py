from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_host.heads.novelty import FARTHEST, SHARPNESS, Array, Novelty, measure_spread, shrink


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
