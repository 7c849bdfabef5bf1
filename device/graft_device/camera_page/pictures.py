"""Makes JPEGs of frames for the page: one for each frame, however many watch it, and none while nobody does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from graft_device.camera_page.hub import Shot
from graft_device.camera_page.shown import Size
from graft_device.outputs.jpegs import jpeg_of
from graft_device.preprocess import decode, load, read_header, read_photo
from graft_device.preprocess.budget import Limits, check

if TYPE_CHECKING:
    from graft_device.preprocess import Header, PhotoSource

LONGEST_SIDE = 1280
"""Of a picture at most, in pixels."""

QUALITY = 80
"""Of its JPEG."""

_MOST_BYTES = 1_000_000
"""Of a JPEG file that is passed on as it is."""

_ACROSS = 5
"""EXIF orientations from this one on exchange width and height."""

_RULE = "squash"


@dataclass(frozen=True)
class Encoded:
    """A frame as a JPEG.

    Attributes:
        data: the file.
        size: of the whole frame before it was made smaller.
    """

    data: bytes
    size: Size


class Pictures:
    """The newest JPEG of each source. Only the server's event loop may use it.

    Attributes:
        encoded: how many JPEGs were made.
    """

    def __init__(self) -> None:
        """Makes nothing, and starts no thread, before the first picture is wanted."""
        self.encoded = 0
        self._threads = ThreadPoolExecutor(1, "graft-page-jpeg")
        self._kept: dict[str, tuple[int, asyncio.Future[Encoded]]] = {}

    async def jpeg(self, source_id: str, shot: Shot) -> Encoded:
        """The JPEG of a frame; all who want the same one share it.

        Raises:
            PhotoError: the frame cannot be read.
        """
        key, made = self._kept.get(source_id, (None, None))
        if made is None or key != shot.key or (made.done() and made.exception() is not None):
            made = asyncio.get_running_loop().run_in_executor(self._threads, self._encode, shot.whole)
            made.add_done_callback(_retrieved)
            self._kept[source_id] = shot.key, made
        return await asyncio.shield(made)

    def forget(self, source_id: str) -> None:
        """Drops the JPEG of a source that nobody watches any more."""
        self._kept.pop(source_id, None)

    def close(self) -> None:
        """Ends the thread."""
        self._threads.shutdown(wait=False)

    def _encode(self, whole: Callable[[], PhotoSource]) -> Encoded:
        self.encoded += 1
        return encode(whole())


def encode(photo: PhotoSource) -> Encoded:
    """Makes a JPEG of a photo; a small JPEG file stays as it is.

    A photo with more than ``LONGEST_SIDE`` pixels on a side becomes a half, a third and so on of its size.

    Args:
        photo: RGB pixels ``[H,W,3]``, uint8, or a file's path or bytes.

    Raises:
        PhotoError: it cannot be read.
    """
    if isinstance(photo, (str, os.PathLike)):
        photo = read_photo(photo)
    if isinstance(photo, bytes):
        header = read_header(photo)
        size = _upright(header)
        if header.kind == "JPEG" and max(size) <= LONGEST_SIDE and len(photo) <= _MOST_BYTES:
            return Encoded(photo, size)
        check(header, LONGEST_SIDE, _RULE, Limits.of_machine())
        image = decode(header, LONGEST_SIDE, _RULE)
    else:
        image = load(photo)
        size = image.size
    return Encoded(_jpeg(image), size)


def _jpeg(image: Image.Image) -> bytes:
    factor = -(-max(image.size) // LONGEST_SIDE)
    if factor > 1:  # means of whole blocks of pixels take a tenth of the time of a resize to exactly this size
        image = image.reduce(factor)
    return jpeg_of(image, QUALITY)


def _upright(header: Header) -> Size:
    return (header.height, header.width) if header.orientation >= _ACROSS else (header.width, header.height)


def _retrieved(future: asyncio.Future[Encoded]) -> None:
    """Looks at an error that perhaps nobody waits for any more, so that asyncio does not report it."""
    if not future.cancelled():
        future.exception()
