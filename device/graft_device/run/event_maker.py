"""Classifies a frame and makes an event of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.outputs.events import Event, new_id
from graft_device.outputs.uncertain_frames import FrameAnswer
from graft_device.ranking import rank
from graft_device.run.plan import Plan
from graft_device.run.smoothing import Changes, Smoother

if TYPE_CHECKING:
    from graft_device.classifier import Classifier, Scores
    from graft_device.preprocess import PhotoSource
    from graft_device.run.frame_reader import FrameReader
    from graft_device.sources.base import Frame


@dataclass(frozen=True)
class ClassifiedFrame:
    """A frame with its probabilities.

    Attributes:
        photo: the frame as ``Classifier`` takes it: a path, or RGB pixels ``[H,W,3]``, uint8.
        scores: the probabilities ``[K]``, and the milliseconds for preprocessing and inference.
        load_ms: the milliseconds for loading the frame.
    """

    photo: PhotoSource
    scores: Scores
    load_ms: float


def classify_frame(classifier: Classifier, frame: Frame, reader: FrameReader) -> ClassifiedFrame:
    """Loads and classifies a frame.

    Args:
        classifier: the model.
        frame: the frame.
        reader: decodes and resizes it.

    Raises:
        PhotoError: the frame cannot be read.
        StoppedError: the run should end.
        ModelError: the network fails.
    """
    start = time.perf_counter()
    photo = frame.load()
    load_ms = (time.perf_counter() - start) * 1e3
    return ClassifiedFrame(photo, classifier.scores_timed(photo, reader), load_ms)


def answer_for(classified: ClassifiedFrame, labels: tuple[str, ...], plan: Plan) -> FrameAnswer:
    """The model's answer for one frame, before any smoothing, with at least three labels."""
    scores = classified.scores.values
    answer = rank(labels, scores, max(plan.top_k, 3), plan.unknown_below)
    return FrameAnswer(classified.photo, tuple(answer), float(scores.max()), answer.unknown)


class EventMaker:
    """Makes events: smooths the scores, and skips frames without a change if only changes are wanted."""

    def __init__(self, classifier: Classifier, plan: Plan) -> None:
        """Creates a maker that has seen no frame."""
        self._labels = classifier.labels
        self._novel_below = classifier.model.novel_below
        self._plan = plan
        self._smoother = Smoother(plan.smooth)
        self._changes = Changes(classifier.labels, plan.unknown_below)
        self._session = 0
        self._dropped = 0

    def event(self, frame: Frame, classified: ClassifiedFrame) -> Event | None:
        """The event for a frame, with the number 0; None if only changes are wanted and the label did not change."""
        if frame.session != self._session:  # frames from before the camera was lost no longer count
            self._session = frame.session
            self._smoother.reset()
        scores = self._smoother.add(classified.scores.values)
        self._dropped += frame.dropped
        if self._plan.changes and not self._changes.changed(scores):
            return None
        answer = rank(self._labels, scores, self._plan.top_k, self._plan.unknown_below, self._novel_below)
        ms = {
            "preprocess": classified.load_ms + classified.scores.preprocess_ms,
            "invoke": classified.scores.invoke_ms,
            "age": (time.monotonic() - frame.monotonic) * 1e3,
        }
        dropped, self._dropped = self._dropped, 0
        return Event(
            id=new_id(),
            seq=0,
            time=frame.time,
            source=frame.source,
            predictions=tuple(answer),
            unknown=answer.unknown,
            reason=answer.reason,
            ms=ms,
            dropped=dropped,
            position=frame.position,
            photo=classified.photo,
        )
