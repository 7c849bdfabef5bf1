"""The states of a view: a label that enough answers agree on is entered, and left when it is gone."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.outputs.events import ENTER, LEAVE
from graft_device.ranking import UNKNOWN

if TYPE_CHECKING:
    from graft_device.config.settings import AnswerSettings


@dataclass(frozen=True)
class Transition:
    """A state begins or ends.

    Attributes:
        kind: ``enter`` or ``leave``.
        label: the state's label; never ``unknown``.
        score: the score of the newest answer with this label, 0 to 1.
        duration: seconds that the state lasted, of ``leave``; None for ``enter``.
        since: when the state was entered, in seconds of the clock that gave ``now``.
    """

    kind: str
    label: str
    score: float
    duration: float | None
    since: float


class States:
    """The state machine of one view. It has no clock: each method takes ``now``, in seconds of a monotonic clock.

    A label is *confirmed* by its newest answer when N of the last M answers are this label. Where another label is
    confirmed already, it must also have fewer of them: with N above half of M that follows, and with less it keeps two
    labels from taking turns. ``unknown`` is confirmed in the same way, and is no state. The state is the confirmed
    label, with two exceptions:

    - A state lasts at least ``hold`` seconds, whatever is confirmed meanwhile. Then it becomes what is confirmed.
    - With ``clear_after``, a confirmed ``unknown`` does not end a state. What ends it is another confirmed label, or
      ``clear_after`` seconds in which the answer was never its label.

    A view has one state at a time: the old one is left before the new one is entered, at the same moment.
    """

    def __init__(self, settings: AnswerSettings, lasting: bool = True) -> None:
        """Creates a machine without a state.

        Args:
            settings: ``confirm``, ``hold`` and ``clear_after`` count. Without ``confirm``, each answer is confirmed.
            lasting: whether an answer is valid until the next, as a camera's is that is asked only now and then. False
                for photos that come one by one: there, the seconds of ``clear_after`` begin with each answer.
        """
        confirm = settings.confirm
        self._needed = 1 if confirm is None else confirm.votes
        self._votes: deque[str] = deque(maxlen=1 if confirm is None else confirm.window)
        self._hold = settings.hold
        self._clear_after = settings.clear_after
        self._lasting = lasting
        self._scores: dict[str, float] = {}
        self._newest: str | None = None
        self._confirmed = UNKNOWN
        self._label: str | None = None
        self._since = 0.0
        self._missing: float | None = None
        self._now = float("-inf")

    @property
    def label(self) -> str | None:
        """The label of the present state; None for none."""
        return self._label

    def add(self, label: str, score: float, now: float) -> list[Transition]:
        """Takes an answer.

        Args:
            label: the best label after smoothing, or ``unknown``.
            score: its score, 0 to 1.
            now: the time of the answer, in seconds.

        Returns:
            What changes: nothing, a leave, an enter, or a leave and an enter.
        """
        self._newest = label
        self._scores[label] = score
        self._votes.append(label)
        if self._is_confirmed(label):
            self._confirmed = label
        return self._at(now, valid=True)

    def still(self, now: float) -> list[Transition]:
        """Takes a frame that the motion gate held back: the newest answer is still valid."""
        return self._at(now, valid=True)

    def tick(self, now: float) -> list[Transition]:
        """Lets time pass without a frame. What becomes due may also be an enter, after a hold."""
        return self._at(now, valid=False)

    def lost(self, now: float) -> list[Transition]:
        """Takes note that the source is away. Call it once or each time until it is back.

        Earlier answers no longer count. The state ends after ``clear_after``, or at once without it.
        """
        self._newest = None
        self._votes.clear()
        self._confirmed = UNKNOWN
        return self._at(now, valid=True)

    def end(self, now: float) -> list[Transition]:
        """Leaves the state, even before its hold is over, since the run or the model ends. Forgets all answers."""
        return [*self.lost(now), *self._change(None)]

    def _is_confirmed(self, label: str) -> bool:
        votes, held = self._votes.count(label), self._confirmed
        return votes >= self._needed and (held in {label, UNKNOWN} or votes > self._votes.count(held))

    def _at(self, now: float, valid: bool) -> list[Transition]:
        self._now = max(self._now, now)
        if self._newest != self._label:
            self._missing = self._now if self._missing is None else self._missing
        elif valid:
            self._missing = None
        due = self._label is None or self._now - self._since >= self._hold
        wanted = self._wanted()
        changes = self._change(wanted) if due and wanted != self._label else []
        if self._missing is None and not self._lasting:
            self._missing = self._now
        return changes

    def _wanted(self) -> str | None:
        """What the state would be without its hold; None for none."""
        if self._confirmed not in {self._label, UNKNOWN}:
            return self._confirmed
        if self._label is None or self._clear_after is None:
            return None if self._confirmed == UNKNOWN else self._label
        cleared = self._missing is not None and self._now - self._missing >= self._clear_after
        return None if cleared else self._label

    def _change(self, label: str | None) -> list[Transition]:
        changes = []
        if self._label is not None:
            lasted, score = self._now - self._since, self._scores[self._label]
            changes.append(Transition(LEAVE, self._label, score, lasted, self._since))
            if label is None:  # a new state with the same label needs new answers
                self._votes = deque((vote for vote in self._votes if vote != self._label), self._votes.maxlen)
                self._confirmed = UNKNOWN
        self._label, self._since = label, self._now
        self._missing = None if self._newest == label else self._now
        if label is not None:
            changes.append(Transition(ENTER, label, self._scores[label], None, self._now))
        return changes
