"""Makes the events of one view: smooths its scores, and reports every answer, changes, or states."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from graft_device.outputs.events import ANSWER, CHANGE, LEAVE, Event, new_id
from graft_device.ranking import Answer, Prediction, rank
from graft_device.run.smoothing import Changes, Smoother
from graft_device.run.states import States, Transition
from graft_device.sources.base import utc_now

if TYPE_CHECKING:
    from graft_device.classifier import Classifier, Scores
    from graft_device.config.settings import AnswerSettings
    from graft_device.outputs.views import View
    from graft_device.preprocess import PhotoSource
    from graft_device.run.frame_reader import FrameReader
    from graft_device.sources.base import Frame


@dataclass(frozen=True)
class ClassifiedFrame:
    """A frame with its probabilities.

    Attributes:
        photo: what the model saw, as ``Classifier`` takes it: a path, or RGB pixels ``[H,W,3]``, uint8.
        scores: the probabilities ``[K]``, and the milliseconds for preprocessing and inference.
        load_ms: the milliseconds for loading the frame.
    """

    photo: PhotoSource
    scores: Scores
    load_ms: float

    def ms(self, frame: Frame) -> dict[str, float]:
        """Milliseconds: ``preprocess``, ``invoke``, and ``age``, the time from the frame to the answer."""
        return {
            "preprocess": self.load_ms + self.scores.preprocess_ms,
            "invoke": self.scores.invoke_ms,
            "age": (time.monotonic() - frame.monotonic) * 1e3,
        }


def classify_photo(classifier: Classifier, photo: PhotoSource, reader: FrameReader, load_ms: float) -> ClassifiedFrame:
    """Classifies what a view shows of a frame.

    Args:
        classifier: the model.
        photo: what the model sees.
        reader: decodes and resizes it.
        load_ms: the milliseconds that it took to load it.

    Raises:
        PhotoError: the photo cannot be read.
        StoppedError: the run should end.
        ModelError: the network fails.
    """
    return ClassifiedFrame(photo, classifier.scores_timed(photo, reader), load_ms)


@dataclass(frozen=True)
class Naming:
    """What an event of a view carries besides its answer.

    Attributes:
        source: the name of the source in events; None for that of each frame.
        region: the name of the region; None for the whole frame.
        model: the name of the model; None if the run has only one.
        view: the id of the view; empty if the run has only one.
    """

    source: str | None = None
    region: str | None = None
    model: str | None = None
    view: str = ""


class EventMaker:
    """Makes the events of one view. They have the number 0."""

    def __init__(
        self, classifier: Classifier, view: View, answers: AnswerSettings, naming: Naming, lasting: bool = True
    ) -> None:
        """Creates a maker that has seen no frame.

        Args:
            classifier: the model, for its labels.
            view: its threshold counts.
            answers: what is reported.
            naming: what each event carries.
            lasting: whether an answer holds until the next one, as a camera's does.
        """
        self._labels = classifier.labels
        self._novel_below = classifier.model.novel_below
        self._threshold = view.threshold
        self._answers = answers
        self._naming = naming
        self._smoother = Smoother(answers.smooth)
        self._changes = Changes(classifier.labels, view.threshold)
        self._states = States(answers, lasting) if answers.states else None
        self._lasting = lasting
        self._session = 0
        self._dropped = 0
        self._last: Event | None = None
        self._held: Event | None = None

    @property
    def state(self) -> str | None:
        """The label of the state; None if there is none, or states are not wanted."""
        return None if self._states is None else self._states.label

    def answered(self, frame: Frame, classified: ClassifiedFrame) -> list[Event]:
        """The events for a frame: one; or none or several, if only changes or states are reported."""
        if frame.session != self._session:  # frames from before the camera was lost no longer count
            self._session = frame.session
            self._smoother.reset()
        scores = self._smoother.add(classified.scores.values)
        self._dropped += frame.dropped
        if self._states is None and self._answers.changes and not self._changes.changed(scores):
            return []
        answer = rank(self._labels, scores, self._answers.top_k, self._threshold, self._novel_below)
        event = self._event(frame, classified, answer)
        if self._states is None:
            self._dropped = 0
            return [replace(event, kind=CHANGE if self._answers.changes else ANSWER)]
        self._last = event
        made = self._transitions(self._states.add(answer.label, answer[0].score, now_of(frame)), event)
        if event.label == self._states.label:
            self._held = event
        return made

    def still(self, frame: Frame) -> list[Event]:
        """The events for a frame that the motion gate held back."""
        self._dropped += frame.dropped
        if self._states is None or self._last is None:
            return []
        self._last = self._at(frame)
        return self._transitions(self._states.still(now_of(frame)), self._last)

    def waited(self, now: float) -> list[Event]:
        """The events that become due without a frame, at ``now`` in seconds of ``time.monotonic``."""
        if self._states is None or self._last is None or self._last.position is not None:
            return []
        return self._transitions(self._states.tick(now), self._later())

    def lost(self, now: float) -> list[Event]:
        """The events when the source goes away."""
        if self._states is None or self._last is None:
            return []
        return self._transitions(self._states.lost(now), self._later())

    def ended(self) -> list[Event]:
        """The events at the end of the run: a state is left."""
        if self._states is None or self._last is None:
            return []
        position = self._last.position
        return self._transitions(self._states.end(time.monotonic() if position is None else position), self._later())

    def _event(self, frame: Frame, classified: ClassifiedFrame, answer: Answer) -> Event:
        naming = self._naming
        return Event(
            id=new_id(),
            seq=0,
            time=frame.time,
            source=naming.source or frame.source,
            predictions=tuple(answer),
            unknown=answer.unknown,
            reason=answer.reason,
            ms=classified.ms(frame),
            dropped=self._dropped,
            position=frame.position,
            photo=classified.photo,
            region=naming.region,
            model=naming.model,
            view=naming.view,
            file=None if self._lasting or naming.source is None else frame.source,
        )

    def _at(self, frame: Frame) -> Event:
        """The last answer at the time of a later frame."""
        assert self._last is not None  # noqa: S101  the callers ask before
        return replace(self._last, time=frame.time, position=frame.position)

    def _later(self) -> Event:
        """The last answer at this moment."""
        assert self._last is not None  # noqa: S101  the callers ask before
        return replace(self._last, time=utc_now())

    def _transitions(self, transitions: list[Transition], event: Event) -> list[Event]:
        made = [self._transition(transition, event) for transition in transitions]
        if made:
            self._dropped = 0
        return made

    def _transition(self, transition: Transition, event: Event) -> Event:
        shown = event if event.label == transition.label else self._shown(transition.label)
        return replace(
            event,
            id=new_id(),
            kind=transition.kind,
            predictions=shown.predictions if shown else (Prediction(transition.label, transition.score),),
            photo=shown.photo if shown else None,
            unknown=False,
            reason=None,
            duration=transition.duration if transition.kind == LEAVE else None,
        )

    def _shown(self, label: str) -> Event | None:
        """The newest answer with a state's label: what is there when it is left is something else."""
        return self._held if self._held is not None and self._held.label == label else None


def now_of(frame: Frame) -> float:
    """The time of a frame in seconds: by its video's clock, or by the monotonic one."""
    return frame.monotonic if frame.position is None else frame.position
