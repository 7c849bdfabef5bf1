"""Decides at which frames pictures are taken without a key: at times, when something moves, at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.run.event_maker import now_of
from graft_device.run.motion import MotionGate
from graft_device.run.sight import cropped
from graft_device.system.pacing import Pace

if TYPE_CHECKING:
    from graft_device.config.areas import Roi
    from graft_device.run.sight import Sight
    from graft_device.sources.base import Frame

MOTION_PAUSE_S = 1.0
"""Seconds between two pictures while something moves, unless others are given: neighbouring frames look the same."""


@dataclass(frozen=True)
class Occasions:
    """When pictures are taken without a key.

    Attributes:
        every: the seconds between two; None for no such times.
        on_motion: the sensitivity, 0 to 1: only frames in which something moves count; None for all.
        once: whether the first frame counts, and no other.
        each: whether each frame counts, as each photo of a folder does.
    """

    every: float | None = None
    on_motion: float | None = None
    once: bool = False
    each: bool = False

    @property
    def any(self) -> bool:
        """Whether a picture can be taken without a key."""
        return self.every is not None or self.on_motion is not None or self.once or self.each


class Trigger:
    """Asks each frame whether pictures are taken from it on.

    Attributes:
        fired: whether it has fired.
    """

    def __init__(self, occasions: Occasions, roi: Roi | None) -> None:
        """Creates a trigger that has seen no frame.

        Args:
            occasions: when it fires.
            roi: the part of the frame in which motion counts; None for the whole.
        """
        self._occasions = occasions
        self._roi = roi
        pause = MOTION_PAUSE_S if occasions.every is None and occasions.on_motion is not None else occasions.every
        self._pace = Pace(0.0 if occasions.each else pause or 0.0)
        sensitivity = occasions.on_motion
        self._gate = None if sensitivity is None else MotionGate(sensitivity, linger_s=0.0)
        self._session = 0
        self.fired = False

    def fires(self, frame: Frame, sight: Sight) -> bool:
        """Whether pictures are taken from this frame on.

        Raises:
            PhotoError: the frame cannot be read.
            AreaError: the region is not in the frame.
        """
        moving = self._gate is None or self._moves(self._gate, frame, sight)
        due = not self._pace.wait_s(now_of(frame)) and not (self._occasions.once and self.fired)
        if not (self._occasions.any and moving and due):
            return False
        self._pace.record(now_of(frame))
        self.fired = True
        return True

    def _moves(self, gate: MotionGate, frame: Frame, sight: Sight) -> bool:
        if frame.session != self._session:  # the camera was away meanwhile
            self._session = frame.session
            gate.reset()
        plane = sight.brightness()
        box = None if self._roi is None else self._roi.box(plane.shape[1], plane.shape[0])
        gate.update(cropped(plane, box), now_of(frame))
        return gate.moving
