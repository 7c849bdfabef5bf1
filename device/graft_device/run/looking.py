"""A view at work: asks the motion gate, crops the region, classifies it, and reports."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from graft_device.outputs.uncertain_frames import FrameAnswer
from graft_device.ranking import rank
from graft_device.run.event_maker import EventMaker, Naming, classify_photo, now_of
from graft_device.run.observers import Box, SeenFrame
from graft_device.run.sight import Sight, cropped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graft_device.classifier import Classifier
    from graft_device.config.areas import Roi
    from graft_device.config.settings import AnswerSettings
    from graft_device.outputs.events import Event
    from graft_device.outputs.uncertain_frames import UncertainFrames
    from graft_device.outputs.views import View
    from graft_device.preprocess import PhotoSource
    from graft_device.ranking import Answer
    from graft_device.run.event_maker import ClassifiedFrame
    from graft_device.run.frame_reader import FrameReader
    from graft_device.run.observers import Observer
    from graft_device.sources.base import Frame

_LEAST_LABELS = 3


class Gate(Protocol):
    """Decides which frames are looked at; see ``MotionGate``."""

    def update(self, pixels: NDArray[np.uint8], now: float) -> bool:
        """Whether a frame, ``[H,W]`` or ``[H,W,3]``, is looked at; ``now`` in seconds."""

    def reset(self) -> None:
        """Starts over: the next frame has nothing to do with the last."""


@dataclass(frozen=True)
class LookPlan:
    """What a view looks at, and what becomes of it.

    Attributes:
        view: its names; its labels and threshold are those of the model in use.
        roi: the region; None for the whole frame.
        answers: what is reported.
        naming: what its events carry.
        gate: holds frames back in which nothing moves; None for no gate.
        uncertain: keeps the frames that the model is uncertain about; None if they are not wanted.
        lasting: whether an answer holds until the next one, as a camera's does.
    """

    view: View
    roi: Roi | None
    answers: AnswerSettings
    naming: Naming
    gate: Gate | None = None
    uncertain: UncertainFrames | None = None
    lasting: bool = True


class Look:
    """One model that looks at one part of a source's frames."""

    def __init__(self, plan: LookPlan, classifier: Classifier, observers: Sequence[Observer]) -> None:
        """Creates a look that has seen no frame.

        Args:
            plan: what it looks at.
            classifier: the model; other looks may share it.
            observers: called with each frame.
        """
        self._plan = plan
        self._observers = tuple(observers)
        self._session = 0
        self._state: str | None = None
        self._use(classifier)

    @property
    def view(self) -> View:
        """The view with the labels and the threshold of the model in use."""
        return self._view

    def use(self, classifier: Classifier) -> list[Event]:
        """Goes on with another model; returns the events that end the old one's state."""
        ended = self._reported(self._maker.ended())
        self._use(classifier)
        for observer in self._observers:
            observer.exchanged(self._view, classifier)
        return ended

    def look(self, frame: Frame, sight: Sight, reader: FrameReader) -> list[Event]:
        """Looks at a frame.

        Args:
            frame: its times.
            sight: its pixels.
            reader: decodes and resizes it.

        Returns:
            The events that it makes, with the number 0.

        Raises:
            PhotoError: the frame cannot be read.
            StoppedError: the run should end.
            ModelError: the network fails.
        """
        if self._held_back(frame, sight):
            for observer in self._observers:
                observer.still(self._view, frame, sight.photo)
            return self._reported(self._maker.still(frame))
        start = time.perf_counter()
        photo, box = (sight.photo(), None) if self._plan.roi is None else self._region(sight)
        load_ms = (time.perf_counter() - start) * 1e3
        classified = classify_photo(self._classifier, photo, reader, load_ms)
        self._show(frame, sight, box, classified)
        return self._reported(self._maker.answered(frame, classified))

    def waited(self, now: float) -> list[Event]:
        """The events that become due without a frame."""
        return self._reported(self._maker.waited(now))

    def lost(self, now: float) -> list[Event]:
        """The events when the source goes away; the gate starts over."""
        if self._plan.gate is not None:
            self._plan.gate.reset()
        return self._reported(self._maker.lost(now))

    def ended(self) -> list[Event]:
        """The events at the end of the run."""
        return self._reported(self._maker.ended())

    def _use(self, classifier: Classifier) -> None:
        answers, card = self._plan.answers, classifier.model.card
        threshold = card.unknown_below if answers.threshold is None else answers.threshold
        self._classifier = classifier
        self._view = replace(self._plan.view, labels=classifier.labels, threshold=threshold)
        self._maker = EventMaker(classifier, self._view, answers, self._plan.naming, self._plan.lasting)

    def _held_back(self, frame: Frame, sight: Sight) -> bool:
        gate = self._plan.gate
        if gate is None:
            return False
        if frame.session != self._session:
            self._session = frame.session
            gate.reset()
        plane = sight.brightness()
        box = None if self._plan.roi is None else self._plan.roi.box(plane.shape[1], plane.shape[0])
        return not gate.update(cropped(plane, box), now_of(frame))

    def _region(self, sight: Sight) -> tuple[NDArray[np.uint8], Box]:
        pixels = sight.pixels()
        assert self._plan.roi is not None  # noqa: S101  the caller asks before
        box = self._plan.roi.box(pixels.shape[1], pixels.shape[0])
        return np.ascontiguousarray(cropped(pixels, box)), box

    def _show(self, frame: Frame, sight: Sight, box: Box | None, classified: ClassifiedFrame) -> None:
        """Shows the frame to the observers and to the folder of uncertain frames, if there are any."""
        if not self._observers and self._plan.uncertain is None:
            return
        scores, view, digest = classified.scores.values, self._view, self._classifier.model.digest
        count = max(self._plan.answers.top_k, _LEAST_LABELS)
        answer = rank(view.labels, scores, count, view.threshold, self._classifier.model.novel_below)
        best = float(scores.max())
        if self._plan.uncertain is not None:
            self._plan.uncertain.offer(frame, self._frame_answer(classified.photo, answer, best))
        seen = SeenFrame(frame, sight.photo, classified.photo, box, answer, best, classified.ms(frame), digest)
        for observer in self._observers:
            observer.seen(view, seen)

    def _frame_answer(self, photo: PhotoSource, answer: Answer, best: float) -> FrameAnswer:
        source, digest = self._plan.naming.source, self._classifier.model.digest
        return FrameAnswer(photo, tuple(answer), best, answer.unknown, source, self._view.region, digest)

    def _reported(self, events: list[Event]) -> list[Event]:
        if self._maker.state != self._state:
            self._state = self._maker.state
            for observer in self._observers:
                observer.state(self._view, self._state)
        return events
