"""What a view shows at this moment, as pictures are kept of it: its part of the newest frame, and what is noted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graft_device.outputs.photo_notes import DIGEST_DIGITS, PhotoNotes
from graft_device.run.sight import cropped

if TYPE_CHECKING:
    from graft_device.camera_page.shown import ShownView
    from graft_device.preprocess import PhotoSource
    from graft_device.run.observers import SeenFrame
    from graft_device.sources.base import Frame


@dataclass(frozen=True)
class Sighted:
    """The newest frame of a view.

    Attributes:
        shown: the view.
        frame: the frame, whether or not the model has seen it.
        whole: returns it without the masked parts: RGB pixels ``[H,W,3]``, uint8, or a file's path or bytes.
        seen: what the model saw last: this frame, or one before it where nothing has moved since.
        present: whether the source gives frames.
    """

    shown: ShownView
    frame: Frame
    whole: Callable[[], PhotoSource]
    seen: SeenFrame
    present: bool

    @property
    def number(self) -> tuple[int, int]:
        """Different for each frame of a source."""
        return self.frame.session, self.frame.number

    @property
    def is_seen(self) -> bool:
        """Whether the model has seen this very frame."""
        return self.number == (self.seen.frame.session, self.seen.frame.number)

    def photo(self) -> PhotoSource:
        """The view's part of the frame.

        Raises:
            PhotoError: it cannot be read any more.
            AreaError: the region is not in the frame.
        """
        if self.is_seen:
            return self.seen.photo
        whole = self.whole()
        if self.shown.roi is None:
            return whole
        if not isinstance(whole, np.ndarray):  # a file, of which the part was decoded elsewhere
            return self.seen.photo
        pixels = np.asarray(whole, np.uint8)
        return np.ascontiguousarray(cropped(pixels, self.shown.roi.box(pixels.shape[1], pixels.shape[0])))

    def notes(self, said: str) -> PhotoNotes:
        """What to note in a picture of it; what the model said only where it has seen this very frame.

        Args:
            said: what a person said that it shows.
        """
        view, place = self.shown.view, self.shown.view.region or ""
        if not self.is_seen:
            return PhotoNotes(self.frame.time, view.source, place, said)
        return notes_of_seen(self.shown, self.seen, said)


def notes_of_seen(shown: ShownView, seen: SeenFrame, said: str) -> PhotoNotes:
    """What to note in a picture of a frame that the model has seen; ``said`` is what a person said that it shows."""
    answer, view = seen.answer, shown.view
    return PhotoNotes(
        seen.frame.time, view.source, view.region or "", said, seen.model[:DIGEST_DIGITS], tuple(answer), answer.unknown
    )
