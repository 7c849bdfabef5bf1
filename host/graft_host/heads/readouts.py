"""Chooses the readout, which is what a head reads of a network, by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from graft_host.backbones.taps import GRID, JOIN
from graft_host.heads.head import PENALTIES, Array, Labels
from graft_host.heads.held_out import FOLDS, dealt
from graft_host.heads.map_folds import map_folds
from graft_host.heads.softmax_regression import rotated, solve_rotated
from graft_host.heads.temperature import log_losses

_PENALTIES = PENALTIES[::2]  # a readout is judged at its best one, and the next one is about as good
_ENOUGH = 200  # photos judged; fewer are dealt to folds several times
_MOST_DEALS = 4
_TOLERANCE = 0.5
"""Standard errors by which a simpler readout may be worse."""
_NEGLIGIBLE = 0.02
"""What a simpler readout may be worse by in any case. Other values of both were measured:
``docs/explanation/figures.md``."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A readout that was judged.

    Attributes:
        tap: the value of ``--tap`` that reads it.
        log_loss: mean of -log of the probability of the true class, cross-validated.
        accuracy: share of the photos that got their true class, cross-validated.
    """

    tap: str
    log_loss: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Readout:
    """The readout of a model, and those that it was chosen from.

    Attributes:
        requested: the value of ``--readout``.
        chosen: the value of ``--tap`` that reads it.
        photos: the number of photos that the candidates were judged on; 0 if nothing was chosen.
        candidates: the readouts that were judged, the simplest first; empty if nothing was chosen.
    """

    requested: str
    chosen: str
    photos: int = 0
    candidates: tuple[Candidate, ...] = ()

    def text(self) -> str:
        """The readout for a person, beside the best one or, if it is that, the deepest tap alone or the next best."""
        if not self.candidates:
            return self.chosen
        losses = {one.tap: one.log_loss for one in self.candidates}
        ranked = sorted(losses, key=losses.__getitem__)
        deepest = [tap for tap in losses if JOIN not in tap and GRID not in tap][-1:]
        figures = f"log loss {losses[self.chosen]:.3f}"
        if ranked[0] != self.chosen:
            figures += f"; {ranked[0]} is hardly better: {losses[ranked[0]]:.3f}"
        elif others := [tap for tap in (*deepest, *ranked) if tap != self.chosen]:
            figures += f", {others[0]} {losses[others[0]]:.3f}"
        return f"{self.chosen}, chosen from {len(losses)} by cross-validation ({figures})"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"candidates": [asdict(one) for one in self.candidates]}


@dataclass(frozen=True, kw_only=True)
class Judges:
    """The photos that readouts are judged on.

    Attributes:
        labels: the classes, ``[N]``.
        groups: photos with the same number, ``[N]``, are near duplicates and stay in one fold. Photos with a negative
            number only train: no fold holds them out.
        weights: of the photos in the loss that a head is trained on, ``[N]``.
        classes: K.
        seed: shuffles the folds.
    """

    labels: Labels
    groups: Labels
    weights: NDArray[np.float64]
    classes: int
    seed: int


@dataclass(frozen=True, kw_only=True)
class Judged:
    """How well heads on a readout classify photos that they did not see.

    Attributes:
        losses: -log of the probability of each photo's true class, ``[J]``, at the penalty with the smallest sum; of
            the J photos that are held out.
        accuracy: share of the photos that got their true class, at the same penalty.
        penalty: the C.
    """

    losses: NDArray[np.float64]
    accuracy: float
    penalty: float


def judge(bottlenecks: Array, judges: Judges, threads: int) -> Judged:
    """Trains heads on five folds of the photos, and judges each on the photos of the other fold.

    Few photos are dealt to folds up to four times, so that the choice does not depend on the deal.

    Args:
        bottlenecks: ``[N,D]``.
        judges: the photos.
        threads: folds at a time.
    """
    with threadpool_limits(1):  # matrices this small are slower on several threads
        coordinates, held = rotated(bottlenecks), judges.groups >= 0
    count = int(held.sum())
    deals = max(1, min(_MOST_DEALS, _ENOUGH // max(count, 1)))
    places = [np.full(len(held), -1) for _ in range(deals)]
    for number, place in enumerate(places):
        place[held] = dealt(judges.labels[held], judges.groups[held], judges.seed + number)

    def held_out(fold: tuple[Labels, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Losses and hits ``[penalties,n]`` on the photos of a fold."""
        inside, outside = fold[0] != fold[1], fold[0] == fold[1]
        solved = solve_rotated(
            coordinates[inside], judges.labels[inside], judges.weights[inside], judges.classes, _PENALTIES
        )
        logits = np.array([coordinates[outside] @ kernel + bias for kernel, bias in solved], np.float64)
        truth = judges.labels[outside]
        return log_losses(logits, truth), (logits.argmax(axis=2) == truth).astype(np.float64)

    folds = [(deal, fold) for deal in places for fold in range(FOLDS) if (deal == fold).any()]
    losses, hits = np.zeros((len(_PENALTIES), len(held))), np.zeros((len(_PENALTIES), len(held)))
    for (deal, fold), (lost, right) in zip(folds, map_folds(held_out, folds, threads), strict=True):
        losses[:, deal == fold] += lost / deals
        hits[:, deal == fold] += right / deals
    best = int(losses.sum(axis=1).argmin())
    return Judged(losses=losses[best, held], accuracy=float(hits[best, held].mean()), penalty=_PENALTIES[best])


def simplest_of_the_best(judged: Sequence[Judged], groups: Labels) -> int:
    """The place of the simplest readout that is about as good as the one with the smallest log loss.

    It is if its mean loss is larger by half a standard error of the difference at most, photo by photo, or by 0.02. So
    a readout with more numbers is taken for what it gains, and not for the luck of a few photos.

    Args:
        judged: the readouts, the simplest first.
        groups: of the photos that were held out, ``[J]``. Those with the same number are near duplicates and count as
            one for the standard error.
    """
    best = min(judged, key=lambda one: float(one.losses.mean())).losses
    _, members = np.unique(groups, return_inverse=True)
    count = members.max() + 1
    for place, one in enumerate(judged):
        difference = one.losses - best
        error = np.bincount(members, difference).std() * np.sqrt(count) / len(best)
        if difference.mean() <= max(_TOLERANCE * error, _NEGLIGIBLE):
            return place
    raise ValueError("nothing was judged")
