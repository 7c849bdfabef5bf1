"""Known shares of classes."""

from __future__ import annotations

import numpy as np
import pytest

from graft_host.heads.temperature import softmax
from graft_host.samples.prior import Prior, class_shares
from graft_host.support.option import OptionError

LABELS = ("cat", "dog", "emu")


def test_classes_that_are_not_named_share_the_rest_in_proportion() -> None:
    trained = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(class_shares({"cat": 0.9}, LABELS, trained), [0.9, 0.06, 0.04])
    np.testing.assert_allclose(class_shares({"emu": 0.1}, LABELS), [0.45, 0.45, 0.1])
    np.testing.assert_allclose(class_shares({}, LABELS, trained), trained)
    np.testing.assert_allclose(class_shares({"cat": 0.2, "dog": 0.3, "emu": 0.5}, LABELS, trained), [0.2, 0.3, 0.5])


@pytest.mark.parametrize(
    ("named", "line"),
    [
        ({"cats": 0.5}, "--prior: there is no class 'cats'; name one of 'cat', 'dog', 'emu'"),
        ({"cat": 0.5, "dog": 0.2, "emu": 0.1}, "--prior: the shares of all classes sum to 0.8; let them sum to 1"),
        ({"cat": 0.5, "dog": 0.5}, "--prior: nothing is left for 'emu'; give smaller shares"),
    ],
)
def test_impossible_shares_are_refused(named: dict[str, float], line: str) -> None:
    with pytest.raises(OptionError) as caught:
        class_shares(named, LABELS)
    assert str(caught.value).startswith(line)
    assert caught.value.exit_status == 2


def test_the_shift_makes_scores_right_where_the_classes_are_not_those_of_training() -> None:
    """Two Gaussians, as a head trained on equal shares knows them: Bayes's rule gives the scores at the place."""
    shares, trained = np.array([0.85, 0.15]), np.array([0.5, 0.5])
    prior = Prior(labels=("cat", "dog"), shares=shares, trained=trained)
    points = np.linspace(-3, 3, 50)
    densities = np.stack([np.exp(-((points + 1) ** 2) / 2), np.exp(-((points - 1) ** 2) / 2)], axis=1)
    expected = densities * shares / (densities @ shares)[:, np.newaxis]
    np.testing.assert_allclose(softmax(np.log(densities) + prior.shift), expected, rtol=1e-9)


def test_the_accuracy_at_the_place_is_the_mean_of_the_recalls_by_share() -> None:
    prior = Prior(labels=("cat", "dog"), shares=np.array([0.9, 0.1]), trained=np.array([0.5, 0.5]))
    truth = np.array([0, 0, 1, 1, 1, 1])
    right = np.array([True, True, True, False, False, False])
    assert prior.accuracy(truth, right) == pytest.approx(0.9 + 0.1 / 4)
    assert prior.to_json() == {"shares": {"cat": 0.9, "dog": 0.1}, "trained": {"cat": 0.5, "dog": 0.5}}
