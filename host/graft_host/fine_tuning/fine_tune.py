"""Fine-tunes a backbone: plans, tries on folds, decides, and trains the tail that is shipped."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graft_device.errors import ExportError
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.fine_tuning.decision import Trial
from graft_host.fine_tuning.maps import room
from graft_host.fine_tuning.plan import BATCH, FEWEST_PHOTOS, FOLDS, Plan, make_plan
from graft_host.fine_tuning.result import FineTuning, verdict
from graft_host.fine_tuning.session import Session, open_session
from graft_host.fine_tuning.subject import Subject
from graft_host.fine_tuning.tail_backbone import Made, find_tuned, make_tail
from graft_host.fine_tuning.trial import Fold, judged, linear_loss, try_fold
from graft_host.support.kept.results import ResultCache
from graft_host.support.outside.isolated import JobError
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import scratch

_NOTHING_TO_GAIN = 0.05
"""Log loss of linear heads, in nats a held-out photo, below which no trial is made."""


def fine_tune(subject: Subject, reporter: Reporter) -> tuple[FineTuning, Backbone | None]:
    """Fine-tunes a backbone, if held-out photos say that it helps.

    What an earlier run computed is taken from the cache.

    Args:
        subject: what is fine-tuned.
        reporter: receives progress, and how long it will take.

    Returns:
        The result, and the tuned backbone; None if it is not kept.

    Raises:
        ExportError: TensorFlow's process failed.
        GraftError: a photo can no longer be read, or the cache cannot be written.
    """
    plan = _planned(subject)
    if isinstance(plan, str):
        return FineTuning(kept=False, reason=plan), None
    try:
        with contextlib.ExitStack() as stack:
            return _Run(subject, plan, reporter, stack).result()
    except JobError as error:
        raise ExportError(f"fine-tuning failed: {error.what}", error.remedy) from error


def _planned(subject: Subject) -> Plan | str:
    """The plan, or the reason why there is none."""
    if not len(subject.validation[1]):
        return "there are no validation photos to set the scores of a tuned network on"
    groups = subject.groups >= 0
    smallest = min(
        len(np.unique(subject.groups[groups & (subject.train[1] == label)])) for label in range(subject.classes)
    )
    if smallest < FEWEST_PHOTOS:
        return f"a class has only {smallest} different training photos, fewer than {FEWEST_PHOTOS}"
    photos = len(np.unique(subject.photos))
    space = room(Path(tempfile.gettempdir()))
    return make_plan(subject.backbone.spec, photos, len(subject.others), len(subject.shown) // photos, space)


class _Run:
    """One fine-tuning. Maps are computed when the first training needs them.

    Args:
        subject: what is fine-tuned.
        plan: how.
        reporter: receives progress and notes.
        stack: closes the temporary folder.
    """

    def __init__(self, subject: Subject, plan: Plan, reporter: Reporter, stack: contextlib.ExitStack) -> None:
        self._subject, self._plan, self._reporter, self._stack = subject, plan, reporter, stack
        self._results = ResultCache(subject.cache)
        self._inputs = subject.inputs(plan)
        self._session: Session | None = None
        self._noted = False

    def result(self) -> tuple[FineTuning, Backbone | None]:
        """Tries, decides, and trains the tail that is shipped."""
        subject, plan = self._subject, self._plan
        linear = self._results.recall("linear", self._inputs, (), lambda: linear_loss(subject, plan))
        photos = len(np.unique(subject.photos))
        if linear < _NOTHING_TO_GAIN:
            reason = f"the head alone leaves little to gain: log loss {linear:.3f} on held-out photos"
            return FineTuning(kept=False, reason=reason, photos=photos), None
        comparison, folds = judged(self._folds())
        seconds, memory = sum(fold.seconds for fold in folds), max(fold.memory for fold in folds)

        def result(seconds: float, memory: int) -> FineTuning:
            return FineTuning(
                kept=comparison.wins, reason=verdict(comparison), cut=plan.cut, photos=photos, epochs=plan.epochs,
                comparison=comparison, seconds=seconds, memory=memory,
            )  # fmt: skip

        if not comparison.wins:
            return result(seconds, memory), None
        made, backbone = self._tuned()
        return result(seconds + made.seconds, max(memory, made.memory)), backbone

    def _folds(self) -> Iterator[Fold]:
        for number in range(FOLDS):

            def compute(number: int = number) -> Fold:
                session = self._opened()
                with self._reporter.progress(f"trial {number + 1} of {FOLDS}", "steps") as progress:
                    return try_fold(session, number, progress, self._measured)

            yield self._results.recall("fold", (*self._inputs, number), (Fold, Trial), compute)

    def _tuned(self) -> tuple[Made, Backbone]:
        """The tuned backbone, from the cache or trained."""

        def compute() -> Made:
            session = self._opened()
            with self._reporter.progress("fine-tuning", "steps") as progress:
                return make_tail(session, progress, self._measured)

        made = self._results.recall("tail", self._inputs, (Made,), compute)
        backbone = find_tuned(self._subject, self._plan)
        if backbone is None:  # removed from the cache, or damaged
            made = compute()
            backbone = find_tuned(self._subject, self._plan)
        assert backbone is not None  # noqa: S101  it was stored
        return made, backbone

    def _opened(self) -> Session:
        if self._session is None:
            folder = self._stack.enter_context(scratch())
            with self._reporter.progress("maps") as progress:
                self._session = open_session(self._subject, self._plan, folder, progress)
        return self._session

    def _measured(self, start: float, step: float) -> None:
        """Notes once how long the trainings take at most."""
        if self._noted:
            return
        self._noted = True
        photos = len(np.unique(self._subject.photos))
        shares = [*[1 - 1 / FOLDS] * FOLDS, 1]
        steps = sum(self._plan.epochs * math.ceil(photos * share / BATCH) for share in shares)
        self._reporter.note(
            f"note: fine-tuning the layers behind {self._plan.cut} takes up to "
            f"{_duration(len(shares) * start + steps * step)}: {FOLDS} trials, and one more training if they win"
        )


def _duration(seconds: float) -> str:
    """A duration in words, rounded up."""
    if seconds < 100:  # noqa: PLR2004  below, minutes are too coarse
        return f"{math.ceil(seconds / 10) * 10} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
