"""Measures what was learned on photos that the heads did not see, and what the old classes lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graft_device.errors import GateError
from graft_device.learning.new_head import FEWEST_TO_TRAIN, Known, Learned, Rows
from graft_device.learning.photos import Taken
from graft_device.learning.pieces import Pieces
from graft_device.learning.request import Request
from graft_device.learning.result import IMPRINTED, TRAINED, ClassFigures, LearnResult


def describe(request: Request, pieces: Pieces, known: Known, learned: Learned, taken: Taken) -> LearnResult:
    """The result of learning, before a file is written."""
    count = int(known.new.sum())
    imprinted = request.adds and (count < FEWEST_TO_TRAIN or known.drawn)
    labels = (*pieces.model.labels, request.label) if request.adds else pieces.model.labels
    classes = {
        label: _figures(number, known, learned, adds=request.adds, imprinted=imprinted)
        for number, label in enumerate(labels)
    }
    result = LearnResult(
        model=request.output,
        source=request.model,
        label=request.label,
        adds=request.adds,
        how=IMPRINTED if imprinted else TRAINED,
        photos=count,
        remembered=0 if known.drawn else int((~known.new).sum()),
        skipped=taken.skipped,
        repeated=taken.repeated + len(taken.photos) - count,
        classes=classes,
        taken_for=_taken_for(known, learned, labels) if request.adds and not imprinted else {},
        loss=_loss(known, learned, len(pieces.model.labels)),
        score=_score(pieces, learned),
    )
    return replace(result, notes=tuple(_notes(result, pieces, known, learned)))


def check_loss(result: LearnResult, most: float) -> None:
    """Raises GateError if the old classes would lose more of their accuracy than ``most``.

    One photo of a class may always be lost, unless ``most`` is 0: of a class of five photos it is a fifth.
    """
    if result.loss <= most + 1e-9 or (most > 0 and all(_lost(figures) <= 1 for figures in result.classes.values())):
        return
    losers = sorted(
        (figures.before - figures.after, label)
        for label, figures in result.classes.items()
        if figures.before is not None and figures.after is not None and figures.before > figures.after
    )
    worst = f", most of all {losers[-1][1]}: {losers[-1][0]:.1%}" if losers else ""
    raise GateError(
        f"the old classes would lose {result.loss:.1%} of their accuracy on remembered photos, more than the "
        f"{most:.1%} of --max-loss{worst}; nothing was written",
        "give more photos, or allow more with --max-loss",
    )


def _lost(figures: ClassFigures) -> int:
    """How many photos of a class are no longer named."""
    if figures.before is None or figures.after is None:
        return 0
    return round((figures.before - figures.after) * figures.photos)


def _figures(number: int, known: Known, learned: Learned, *, adds: bool, imprinted: bool) -> ClassFigures:
    own, new = learned.labels == number, known.new[known.judged]
    after = float((learned.logits[own].argmax(axis=1) == number).mean()) if own.any() else None
    if adds and number == learned.logits.shape[1] - 1:
        after = None if imprinted else after
        return ClassFigures(int((known.labels == number).sum()), None, after, _refused(learned, own))
    judged_before = own[~new] if adds else own
    before = float((learned.before[judged_before].argmax(axis=1) == number).mean()) if own.any() else None
    return ClassFigures(int((known.labels == number).sum()), before, after, _refused(learned, own))


def _refused(learned: Learned, rows: Rows) -> float | None:
    return float(learned.refused[rows].mean()) if learned.head.spread is not None and rows.any() else None


def _taken_for(known: Known, learned: Learned, labels: tuple[str, ...]) -> dict[str, float]:
    """For which old classes the new class's photos are taken, and how often."""
    named = learned.logits[known.new[known.judged]].argmax(axis=1)
    shares = {label: float((named == number).mean()) for number, label in enumerate(labels[:-1])}
    return {label: share for label, share in shares.items() if share > 0}


def _loss(known: Known, learned: Learned, classes: int) -> float:
    """What the old classes lose of their accuracy on photos that are not new, all classes counted alike."""
    others = ~known.new[known.judged]
    labels = learned.labels[others]
    before = learned.before if len(learned.before) == len(labels) else learned.before[others]
    lost = (before.argmax(axis=1) == labels).astype(float) - (learned.logits[others].argmax(axis=1) == labels)
    return float(np.mean([lost[labels == number].mean() for number in range(classes) if (labels == number).any()]))


def _score(pieces: Pieces, learned: Learned) -> float:
    """The threshold: the one that was set, or where none could be, the file's with its share of the lead over 1/K."""
    if learned.score > 0:
        return learned.score
    below, classes = pieces.model.card.unknown_below, len(pieces.model.labels)
    if not below:
        return 0.0
    chance, now = 1 / classes, 1 / learned.logits.shape[1]
    share = (below - chance) / max(1 - chance, 1e-9)
    return now + max(share, 0.0) * (1 - now)


def _notes(result: LearnResult, pieces: Pieces, known: Known, learned: Learned) -> Iterator[str]:
    """Yields what a person should know."""
    yield from result.lookalikes()
    if result.adds and learned.head.spread is not None:
        yield f"things that look like {result.label} but are of no class are called unknown less often now"
    if result.how == IMPRINTED and not known.drawn:
        yield "so few photos cannot tell how often the new class will be named"
    if known.drawn:
        yield "the model remembers no photos, only the means of its classes: what the old classes lose is not known"
    elif pieces.shape.directions is not None and learned.head.spread is None:
        yield "what is called unknown was not measured again, since the model remembers too few photos"
    if pieces.shape.directions is not None and learned.head.spread is None:
        yield "things of no class may be called unknown much less often now"
    if "prior" in pieces.model.card.training:
        yield "the known shares of the classes (--prior) are not part of the new head"
    if not result.adds:
        right = int((learned.logits[known.new[known.judged]].argmax(axis=1) == learned.labels[-1]).sum())
        yield f"of the {result.photos} photos given, heads that did not see them name {right}"
