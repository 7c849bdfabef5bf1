"""Decides whether two thumbnails show the same picture, even if one was edited.

A copy may be re-encoded, resized, slightly cropped, brighter or darker, or grey. A perceptual hash alone is not enough:
all plain pictures have the same one, and the photos of a fixed camera have nearly the same. So one thumbnail is laid
over the other, and encoding and resampling must explain the differences that remain.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graft_host.photos.registration import (
    GAINS,
    SIDE,
    STILL,
    Array,
    Mask,
    Overlay,
    Pixels,
    View,
    border_moved,
    fitted,
    gradient,
    identity,
    inverse,
    laid,
    overlay,
    smooth,
    view,
)

_PAIRS_AT_ONCE = 64
_STEPS = 3
_MORE_STEPS = 8  # to find crops of 5%: 3 steps miss a tenth of them
_ENDS = 0.94  # scale along both sides, near the smallest that a fit reaches by itself
_MIDDLE = 0.9  # scale of the crop from which the fit starts again: 5% a side

# The limits of what counts as a copy, set between the copies and the look-alikes of tests/host/photos/test_likeness.py.
_NOISE, _BUSY, _EDGE = 1.6, 0.04, 0.1  # levels of luma, and levels per level of its deviation and of its gradient
_CROP_EDGE = 0.06  # added to _EDGE if the border moved by a pixel
_COLOUR_NOISE, _COLOUR_SHARE = 10.0, 0.35  # levels of chroma, and levels per level of chroma
_PLAIN_NOISE = 4.0  # levels of chroma in plain pictures, which differ in little else
_EDITED_NOISE, _EDITED = 2.0, 0.2  # levels added if the brightness was edited, and levels per level of that edit
_LEFT = 0.1  # share of the pixels that must be comparable
_TONES = 2.0  # levels of deviation among the bright or the dark pixels: with two flat tones any gain and offset fit
_TEXTURE = 8.0  # levels of deviation needed to distinguish a crop, a turn or a grey copy from another picture
_UNEXPLAINED = 0.12  # share of that deviation that may remain after a crop, a turn or an edit
# Turned or stretched enough, any washer on a table fits on any other. So pictures without fine detail have limits.
_DETAIL = 0.8  # levels, the median that smoothing removes: over 1.1 in photos, 0.1 in washers, 0.6 in shaded walls
_NEAR = 0.925  # scale of the smallest crop without fine detail
_EXACT, _EXACTLY_THERE = 0.02, 0.08  # unexplained share, and pixels moved, of a turned copy without fine detail
_HOPELESS = 0.15  # unexplained share after a coarse fit from which pictures differ: copies leave 0.10 at most
_GREY = 2.5  # levels of chroma


def same_picture(first: Pixels, second: Pixels, were_turned: Mask | None = None) -> Mask:
    """Decides which pairs of thumbnails show the same picture.

    Args:
        first: RGB thumbnails, uint8 ``[P,32,32,3]``.
        second: the thumbnails to compare them with, uint8 ``[P,32,32,3]``, turned so that they may fit.
        were_turned: which of ``second`` were turned or mirrored, ``[P]``, and are compared more strictly; None if none
            was.

    Returns:
        Whether each pair shows the same picture, ``[P]``.
    """
    turns = np.zeros(len(first), np.bool_) if were_turned is None else were_turned
    blocks = [slice(start, start + _PAIRS_AT_ONCE) for start in range(0, len(first), _PAIRS_AT_ONCE)]
    answers = [_same(first[block], second[block], turns[block]) for block in blocks]
    return np.concatenate(answers) if answers else np.zeros(0, np.bool_)


def _same(first: Pixels, second: Pixels, were_turned: Mask) -> Mask:
    """Fits smoothed thumbnails, which converges from farther away, and compares the likely pairs in full detail.

    Each is laid over the other, because stretching a crop loses detail that shrinking the whole picture does not.
    """
    same = np.zeros(len(first), np.bool_)
    a, b = view(first), view(second)
    soft_a, soft_b = a.smoothed(3), b.smoothed(3)
    warp = _fit(soft_a, soft_b)
    rows = np.flatnonzero(_unexplained(soft_a, overlay(soft_a, soft_b, warp))[0] <= _HOPELESS)
    if len(rows):
        sharp_a, sharp_b = a.taken(rows).smoothed(1), b.taken(rows).smoothed(1)
        turned = were_turned[rows]
        same[rows] = _agree(sharp_a, sharp_b, warp[rows], turned)
        same[rows] |= _agree(sharp_b, sharp_a, inverse(warp[rows]), turned)
    return same


def _fit(a: View, b: View) -> Array:
    """Finds the warps of B that bring it nearest to A; fits that end at a crop are tried again from a larger crop."""
    warp = fitted(a, b, identity(len(a.luma)), _STEPS)
    crops = np.flatnonzero(warp[:, 0::2].min(1) > 1 / _ENDS)
    wholes = np.flatnonzero(warp[:, 0::2].max(1) < _ENDS)
    for rows, b_is_crop in ((crops, True), (wholes, False)):
        if len(rows):
            pair = a.taken(rows), b.taken(rows)
            larger = _fit_from_middle(*pair, b_is_crop)
            share, larger_share = (_unexplained(pair[0], overlay(*pair, fit))[0] for fit in (warp[rows], larger))
            warp[rows] = np.where((larger_share < share)[:, None], larger, warp[rows])
    return warp


def _fit_from_middle(a: View, b: View, b_is_crop: bool) -> Array:
    start = identity(len(a.luma))
    if not b_is_crop:
        return _MIDDLE * fitted(a, _middle(b), start, _MORE_STEPS)
    warp = fitted(_middle(a), b, start, _MORE_STEPS)
    warp[:, 0::2] /= _MIDDLE
    return warp


def _middle(whole: View) -> View:
    """Crops the middle of the pictures, and enlarges it to their size."""
    warp = identity(len(whole.luma))
    warp[:, 0::2] = _MIDDLE
    extreme = np.round(laid(whole.extreme, warp)[0])
    return replace(whole, luma=laid(whole.luma, warp)[0], extreme=extreme)


def _agree(a: View, b: View, warp: Array, turned: Mask) -> Mask:
    """Whether B, laid on A, differs from it no more than copies do."""
    on_top = overlay(a, b, warp)
    unexplained, texture = _unexplained(a, on_top)
    border = border_moved(warp)
    changed = _EDITED_NOISE + _EDITED * np.abs((on_top.gain - 1) * on_top.moved + on_top.offset)
    changed = np.where(on_top.edited, changed, 0)
    edges = np.minimum(gradient(a.luma), gradient(on_top.gain * on_top.moved))
    noise = _NOISE + _BUSY * texture[:, None, None]
    allowed = noise + (_EDGE + _CROP_EDGE * np.minimum(border, 1)[:, None, None]) * edges + changed
    edited, cropped = on_top.edited[:, 0, 0], border > STILL
    same: Mask = (np.abs(on_top.difference) <= allowed).all((1, 2))
    same &= on_top.mask.sum((1, 2)) >= _LEFT * SIDE * SIDE
    textured = texture * np.maximum(1, 1 / on_top.gain[:, 0, 0]) >= _TEXTURE  # at the brightness of either picture
    same &= ~(edited | cropped | turned) | (textured & (unexplained <= _UNEXPLAINED))
    detailed = np.median(np.abs(a.luma - smooth(a.luma, 2)), axis=(1, 2)) >= _DETAIL
    exact = (unexplained <= _EXACT) & (border <= _EXACTLY_THERE)
    near = np.abs(np.log(warp[:, 0::2])).max(1) <= -np.log(_NEAR)
    same &= detailed | np.where(turned, exact, near)
    same &= ~edited | (_tones(a.luma, on_top.mask) >= _TONES)
    same &= _same_colours(a, b, warp, on_top, textured, changed)
    return same


def _unexplained(a: View, on_top: Overlay) -> tuple[Array, Array]:
    """The share of A's texture that B does not explain, and the texture (deviation of A's luma in levels), ``[P]``."""
    pixels = on_top.mask.sum((1, 2)) + 1e-6
    around = (a.luma - _mean(a.luma, on_top.mask)) * on_top.mask
    texture = np.sqrt((around**2).sum((1, 2)) / pixels)
    return np.sqrt((on_top.difference**2).sum((1, 2)) / pixels) / (texture + 1), texture


def _same_colours(a: View, b: View, warp: Array, on_top: Overlay, textured: Mask, changed: Array) -> Mask:
    mask = on_top.mask
    of_a = [smooth(plane, 1) for plane in a.chroma]
    of_b = [laid(smooth(plane, 1), warp)[0] for plane in b.chroma]
    pixels = mask.sum((1, 2)) + 1e-6
    product = sum((x * y * mask).sum((1, 2)) for x, y in zip(of_a, of_b, strict=True))
    square = sum((y * y * mask).sum((1, 2)) for y in of_b)
    stretch = np.clip((product + 4 * pixels) / (square + 4 * pixels), *GAINS)
    stretch = np.where(textured, stretch, 1)[:, None, None]
    colour_a, colour_b = np.hypot(*of_a), np.hypot(*of_b)
    difference = np.hypot(*(x - stretch * y for x, y in zip(of_a, of_b, strict=True))) * mask
    noise = np.where(textured, _COLOUR_NOISE, _PLAIN_NOISE)[:, None, None]
    allowed = noise + _COLOUR_SHARE * np.where(textured[:, None, None], np.minimum(colour_a, colour_b), 0) + changed
    grey = np.minimum((colour_a * mask).sum((1, 2)), (colour_b * mask).sum((1, 2))) < _GREY * pixels
    same: Mask = (difference <= allowed).all((1, 2)) | (grey & textured & ~on_top.edited[:, 0, 0])
    return same


def _mean(planes: Array, mask: Mask) -> Array:
    mean: Array = (planes * mask).sum((1, 2), keepdims=True) / (mask.sum((1, 2), keepdims=True) + 1e-6)
    return mean


def _tones(luma: Array, mask: Mask) -> Array:
    """The median deviation of the pixels above the mean, or of those below if that is larger, ``[P]``."""
    largest = np.zeros(len(luma), np.float32)
    mean = _mean(luma, mask)
    for side in (luma > mean, luma <= mean):
        for index, (plane, chosen) in enumerate(zip(luma, side & mask, strict=True)):
            tones = plane[chosen]
            if len(tones):
                largest[index] = max(largest[index], float(np.median(np.abs(tones - np.median(tones)))))
    return largest
