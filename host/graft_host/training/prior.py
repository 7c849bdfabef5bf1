"""The shares of classes at the place, beside those that a head was trained on."""

from __future__ import annotations

import numpy as np

from graft_host.heads.head import weighted_photos
from graft_host.samples.prior import Prior, class_shares
from graft_host.training.material import Material
from graft_host.training.options import HeadOptions


def prior_of(material: Material, options: HeadOptions) -> Prior | None:
    """The shares that ``--prior`` gives; None without any.

    Args:
        material: of the model.
        options: with the known shares, and whether classes are balanced in training.

    Raises:
        OptionError: a share is of an unknown class, or the shares are not possible together.
    """
    named, labels = options.samples.shares, material.dataset.labels
    if not named:
        return None
    _, truth, weights = weighted_photos(material.train, len(labels), options.recipe, material.weights)
    sums = np.bincount(truth, weights, minlength=len(labels))
    trained = sums / sums.sum()
    return Prior(labels=labels, shares=class_shares(named, labels, trained), trained=trained)
