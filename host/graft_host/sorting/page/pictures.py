"""Pictures as JPEGs for the page: whole ones, and thumbnails that are kept in the cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import threading
from pathlib import Path

from PIL import Image

from graft_device.errors import PhotoError, os_reason
from graft_device.outputs.jpegs import jpeg_of
from graft_device.preprocess import decode, read_header, read_photo
from graft_device.preprocess.budget import Limits, check
from graft_device.system.durable import remove_stale
from graft_device.system.plain import read_plain

_SIDE, _LARGE_SIDE = 360, 1600
_QUALITY, _LARGE_QUALITY = 78, 85
_MOST_BYTES = 512 << 20
"""Of the thumbnails in the cache; those of a studio with 20,000 photos take half of it."""

_PRUNE_EVERY = 500
_NAME = re.compile(r"[0-9a-f]{32}\.jpg")
_RULE = "squash"


class Thumbnails:
    """Thumbnails in the cache; those that were used longest ago are removed first. Several threads may use it.

    Args:
        cache: the folder of caches.
        side: the longest side at most, in pixels.
    """

    def __init__(self, cache: Path, side: int = _SIDE) -> None:
        self._side = side
        self._folder = cache / "thumbnails"
        self._made = 0
        self._guard = threading.Lock()

    def thumbnail(self, path: Path) -> bytes:
        """A JPEG of at most ``side`` pixels a side, upright and without metadata.

        Raises:
            PhotoError: the picture cannot be read.
        """
        kept = self._folder / f"{_key(path, self._side)}.jpg"
        with contextlib.suppress(OSError, ValueError):
            data = read_plain(kept)
            if data.startswith(b"\xff\xd8") and data.endswith(b"\xff\xd9"):
                os.utime(kept)
                return data
        data = as_jpeg(path, self._side, _QUALITY)
        with contextlib.suppress(OSError):  # a full disk makes the page slower, no more
            self._keep(kept, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        with self._guard:
            self._made += 1
            if self._made % _PRUNE_EVERY == 1:
                self._prune()

    def _prune(self) -> None:
        remove_stale(self._folder, _NAME)
        entries = []
        for path in self._folder.iterdir():
            if _NAME.fullmatch(path.name):
                with contextlib.suppress(FileNotFoundError):  # another run may prune, too
                    status = path.lstat()
                    entries.append((status.st_mtime_ns, status.st_size, path))
        size = 0
        for _, length, path in sorted(entries, reverse=True):
            size += length
            if size > _MOST_BYTES:
                path.unlink(missing_ok=True)


def whole(path: Path) -> bytes:
    """A JPEG of at most 1,600 pixels a side, upright and without metadata; raises PhotoError."""
    return as_jpeg(path, _LARGE_SIDE, _LARGE_QUALITY)


def as_jpeg(path: Path, side: int, quality: int) -> bytes:
    """Makes a JPEG of a photo of any kind that graftkit reads.

    Args:
        path: the photo.
        side: the longest side at most, in pixels.
        quality: Pillow's, 1 to 95.

    Raises:
        PhotoError: it cannot be read, or would take too much memory.
    """
    header = read_header(read_photo(path))
    check(header, side, _RULE, Limits.of_machine())
    image = decode(header, side, _RULE)
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    plain = Image.new("RGB", image.size)
    plain.paste(image)  # drops comments and colour profiles
    return jpeg_of(plain, quality)


def _key(path: Path, side: int) -> str:
    """Names a picture by its file, which a move does not change; raises PhotoError if it is no longer there."""
    try:
        status = path.stat()
    except OSError as error:
        raise PhotoError(f"it cannot be read: {os_reason(error)}") from error
    text = f"{side} {_QUALITY} {status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
