"""Pictures of events: encoded as JPEG to be kept, and made small for a list."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from graft_device.outputs.jpegs import jpeg_of
from graft_device.preprocess import decode, load, read_header, read_photo
from graft_device.preprocess.budget import Limits, check

if TYPE_CHECKING:
    from graft_device.preprocess import PhotoSource

LONGEST = 1280
"""The longest side of a kept picture, in pixels."""

QUALITY = 85

THUMBNAIL = 160
"""The longest side of a thumbnail, in pixels."""

THUMBNAIL_QUALITY = 80

SMALL_BYTES = 400_000
"""A JPEG file of at most so many bytes, and of at most ``LONGEST`` pixels, is kept without coding it again."""

_RULE = "squash"


def encoded(photo: PhotoSource) -> bytes:
    """A photo as JPEG without metadata, its longest side at most ``LONGEST`` pixels.

    Args:
        photo: RGB pixels ``[H,W,3]``, uint8; or a path or the bytes of an image file, which are decoded within the
            limits of this machine.

    Raises:
        PhotoError: the photo cannot be read or is over the limits.
        MemoryError: there is not enough memory.
    """
    if isinstance(photo, (np.ndarray, Image.Image)):
        return jpeg_of(_at_most(load(photo), LONGEST), QUALITY)
    data = read_photo(photo) if isinstance(photo, (str, os.PathLike)) else bytes(photo)
    header = read_header(data)
    small = len(data) <= SMALL_BYTES and max(header.width, header.height) <= LONGEST
    if header.kind == "JPEG" and small and header.ended and header.orientation == 1:
        return header.data
    check(header, LONGEST, _RULE, Limits.of_machine())
    return jpeg_of(_at_most(decode(header, LONGEST, _RULE), LONGEST), QUALITY)


def thumbnail(picture: bytes) -> bytes:
    """A kept picture as JPEG, its longest side at most ``THUMBNAIL`` pixels.

    The picture is decoded at 1/2, 1/4 or 1/8 of its size, so this takes a few milliseconds.

    Args:
        picture: what ``encoded`` returned.

    Raises:
        PhotoError: the picture is damaged.
    """
    header = read_header(picture)
    check(header, THUMBNAIL, _RULE, Limits.of_machine())
    return jpeg_of(_at_most(decode(header, THUMBNAIL, _RULE), THUMBNAIL), THUMBNAIL_QUALITY)


def _at_most(image: Image.Image, longest: int) -> Image.Image:
    if max(image.size) > longest:
        image.thumbnail((longest, longest), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return image
