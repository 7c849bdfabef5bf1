"""The map that keeps neighbours together."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from graft_host.studio.maps.neighbours import has_umap, neighbour_map


@pytest.mark.slow
def test_groups_stay_apart_and_the_same_photos_give_the_same_map() -> None:
    if not has_umap():
        pytest.skip("needs umap-learn")
    draw = np.random.default_rng(0)
    vectors = np.concatenate([draw.normal(place, 1, (40, 100)) for place in (0.0, 4.0)]).astype(np.float32)
    points = neighbour_map(vectors)
    middles = points[:40].mean(axis=0), points[40:].mean(axis=0)
    near = [np.linalg.norm(points - middle, axis=1) for middle in middles]
    assert (near[0] < near[1]).tolist() == [True] * 40 + [False] * 40
    np.testing.assert_array_equal(points, neighbour_map(vectors))
    assert "umap.parametric_umap" not in sys.modules or "tensorflow" not in sys.modules
