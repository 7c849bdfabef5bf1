"""Lays one thumbnail over another so that they fit best, by small changes of scale, position and brightness.

The method is Lucas and Kanade, "An iterative image registration technique", 1981; gain and offset of the brightness are
fitted too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

SIDE = 32
"""Width and height of a thumbnail in pixels."""

GAINS = (0.55, 1 / 0.55)
"""The range of factors by which a copy may be brighter or more colourful."""

STILL = 0.15
"""A picture counts as cropped if its border moves by more pixels than this."""

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as in JPEG
_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]], np.float32)
_PLACES = ((np.arange(SIDE) + 0.5) / SIDE - 0.5).astype(np.float32)  # the positions of pixel centres; 0 is the middle
_SCALES = (0.93, 1 / 0.93)  # crops of up to 7% of a side, or 4% at one end
_SHIFT = 0.04  # of the side
_MARGIN = 0.9  # pixels at the border of B that are not compared
_SAME_GAIN, _SAME_OFFSET = 0.05, 4.0  # beyond these the brightness was edited
_LIT, _DIM = 225.0, 20.0  # an edit of the brightness may have clipped pixels beyond these


@dataclass(frozen=True)
class View:
    """The planes of P thumbnails.

    Attributes:
        luma: float32 ``[P,32,32]``, levels from 0 to 255.
        chroma: the blue and red differences, each float32 ``[P,32,32]``.
        extreme: float32 ``[P,32,32]``, 1 where a channel of the pixel or of a neighbour is so bright or dark that an
            edit of the brightness may have clipped it, else 0.
    """

    luma: Array
    chroma: tuple[Array, Array]
    extreme: Array

    def smoothed(self, times: int) -> View:
        """The view with its luma smoothed."""
        return replace(self, luma=smooth(self.luma, times))

    def taken(self, rows: NDArray[np.int64]) -> View:
        """A view of some of the thumbnails."""
        return View(self.luma[rows], (self.chroma[0][rows], self.chroma[1][rows]), self.extreme[rows])


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """Thumbnails B laid on thumbnails A, with the brightness that fits best: ``gain · B + offset``.

    Attributes:
        moved: luma of B at its new position, ``[P,32,32]``.
        mask: the pixels that can be compared, ``[P,32,32]``.
        gain: the factor on the luma of B, ``[P,1,1]``.
        offset: levels added to the luma of B, ``[P,1,1]``.
        difference: luma of A minus the fitted luma of B, ``[P,32,32]``; 0 outside the mask.
    """

    moved: Array
    mask: Mask
    gain: Array
    offset: Array
    difference: Array

    @property
    def edited(self) -> Mask:
        """Whether the brightness was edited, ``[P,1,1]``."""
        return _edited(self.gain, self.offset)


def identity(count: int) -> Array:
    """Warps ``[P,4]`` that change nothing. A warp is scale and shift along x, then along y, in units of the side."""
    return np.tile(np.array([1, 0, 1, 0], np.float32), (count, 1))


def inverse(warp: Array) -> Array:
    """Turns warps of B onto A into warps of A onto B."""
    result = warp.copy()
    result[:, 0::2] = 1 / warp[:, 0::2]
    result[:, 1::2] = -warp[:, 1::2] / warp[:, 0::2]
    return result


def border_moved(warp: Array) -> Array:
    """The largest movement of the border in pixels, ``[P]``."""
    moved: Array = SIDE * (np.abs(warp[:, 0::2] - 1) / 2 + np.abs(warp[:, 1::2])).max(axis=1)
    return moved


def view(thumbnails: Pixels) -> View:
    """Splits RGB thumbnails, uint8 ``[P,32,32,3]``, into planes."""
    pixels = thumbnails.astype(np.float32)
    extreme = (_highest(pixels.max(-1)) >= _LIT) | (-_highest(-pixels.min(-1)) <= _DIM)
    return View(pixels @ _LUMA, (pixels @ _CHROMA[0], pixels @ _CHROMA[1]), extreme.astype(np.float32))


def fitted(a: View, b: View, warp: Array, steps: int) -> Array:
    """Improves warps of B onto A by a number of steps."""
    for _ in range(steps):
        warp = _step(overlay(a, b, warp), warp)
    return warp


def overlay(a: View, b: View, warp: Array) -> Overlay:
    """Lays B on A by the given warps."""
    moved, inside = laid(b.luma, warp)
    gain, offset = _light(a.luma, moved, inside)
    kept = inside & (a.extreme == 0) & (laid(b.extreme, warp)[0] < 0.5)  # noqa: PLR2004  nearest pixel
    mask = np.where(_edited(gain, offset), kept, inside)
    gain, offset = _light(a.luma, moved, mask)
    return Overlay(moved=moved, mask=mask, gain=gain, offset=offset, difference=(a.luma - gain * moved - offset) * mask)


def laid(planes: Array, warp: Array) -> tuple[Array, Mask]:
    """Resamples planes by warps; returns the result, and the pixels that it covers."""
    across, covered_x = _resampling(warp[:, 0:1], warp[:, 1:2])
    down, covered_y = _resampling(warp[:, 2:3], warp[:, 3:4])
    moved: Array = down @ planes @ across.transpose(0, 2, 1)
    return moved, covered_y[:, :, None] & covered_x[:, None, :]


def gradient(planes: Array) -> Array:
    """The steepest slope at each pixel or its neighbours, in levels per pixel."""
    down, across = np.gradient(planes, axis=(1, 2))
    return _highest(np.hypot(down, across))


def smooth(planes: Array, times: int) -> Array:
    """Smooths planes along both axes with the weights 1, 2, 1."""
    for _ in range(times):
        for axis in (1, 2):
            before, same, after = _neighbours(planes, axis)
            planes = (before + 2 * same + after) / 4
    return planes


def _step(laid_over: Overlay, warp: Array) -> Array:
    """Takes a Gauss-Newton step: to the warp that would be best if B were linear around each pixel."""
    down, across = np.gradient(laid_over.gain * laid_over.moved, 1 / SIDE, axis=(1, 2))
    slopes = [across * _PLACES, across, down * _PLACES[:, None], down, laid_over.moved, np.ones_like(down)]
    jacobian = np.stack([slope * laid_over.mask for slope in slopes], 1).reshape(len(warp), len(slopes), -1)
    hessian = (jacobian @ jacobian.transpose(0, 2, 1)).astype(np.float64)
    diagonal = np.einsum("pii->pi", hessian)
    # A plain picture fits anywhere, so leave it where it is.
    hessian += np.eye(len(slopes)) * (1e-3 * diagonal + [2e4, 2e4, 2e4, 2e4, 1, 1])[:, None, :]
    slope = jacobian @ laid_over.difference.reshape(len(warp), -1, 1)
    warp = warp + np.linalg.solve(hessian, slope.astype(np.float64))[:, :4, 0].astype(np.float32)
    warp[:, 0::2] = np.clip(warp[:, 0::2], *_SCALES)
    warp[:, 1::2] = np.clip(warp[:, 1::2], -_SHIFT, _SHIFT)
    return warp


def _edited(gain: Array, offset: Array) -> Mask:
    at_ends = np.maximum(np.abs(offset), np.abs(255 * (gain - 1) + offset))
    in_the_middle = np.abs(128 * (gain - 1) + offset)
    edited: Mask = (at_ends > 255 * _SAME_GAIN + _SAME_OFFSET) | (in_the_middle > _SAME_OFFSET)
    edited |= np.abs(gain - 1) > _SAME_GAIN
    return edited


def _light(a: Array, b: Array, mask: Mask) -> tuple[Array, Array]:
    """Fits gain and offset ``[P,1,1]`` by least squares; for plain pictures only the offset."""
    pixels = mask.sum((1, 2), keepdims=True) + 1e-6
    mean_a, mean_b = (((plane * mask).sum((1, 2), keepdims=True) / pixels) for plane in (a, b))
    around_a, around_b = (a - mean_a) * mask, (b - mean_b) * mask
    ridge = 2 * pixels
    product = (around_a * around_b).sum((1, 2), keepdims=True) + ridge
    gain = np.clip(product / ((around_b**2).sum((1, 2), keepdims=True) + ridge), *GAINS).astype(np.float32)
    return gain, (mean_a - gain * mean_b).astype(np.float32)


def _resampling(scale: Array, shift: Array) -> tuple[Array, Mask]:
    """Weighs old pixels for new ones by cubic convolution (Keys, 1981, a = -1/2).

    Args:
        scale: ``[P,1]``.
        shift: ``[P,1]``, in units of the side.

    Returns:
        Weights ``[P,SIDE,SIDE]``, and which new pixels B covers, ``[P,SIDE]``.
    """
    places = (_PLACES * scale + shift + 0.5) * SIDE - 0.5
    unmoved = SIDE * (np.abs(scale - 1) / 2 + np.abs(shift)) < STILL
    order = np.arange(SIDE)
    # Smoothing has mixed in the borders, so B must reach a pixel beyond.
    covered = (places >= _MARGIN) & (places <= SIDE - 1 - _MARGIN) & (order > 0) & (order < SIDE - 1)
    distance = np.abs(np.clip(places, 0, SIDE - 1)[:, :, None] - order.astype(np.float32))
    near, far = (1.5 * distance - 2.5) * distance**2 + 1, ((2.5 - 0.5 * distance) * distance - 4) * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))  # noqa: PLR2004  the kernel's width
    return (weights / weights.sum(-1, keepdims=True)).astype(np.float32), unmoved | covered


def _highest(planes: Array) -> Array:
    """The maximum over each pixel and its eight neighbours."""
    for axis in (1, 2):
        planes = np.maximum.reduce(_neighbours(planes, axis))
    return planes


def _neighbours(planes: Array, axis: int) -> tuple[Array, Array, Array]:
    """For each pixel the one before it, itself and the one after it along an axis; border pixels are repeated."""
    widths = [(0, 0), (0, 0), (0, 0)]
    widths[axis] = (1, 1)
    wide = np.moveaxis(np.pad(planes, widths, mode="edge"), axis, 0)
    before, same, after = (np.moveaxis(wide[start : start + SIDE], 0, axis) for start in range(3))
    return before, same, after
