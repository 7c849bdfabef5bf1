"""The motion gate of ``--on-motion``: which frames of a view are worth a model's time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graft_device.run.background import Background
from graft_device.run.cells import shrink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SENSITIVITY = 0.5
"""The usual sensitivity: a thousandth of the view must move, which is 18 x 18 pixels of 640 x 480."""

LINGER_S = 5.0
"""Seconds after the last motion in which frames are still classified."""


def smallest_share(sensitivity: float) -> float:
    """The smallest share of the view that must move: 1% at sensitivity 0, 0.1% at 0.5, and 0.01% at 1."""
    return math.pow(10, -2 - 2 * min(max(sensitivity, 0.0), 1.0))


class MotionGate:
    """Decides for each frame of one view whether it is classified.

    A frame is classified if something moves in it, for some seconds after that, and once in ``at_least_every``. Noise
    and light that changes are no motion. The first frames are classified, as after a motion.
    """

    def __init__(
        self, sensitivity: float = SENSITIVITY, at_least_every: float | None = None, linger_s: float = LINGER_S
    ) -> None:
        """Creates a gate that has seen no frame.

        Args:
            sensitivity: 0 to 1; see ``smallest_share``.
            at_least_every: the seconds after which a frame is classified without motion; None for never.
            linger_s: the seconds after a motion in which frames are classified.
        """
        self._least = smallest_share(sensitivity)
        self._every = math.inf if at_least_every is None else at_least_every
        self._linger_s = linger_s
        self.reset()

    @property
    def share(self) -> float:
        """The share of the view that moved in the last frame, 0 to 1."""
        return self._share

    @property
    def moving(self) -> bool:
        """Whether that was enough to count as motion."""
        return self._share >= self._least

    def reset(self) -> None:
        """Starts over, as after a camera was lost: the next frame is a first one."""
        self._background: Background | None = None
        self._share = 0.0
        self._until = self._classified = self._now = -math.inf

    def update(self, pixels: NDArray[np.uint8], now: float) -> bool:
        """Looks at the next frame of the view. Another size, or a time that runs backwards, starts over.

        Args:
            pixels: RGB ``[H,W,3]`` or grey ``[H,W]``, uint8; what the model would see.
            now: the time of the frame, in seconds of a monotonic clock or from the start of a video.

        Returns:
            Whether the frame is to be classified.
        """
        cells = shrink(pixels)
        if self._background is None or self._background.shape != cells.shape or now < self._now:
            self.reset()
            self._background = Background(cells, now)
            self._until = now + self._linger_s
        else:
            self._share = float(self._background.moved(cells, now).mean())
            if self.moving:
                self._until = now + self._linger_s
        self._now = now
        wanted = self.moving or now <= self._until or now - self._classified >= self._every
        if wanted:
            self._classified = now
        return wanted
