"""Reads the golden photos of a model file, with limits."""

from __future__ import annotations

from pathlib import Path

from graft_device.errors import ModelError, PhotoError
from graft_device.model.archive import ArchiveError, opened_archive
from graft_device.preprocess import check_header

_HEADER_BYTES = 65_536
"""Bytes that a golden photo may have beside four for each pixel, many times more than a JPEG needs."""


def read_golden_photo(model: Path, file: str, side: int) -> bytes:
    """Reads a golden photo. Its header is checked, but the photo is not decoded.

    Args:
        model: the ``.tflite`` file.
        file: the photo's name in the zip.
        side: the width and height that it must have, in pixels.

    Returns:
        The bytes of the image file.

    Raises:
        ModelError: there is no such photo, or it is damaged, too large, or of another size.
    """
    try:
        with opened_archive(model) as archive:
            data = archive.read(file, _HEADER_BYTES + 4 * side * side)
        width, height = check_header(data)
    except (OSError, ValueError, ArchiveError, PhotoError) as error:
        raise ModelError(f"its golden photo {file} cannot be read ({error})", "copy the model again") from error
    if (width, height) != (side, side):
        raise ModelError(f"its golden photo {file} has {width} x {height} pixels, not {side} x {side}")
    return data
