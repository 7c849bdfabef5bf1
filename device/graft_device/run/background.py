"""What a still camera sees while nothing moves, and which parts of a picture differ from it.

A light that changes keeps the pattern of what it shines on; a thing that moves replaces it. So a straight line from the
background to the picture is fitted before they are compared: one for the whole view, which follows exposure and
daylight, and one around each cell, which follows a lamp that lights a part of a room. What the lines do not explain,
and what is more than the noise of the cell, has moved.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from graft_device.run.cells import REACH, Boxes, Cells, edges, largest_near, line_between, spread, together

Marks = NDArray[np.bool_]
"""Whether something holds for each cell ``[h,w]``."""

STILL_S = 20.0
"""Seconds after which what stopped moving belongs to the background."""

_DRIFT_S = 12.0  # seconds in which the background follows slow changes
_NOISES = 4.5  # standard deviations of noise that a cell must differ by
_LEAST = 4.0  # levels that it must differ by; JPEG and video coding shift a cell by fewer
_FLOOR = 0.4  # levels of noise that a cell has at least: its mean is rounded
_MOST = 6.0  # levels; where the middle cell differs by more, it is not only noise
_FIRST = 1.5  # levels of noise to begin with
_LEARNED_IN = 100  # frames in which the noise of a cell is learned
_AT_ONCE = 3.0  # standard deviations by which one frame counts at most, so that things that pass are not noise
_SHAKE = 0.14  # cells that a mount may shake by, about a pixel of 640
_MISFIT = 0.2  # of a change of light nearby that the line of a cell may miss, at the edge of a lamp's cone
_LIT = 0.12  # of the view that changes in one frame, if it is light with a sharp edge
_PATTERN = 0.5  # correlation of a part with its background that shows the same pattern


class Background:
    """The background of one view, which adapts."""

    def __init__(self, cells: Cells, now: float) -> None:
        """Takes a first picture ``[h,w]`` for the background, at a time in seconds."""
        self._mean, self._last = cells, cells
        self._variance = np.full(cells.shape, _FIRST**2, np.float32)
        self._changed_at = np.full(cells.shape, now)
        self._boxes = Boxes((cells.shape[0], cells.shape[1]))
        self._now, self._frames, self._share = now, 1, 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns of the cells."""
        return self._mean.shape

    def moved(self, cells: Cells, now: float) -> Marks:
        """Finds the cells in which something moved, and learns from the picture.

        Args:
            cells: the next picture, of the same shape.
            now: its time in seconds, not before that of the last one.
        """
        gain, offset = line_between(self._mean, cells)
        self._mean = gain * self._mean + offset
        self._last = gain * self._last + offset
        differs = cells - self._mean
        noise = min(spread(differs), _MOST)
        limit = np.maximum(_NOISES * np.maximum(np.sqrt(self._variance), max(noise, _FLOOR)), _LEAST)
        changed = np.abs(differs) > limit
        moved = together(changed)
        if moved.any():
            moved = together(moved & self._unexplained(cells, noise, limit))
        if self._is_light(cells, changed, moved, noise):
            self._mean[changed] = cells[changed]
            moved = np.zeros_like(moved)
        else:
            self._follow(cells, changed, moved, limit, now)
        self._learn_noise(cells)
        self._last, self._now, self._frames = cells, now, self._frames + 1
        return moved

    def _unexplained(self, cells: Cells, noise: float, limit: Cells) -> Marks:
        """Where a straight line from the background to the picture does not fit, as guided filters use it."""
        mean, now, square, product = self._boxes(self._mean, cells)
        steady = np.float32(4 * noise**2 + 1)  # without a pattern, the line is one of gain 1
        gain = (product - mean * now + steady) / (square - mean * mean + steady)
        lit = (now + 1) / (mean + 1)  # the gain, if no light was added in front of the view
        gain = np.minimum(np.maximum(gain, np.minimum(lit, 1)), np.maximum(lit, 1))
        left = cells - now - gain * (self._mean - mean)
        misfit = _MISFIT * largest_near(np.abs(now - mean), (REACH, REACH))
        bound = limit + misfit + _SHAKE * np.minimum(edges(self._mean), edges(cells))
        unexplained: Marks = np.abs(left) > bound
        return unexplained

    def _is_light(self, cells: Cells, changed: Marks, moved: Marks, noise: float) -> bool:
        """Whether a large part of the view changed in this frame and kept its pattern, as a lamp with a shade does."""
        before, self._share = self._share, float(changed.mean())
        inside = changed & ~moved
        if self._share < _LIT or before > _LIT / 5 or 2 * inside.sum() < changed.sum():
            return False
        mean, now, _, _ = self._boxes(self._mean, cells)
        earlier, later = (self._mean - mean)[inside], (cells - now)[inside]
        strength = float((earlier * earlier).sum())
        if strength > 4 * (noise**2 + 1) * len(earlier):
            common = float((earlier * later).sum())
            if common < _PATTERN * math.sqrt(strength * float((later * later).sum())):
                return False
        self._share = 0.0
        return True

    def _follow(self, cells: Cells, changed: Marks, moved: Marks, limit: Cells, now: float) -> None:
        """Moves the background towards the picture: slowly, faster where light changed, and not where things are."""
        self._changed_at[np.abs(cells - self._last) > limit] = now
        slow = max(1 - math.exp(-(now - self._now) / _DRIFT_S), 1 / self._frames)
        rate = np.where(changed, np.float32(min(4 * slow, 1)), np.float32(slow))
        if moved.any():  # light explains the middle of a large thing as well, and it must not leave a ghost
            thing = moved | (changed & (largest_near(moved.astype(np.float32), (1, 2, 4, 8)) > 0))
            rate[thing] = np.where(now - self._changed_at[thing] > STILL_S, np.float32(1), np.float32(0))
        self._mean = self._mean + rate * (cells - self._mean)

    def _learn_noise(self, cells: Cells) -> None:
        """Learns how much each cell changes from frame to frame; the difference of two has twice the variance."""
        change = np.minimum(np.abs(cells - self._last), math.sqrt(2) * _AT_ONCE * np.sqrt(self._variance) + _FLOOR)
        self._variance += np.float32(max(1 / _LEARNED_IN, 1 / self._frames)) * (change * change / 2 - self._variance)
