from __future__ import annotations

import numpy as np
import pytest

from graft_device.ranking import Prediction, rank

LABELS = ("cats", "dogs", "Mäuse")


def test_ranking() -> None:
    ranked, unknown = rank(LABELS, np.array([0.2, 0.7, 0.1]), 2, 0)
    assert ranked == (Prediction("dogs", 0.7), Prediction("cats", 0.2))
    assert not unknown


@pytest.mark.parametrize(("threshold", "refused"), [(0.69, False), (0.7, False), (0.71, True)])
def test_below_the_threshold_it_is_unknown(threshold: float, refused: bool) -> None:
    ranked, unknown = rank(LABELS, np.array([0.2, 0.7, 0.1]), 3, threshold)
    assert unknown is refused
    assert ranked[0] == (("unknown", pytest.approx(0.3)) if refused else ("dogs", 0.7))
    assert len(ranked) == 3


def test_unknown_with_one_label() -> None:
    ranked, _ = rank(LABELS, np.array([0.2, 0.7, 0.1]), 1, 0.9)
    assert [p.label for p in ranked] == ["unknown"]


@pytest.mark.parametrize("top_k", [0, -1])
def test_no_labels_wanted(top_k: int) -> None:
    assert rank(LABELS, np.array([0.2, 0.7, 0.1]), top_k, 0.9) == ((), True)
