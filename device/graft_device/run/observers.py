"""The interface of what looks at each frame of a run besides the sinks: the page, figures, histograms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_device.classifier import Classifier
    from graft_device.outputs.views import View
    from graft_device.preprocess import PhotoSource
    from graft_device.ranking import Answer
    from graft_device.sources.base import Frame

Box = tuple[int, int, int, int]
"""Left, upper, right and lower edge in pixels; right and lower are outside."""


@dataclass(frozen=True)
class SeenFrame:
    """One frame that a model has seen.

    Attributes:
        frame: the frame, with its times.
        whole: returns the masked frame as ``Classifier`` takes it: RGB pixels ``[H,W,3]``, uint8, or a path or bytes
            where the view is a whole photo.
        photo: what the model saw: the whole, or the region's pixels.
        box: the region in pixels of the whole; None for the whole frame.
        answer: the answer before any smoothing, with at least three labels.
        best: the best score, 0 to 1.
        ms: milliseconds: ``preprocess``, ``invoke``, and ``age``, the time from the frame to the answer.
        model: the SHA-256 of the model's file in hexadecimal digits; empty if it is not known.
    """

    frame: Frame
    whole: Callable[[], PhotoSource]
    photo: PhotoSource
    box: Box | None
    answer: Answer
    best: float
    ms: dict[str, float]
    model: str = ""


class Observer:
    """Looks at each frame of a run, in the loop's thread: quick, and never raises. Each method does nothing here."""

    def turned(self) -> None:
        """Called several times a second while the loop is alive, with or without frames."""

    def seen(self, view: View, seen: SeenFrame) -> None:
        """Called after each classified frame of each view."""

    def still(self, view: View, frame: Frame, whole: Callable[[], PhotoSource]) -> None:
        """Called for a frame that the motion gate held back from a view."""

    def failed(self, source: str, reason: str) -> None:
        """Called for a frame or photo that cannot be read."""

    def state(self, view: View, label: str | None) -> None:
        """Called when a view's confirmed label changes; None for none."""

    def exchanged(self, view: View, classifier: Classifier) -> None:
        """Called when a view goes on with another model, whose labels and threshold it has from now on."""

    def present(self, source: str, present: bool) -> None:
        """Called when a source goes away, and when it is back."""
