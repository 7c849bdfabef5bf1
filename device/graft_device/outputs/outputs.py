"""Where answers go: to be shown, to a broker, and unsure pictures to a folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.errors import PhotoError, os_reason
from graft_device.outputs.events import Event, Keeper
from graft_device.sources.base import Frame, Note

if TYPE_CHECKING:
    from graft_device.classifier import Prediction
    from graft_device.outputs.mqtt import Publisher
    from graft_device.outputs.uncertain import UncertainStore
    from graft_device.preprocess import PhotoSource

PAUSE_S = 2.0
"""Of a camera or video, at most one unsure picture in this time is kept: its neighbours look the same."""


@dataclass(frozen=True)
class Answer:
    """What the model says of one picture by itself, before any smoothing; best label first."""

    photo: PhotoSource
    predictions: tuple[Prediction, ...]
    best: float
    unknown: bool


class Unsure:
    """Keeps the pictures whose best score is low; a disk that takes none is noted once, and stops nothing."""

    def __init__(self, store: UncertainStore, below: float, moving: bool, note: Note) -> None:
        """Keeps nothing yet.

        Args:
            store: where they go.
            below: the score under which a picture is kept; unknown ones always are.
            moving: whether pictures follow one another, as a camera's do.
            note: takes a line when a picture cannot be kept, once each time it begins.
        """
        self._store = store
        self._below = below
        self._pause = PAUSE_S if moving else 0.0
        self._note = note
        self._last = float("-inf")
        self._failing = False

    def offer(self, frame: Frame, answer: Answer) -> None:
        """Keeps the picture if the answer is unsure and the last one is long enough ago."""
        now = frame.monotonic if frame.position is None else frame.position
        if not (answer.unknown or answer.best < self._below) or now - self._last < self._pause:
            return
        try:
            self._store.save(answer.photo, frame.time, answer.predictions[0].label, answer.predictions)
        except PhotoError:
            return  # deleted since
        except OSError as error:
            if not self._failing:
                self._note(f"cannot keep unsure pictures: {os_reason(error)}")
            self._failing = True
            return
        self._failing = False
        self._last = now


def tolerant(show: Callable[[Event], None], note: Note) -> Callable[[Event], None]:
    """Prints events as long as that can be done, for a run whose events go elsewhere, too.

    A full disk below a log is noted once each time it begins. A reader that went away still ends the run.
    """
    failing = False

    def shown(event: Event) -> None:
        nonlocal failing
        try:
            show(event)
        except BrokenPipeError:
            raise
        except OSError as error:
            if not failing:
                note(f"cannot print events: {os_reason(error)}; they still go to the broker")
            failing = True
            return
        failing = False

    return shown


@dataclass(frozen=True)
class Outputs:
    """Everything that is done with what was seen.

    Attributes:
        show: prints an event.
        show_failure: prints that a photo cannot be read, and why.
        keeper: numbers the events, and stores them for the broker.
        publisher: sends them, if there is a broker.
        unsure: keeps unsure pictures, if wanted.
    """

    show: Callable[[Event], None]
    show_failure: Callable[[Frame, str], None]
    keeper: Keeper
    publisher: Publisher | None = None
    unsure: Unsure | None = None

    def event(self, event: Event) -> None:
        """Stores an event first, so that it is safe before anybody sees it; then sends and shows it."""
        numbered = self.keeper.keep(event)
        if self.publisher is not None:
            self.publisher.publish(numbered)
        self.show(numbered)

    def picture(self, frame: Frame, answer: Answer) -> None:
        """A picture was classified, whether or not there is an event of it."""
        if self.unsure is not None:
            self.unsure.offer(frame, answer)
