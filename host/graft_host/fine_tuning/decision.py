"""Decides by a paired test on held-out photos whether a tuned tail is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.heads.head import Labels
from graft_host.heads.temperature import helpful_temperature, log_losses

_ERRORS = 1.28
"""Standard errors that the gain must exceed: by chance, one in ten tails that change nothing does. The tails of the
trial are trained on two thirds of the photos, so the one that is shipped is better than they are."""

_LOSING = -1.0
"""Standard errors below 0 at which the first folds end the trial: the others would hardly make up for them."""

_FEWEST = 8  # different photos that a standard error is computed from


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The logits of both heads for photos that neither was trained on.

    Attributes:
        linear: of heads on the frozen backbone, ``[N,K]``.
        tuned: of heads on tuned tails, ``[N,K]``.
        labels: the true classes, ``[N]``.
        groups: near duplicates have the same number, ``[N]``.
        folds: the fold that held each photo out, ``[N]``.
        seed: for what the temperatures are drawn from.
    """

    linear: NDArray[np.float64]
    tuned: NDArray[np.float64]
    labels: Labels
    groups: Labels
    folds: Labels
    seed: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How a tuned tail compares with the linear head on held-out photos.

    Attributes:
        linear: log loss of the linear head, in nats a photo.
        tuned: log loss of the tuned tail.
        difference: how much smaller the tuned tail's is; near duplicates count as one photo.
        standard_error: of the difference.
        photos: number of photos.
        linear_right: how many of them the linear head names right.
        tuned_right: how many of them the tuned tail names right.
    """

    linear: float
    tuned: float
    difference: float
    standard_error: float
    photos: int
    linear_right: int
    tuned_right: int

    @property
    def gains(self) -> bool:
        """Whether the log loss is smaller by more than chance gives."""
        return self.difference > _ERRORS * self.standard_error

    @property
    def wins(self) -> bool:
        """Whether the tail is worth keeping: its log loss is smaller, and no fewer photos are named right."""
        return self.gains and self.tuned_right >= self.linear_right

    @property
    def loses(self) -> bool:
        """Whether the tail is so much worse on these photos that more of them would hardly turn it."""
        return self.difference < _LOSING * self.standard_error

    @property
    def withdraws(self) -> bool:
        """Whether photos that did not decide speak against a tail that won: it loses, or is worse in both figures."""
        return self.loses or (self.difference < 0 and self.tuned_right < self.linear_right)


def compare(trial: Trial) -> Comparison:
    """Compares both photo by photo, each with the temperature that suits the other folds."""
    linear, tuned = (held_out_losses(trial, logits) for logits in (trial.linear, trial.tuned))
    _, members, sizes = np.unique(trial.groups, return_inverse=True, return_counts=True)
    gains = np.bincount(members, linear - tuned) / sizes
    count = len(gains)
    error = float(gains.std(ddof=1) / np.sqrt(count)) if count >= _FEWEST else float("inf")
    return Comparison(
        linear=float(linear.mean()), tuned=float(tuned.mean()), difference=float(gains.mean()), standard_error=error,
        photos=len(linear), linear_right=_right(trial, trial.linear), tuned_right=_right(trial, trial.tuned),
    )  # fmt: skip


def _right(trial: Trial, logits: NDArray[np.float64]) -> int:
    return int((logits.argmax(axis=1) == trial.labels).sum())


def held_out_losses(trial: Trial, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The log loss of each photo, ``[N]``, at the temperature of the other folds; of all photos for a single fold."""
    losses = np.zeros(len(logits))
    for fold in np.unique(trial.folds):
        outside = trial.folds == fold
        inside = ~outside if (~outside).any() else outside
        temperature = helpful_temperature(logits[inside], trial.labels[inside], trial.groups[inside], trial.seed)
        losses[outside] = log_losses(logits[outside] / temperature, trial.labels[outside])
    return losses


def joined(trials: Sequence[Trial]) -> Trial:
    """The trials of several folds as one."""
    fields = ("linear", "tuned", "labels", "groups", "folds")
    parts = {field: np.concatenate([getattr(trial, field) for trial in trials]) for field in fields}
    return Trial(**parts, seed=trials[0].seed)
