"""Chooses the frames that the model is uncertain about, and has them stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.errors import PhotoError, os_reason
from graft_device.outputs.photo_notes import DIGEST_DIGITS, PhotoNotes
from graft_device.ranking import UNKNOWN
from graft_device.sources.base import Frame, Note

if TYPE_CHECKING:
    from graft_device.outputs.uncertain_store import UncertainStore
    from graft_device.preprocess import PhotoSource
    from graft_device.ranking import Prediction

PAUSE_S = 2.0
"""Seconds of a camera or video in which at most one uncertain frame is kept: neighbouring frames look the same."""


@dataclass(frozen=True)
class FrameAnswer:
    """The model's answer for one frame, before any smoothing.

    Attributes:
        photo: the frame as ``Classifier`` takes it: a path, or RGB pixels ``[H,W,3]``, uint8.
        predictions: labels with their scores, best first.
        best: the best score, 0 to 1.
        unknown: whether the best score is below the threshold.
        source: the name of the source; None for that of the frame.
        region: the name of the region; None for the whole frame.
        model: the SHA-256 of the model's file; empty if it is not known.
    """

    photo: PhotoSource
    predictions: tuple[Prediction, ...]
    best: float
    unknown: bool
    source: str | None = None
    region: str | None = None
    model: str = ""

    @property
    def label(self) -> str:
        """The best label, or ``unknown``."""
        return UNKNOWN if self.unknown else self.predictions[0].label

    def notes(self, frame: Frame, said: str | None = None) -> PhotoNotes:
        """What to note in a photo of the frame; ``said`` is what a person said that it shows."""
        source = frame.source if self.source is None else self.source
        model = self.model[:DIGEST_DIGITS]
        return PhotoNotes(frame.time, source, self.region or "", said, model, self.predictions, self.unknown)


class UncertainFrames:
    """Keeps the frames with a low best score. A full disk is noted once and stops nothing."""

    def __init__(self, store: UncertainStore, below: float, moving: bool, note: Note) -> None:
        """Stores nothing until the first frame is offered.

        Args:
            store: where the frames are stored.
            below: the score below which a frame is kept, 0 to 1. Unknown frames are always kept.
            moving: whether the frames follow one another, as those of a camera or video do.
            note: called with a line when a frame cannot be stored, once per outage.
        """
        self._store = store
        self._below = below
        self._pause = PAUSE_S if moving else 0.0
        self._note = note
        self._last = float("-inf")
        self._failing = False

    def offer(self, frame: Frame, answer: FrameAnswer) -> None:
        """Stores the frame if the model is uncertain about it and the last stored one is long enough ago."""
        now = frame.monotonic if frame.position is None else frame.position
        if not (answer.unknown or answer.best < self._below) or now - self._last < self._pause:
            return
        try:
            as_it_came = isinstance(answer.photo, bytes)  # a still camera's picture stays the file that it is
            notes = None if as_it_came else answer.notes(frame)
            self._store.save(answer.photo, frame.time, answer.label, answer.predictions, notes)
        except PhotoError:
            return  # the file was deleted in the meantime
        except OSError as error:
            if not self._failing:
                self._note(f"cannot keep uncertain photos: {os_reason(error)}")
            self._failing = True
            return
        self._failing = False
        self._last = now
