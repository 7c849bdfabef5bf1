from __future__ import annotations

import numpy as np
import pytest

from graft_host.sorting import likeness
from graft_host.sorting.likeness import Array, groups_of_likeness


def blobs(kinds: int, each: int, seed: int = 0) -> tuple[Array, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Bottlenecks around as many different points as there are kinds, and the kind of each."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.repeat(np.arange(kinds), each))
    centres = rng.gamma(1.0, 2.0, (kinds, 100))
    return (centres[kind] * rng.gamma(40.0, 1 / 40, (kinds * each, 100))).astype(np.float32), kind


@pytest.mark.parametrize("joined", [4000, 60])
def test_no_group_mixes_kinds_that_differ_and_every_picture_is_in_one(
    joined: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(likeness, "_MOST_JOINED", joined)  # with 60, the other 84 join the nearest group
    bottlenecks, kind = blobs(4, 36)
    groups = groups_of_likeness(bottlenecks)
    assert len(groups) == 12
    assert sorted(np.concatenate(groups).tolist()) == list(range(144))
    kinds = [set(kind[group].tolist()) for group in groups]
    assert all(len(one) == 1 for one in kinds)
    order = [one.pop() for one in kinds]
    assert sum(before != after for before, after in zip(order, order[1:], strict=False)) == 3  # like groups together


@pytest.mark.parametrize("count", range(5))
def test_few_pictures_are_grouped_too(count: int) -> None:
    groups = groups_of_likeness(blobs(1, 5)[0][:count])
    assert sorted(row for group in groups for row in group.tolist()) == list(range(count))


def test_pictures_that_are_all_the_same_form_groups() -> None:
    groups = groups_of_likeness(np.ones((9, 8), np.float32))
    assert sorted(np.concatenate(groups).tolist()) == list(range(9))
