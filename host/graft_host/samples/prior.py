"""Shifts a head from the shares of classes that it was trained on to those at the place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.support.option import OptionError

_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Prior:
    """How often classes occur at the place.

    Attributes:
        labels: the classes.
        shares: at the place, ``[K]``, which sum to 1.
        trained: the shares of the weights that the head was trained on, ``[K]``, which sum to 1.
    """

    labels: tuple[str, ...]
    shares: NDArray[np.float64]
    trained: NDArray[np.float64]

    @property
    def shift(self) -> NDArray[np.float64]:
        """What is added to the logits, ``[K]``: log(share at the place / trained share).

        By Bayes's rule, p(class | photo) is in proportion to p(photo | class) · p(class), so that other shares of the
        classes only multiply the probabilities (Saerens, Latinne and Decaestecker, "Adjusting the outputs of a
        classifier to new a priori probabilities", Neural Computation 14, 2002, 21-41, equation 2.4).
        """
        shift: NDArray[np.float64] = np.log(self.shares / self.trained)
        return shift

    def accuracy(self, truth: NDArray[np.int64], right: NDArray[np.bool_]) -> float:
        """The accuracy that photos would have with the shares at the place: the recalls, weighted by these.

        Args:
            truth: the classes of test photos, ``[N]``; each class has at least one.
            right: which of them are classified correctly, ``[N]``.
        """
        counts = np.bincount(truth, minlength=len(self.labels))
        hits = np.bincount(truth[right], minlength=len(self.labels))
        return float(self.shares @ (hits / np.maximum(counts, 1)))

    def to_json(self) -> dict[str, Any]:
        """The shares at the place and those that the head was trained on, by label."""
        return {
            "shares": dict(zip(self.labels, self.shares.tolist(), strict=True)),
            "trained": dict(zip(self.labels, self.trained.tolist(), strict=True)),
        }


def class_shares(
    named: Mapping[str, float], labels: Sequence[str], trained: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The shares of all classes, ``[K]``, of which some are known.

    Args:
        named: the known shares by label.
        labels: the K classes.
        trained: the shares that the head was trained on, ``[K]``, in whose proportion the other classes divide the
            rest; None for equal ones.

    Raises:
        OptionError: a label is unknown, all classes are named and their shares do not sum to 1, or nothing is left for
            the others.
    """
    unknown = [label for label in named if label not in labels]
    if unknown:
        raise OptionError(
            f"there is no class {unknown[0]!r}", f"name one of {', '.join(map(repr, labels))}", option="--prior"
        )
    known, total = np.array([label in named for label in labels], bool), sum(named.values())
    if known.all() and abs(total - 1) > _ROUNDING:
        raise OptionError(
            f"the shares of all classes sum to {total:g}", "let them sum to 1, or leave one out", option="--prior"
        )
    if not known.all() and total > 1 - _ROUNDING:
        others = ", ".join(repr(label) for label in labels if label not in named)
        raise OptionError(f"nothing is left for {others}", "give smaller shares", option="--prior")
    shares = np.ones(len(labels)) if trained is None else trained.astype(np.float64)
    shares = np.where(known, 0.0, shares)
    if not known.all():
        shares *= (1 - total) / shares.sum()
    for label, share in named.items():
        shares[list(labels).index(label)] = share / total if known.all() else share
    return shares
