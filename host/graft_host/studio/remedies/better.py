"""Chooses the better one of several files that show the same picture, and gives the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from graft_device.preprocess import load, read_photo
from graft_host.studio.remedies.found import FoundPhoto

Reason = Literal["larger", "sharper", "fuller", "same"]
"""More pixels; more detail at the same size; fewer losses by compression; no difference: the older file."""

_SIDE = 256  # photos are compared at no more, where noise of the camera counts less than blur
_LARGER = 1.1  # times as many pixels
_SHARPER = 1.15  # times as sharp; saving a photo once more at JPEG quality 80 changes less
_FULLER = 1.1  # times as many bytes


@dataclass(frozen=True)
class Better:
    """The photo to keep.

    Attributes:
        id: of the photo.
        reason: why it is the better one.
    """

    id: str
    reason: Reason


def sharpness(paths: Sequence[Path]) -> list[float]:
    """How sharp photos of the same picture are: the mean slope of their brightness, all reduced to the smallest one.

    Args:
        paths: of the photos.

    Returns:
        Levels per pixel, in the order of the paths.

    Raises:
        PhotoError: one cannot be read.
    """
    pictures = [load(read_photo(path), _SIDE).convert("L") for path in paths]
    side = min(_SIDE, *(min(picture.size) for picture in pictures))
    levels = []
    for picture in pictures:
        luma = np.asarray(picture.resize((side, side)), np.float32)
        slopes = np.hypot(np.diff(luma, axis=0)[:, :-1], np.diff(luma, axis=1)[:-1])
        levels.append(round(float(slopes.mean()) if slopes.size else 0.0, 3))
    return levels


def better(photos: Sequence[FoundPhoto]) -> Better:
    """The better one of photos of the same picture.

    A photo that is clearly less sharp at the same size is not better for having more pixels: it was enlarged or
    blurred.

    Args:
        photos: at least one.
    """
    sharpest = max(photo.sharpness for photo in photos)
    sharp = [photo for photo in photos if photo.sharpness * _SHARPER >= sharpest]
    most = max(_pixels(photo) for photo in sharp)
    large = [photo for photo in sharp if _pixels(photo) * _LARGER >= most]
    fullest = max(photo.size for photo in large)
    full = [photo for photo in large if photo.size * _FULLER >= fullest]
    kept = min(full, key=lambda photo: (-photo.sharpness, -_pixels(photo), photo.changed, photo.id))
    if len(large) < len(sharp):
        reason: Reason = "larger"
    elif len(sharp) < len(photos):
        reason = "sharper"
    else:
        reason = "fuller" if len(full) < len(large) else "same"
    return Better(kept.id, reason)


def _pixels(photo: FoundPhoto) -> int:
    return photo.width * photo.height
