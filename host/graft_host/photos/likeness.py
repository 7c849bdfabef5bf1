"""Whether two thumbnails show one picture: re-encoded, resized, cropped a little, brighter or darker, or in grey.

A perceptual hash alone can't tell: plain pictures all have the same one, and a fixed camera's photos nearly so. So one
thumbnail is laid over the other, and what still differs then must be explained by encoding and resampling.
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
_MORE_STEPS = 8  # where crops of 5% are looked for: 3 miss a tenth of them
_ENDS = 0.94  # scale along both sides near the smallest that a fit comes to by itself
_MIDDLE = 0.9  # scale of the crop from which it starts again: 5% a side

# The limits of what a copy may be, set between the copies and the look-alikes of tests/test_likeness.py.
_NOISE, _BUSY, _EDGE = 1.6, 0.04, 0.1  # levels of luma, and levels a level of its deviation and its gradient
_CROP_EDGE = 0.06  # more of the latter for a border that moved by a pixel
_COLOUR_NOISE, _COLOUR_SHARE = 10.0, 0.35  # levels of chroma, and levels a level of it …
_PLAIN_NOISE = 4.0  # … in plain pictures, which have little else to be told apart by
_EDITED_NOISE, _EDITED = 2.0, 0.2  # more where the light was changed, and levels a level of that change
_LEFT = 0.1  # share of the pixels that must remain to be compared
_TONES = 2.0  # levels of deviation among the bright or the dark pixels; in two flat tones any gain and offset fit
_TEXTURE = 8.0  # levels of deviation without which a crop, a turn or a picture in grey is not told from another picture
_UNEXPLAINED = 0.12  # share of that deviation that may be left after a crop, a turn or an edit
# A washer on a table lies on every other once it is turned, or stretched a lot. Hence, without fine detail …
_DETAIL = 0.8  # levels, the median that smoothing takes away: over 1.1 in photos, 0.1 in washers, 0.6 in shaded walls
_NEAR = 0.925  # … no crop may be smaller than this, and a turned copy …
_EXACT, _EXACTLY_THERE = 0.02, 0.08  # … leave no larger share unexplained nor move by more pixels
_HOPELESS = 0.15  # share of it that a coarse fit of one picture does not leave: 0.10 at most
_GREY = 2.5  # levels of chroma


def same_picture(first: Pixels, second: Pixels, were_turned: Mask | None = None) -> Mask:
    """Which pairs of thumbnails show one picture.

    Args:
        first: RGB thumbnails, uint8 ``[P,32,32,3]``.
        second: their partners, of the same shape, as they lie on the first.
        were_turned: which partners were turned or mirrored to lie so, ``[P]``, and have more to prove. None: none was.

    Returns:
        A truth value for each pair, ``[P]``.
    """
    turns = np.zeros(len(first), np.bool_) if were_turned is None else were_turned
    parts = [slice(start, start + _PAIRS_AT_ONCE) for start in range(0, len(first), _PAIRS_AT_ONCE)]
    found = [_same(first[part], second[part], turns[part]) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, np.bool_)


def _same(first: Pixels, second: Pixels, were_turned: Mask) -> Mask:
    """Fits them smoothed, which finds its way from further off; compares those that may be one picture as they are.

    Either is laid over the other: what is lost by stretching a crop is not lost by shrinking the whole.
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
    """The warps of B that bring it nearest to A; those that end at a crop are looked for beyond it too."""
    warp = fitted(a, b, identity(len(a.luma)), _STEPS)
    crops = np.flatnonzero(warp[:, 0::2].min(1) > 1 / _ENDS)
    wholes = np.flatnonzero(warp[:, 0::2].max(1) < _ENDS)
    for rows, b_is_crop in ((crops, True), (wholes, False)):
        if len(rows):
            pair = a.taken(rows), b.taken(rows)
            further = _fit_from_middle(*pair, b_is_crop)
            left, left_further = (_unexplained(pair[0], overlay(*pair, tried))[0] for tried in (warp[rows], further))
            warp[rows] = np.where((left_further < left)[:, None], further, warp[rows])
    return warp


def _fit_from_middle(a: View, b: View, b_is_crop: bool) -> Array:
    start = identity(len(a.luma))
    if not b_is_crop:
        return _MIDDLE * fitted(a, _middle(b), start, _MORE_STEPS)
    warp = fitted(_middle(a), b, start, _MORE_STEPS)
    warp[:, 0::2] /= _MIDDLE
    return warp


def _middle(whole: View) -> View:
    """The middle of the pictures, as large as they were."""
    warp = identity(len(whole.luma))
    warp[:, 0::2] = _MIDDLE
    extreme = np.round(laid(whole.extreme, warp)[0])
    return replace(whole, luma=laid(whole.luma, warp)[0], extreme=extreme)


def _agree(a: View, b: View, warp: Array, turned: Mask) -> Mask:
    """Whether B, laid on A, differs from it by no more than copies do."""
    on_top = overlay(a, b, warp)
    left, texture = _unexplained(a, on_top)
    border = border_moved(warp)
    changed = _EDITED_NOISE + _EDITED * np.abs((on_top.gain - 1) * on_top.moved + on_top.offset)
    changed = np.where(on_top.edited, changed, 0)
    edges = np.minimum(gradient(a.luma), gradient(on_top.gain * on_top.moved))
    noise = _NOISE + _BUSY * texture[:, None, None]
    allowed = noise + (_EDGE + _CROP_EDGE * np.minimum(border, 1)[:, None, None]) * edges + changed
    edited, cropped = on_top.edited[:, 0, 0], border > STILL
    same: Mask = (np.abs(on_top.difference) <= allowed).all((1, 2))
    same &= on_top.mask.sum((1, 2)) >= _LEFT * SIDE * SIDE
    textured = texture * np.maximum(1, 1 / on_top.gain[:, 0, 0]) >= _TEXTURE  # in the light of either
    same &= ~(edited | cropped | turned) | (textured & (left <= _UNEXPLAINED))
    detailed = np.median(np.abs(a.luma - smooth(a.luma, 2)), axis=(1, 2)) >= _DETAIL
    exact = (left <= _EXACT) & (border <= _EXACTLY_THERE)
    near = np.abs(np.log(warp[:, 0::2])).max(1) <= -np.log(_NEAR)
    same &= detailed | np.where(turned, exact, near)
    same &= ~edited | (_tones(a.luma, on_top.mask) >= _TONES)
    same &= _same_colours(a, b, warp, on_top, textured, changed)
    return same


def _unexplained(a: View, on_top: Overlay) -> tuple[Array, Array]:
    """The share of A's texture that B leaves, and the texture: the deviation of its luma in levels, each ``[P]``."""
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
    """The larger median deviation of the pixels above and below the mean, ``[P]``."""
    found = np.zeros(len(luma), np.float32)
    mean = _mean(luma, mask)
    for side in (luma > mean, luma <= mean):
        for index, (plane, chosen) in enumerate(zip(luma, side & mask, strict=True)):
            tones = plane[chosen]
            if len(tones):
                found[index] = max(found[index], float(np.median(np.abs(tones - np.median(tones)))))
    return found
