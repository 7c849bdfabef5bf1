"""Reads the zip behind the network, with limits: a small file can claim millions of entries or unpack to gigabytes."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from graft_device.system.plain import open_plain

MOST_ENTRIES = 1000
"""Entries of a zip; graftkit writes about ten."""

_PART = 1 << 17
"""Bytes that are read at a time. A zip's directory is read at once, so it is never larger."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions that unpack in parts; the other two fill the memory from a few bytes."""

_DAMAGED = (zipfile.BadZipFile, EOFError, struct.error, IndexError, OverflowError)
_UNUSABLE = (RuntimeError, zlib.error)  # zipfile raises RuntimeError for what it cannot unpack


class ArchiveError(Exception):
    """The zip is damaged, or has no entry of a name."""


class Archive:
    """The zip of a model file.

    Attributes:
        network_bytes: the size of what precedes the zip: the network.
    """

    def __init__(self, file: IO[bytes]) -> None:
        """Reads the directory of the zip.

        Args:
            file: the open model file.

        Raises:
            ArchiveError: there is no zip, or its directory is damaged.
            ValueError: the zip has too many entries.
            OSError: the file cannot be read.
        """
        with _one_kind_of_error():
            self._zip = zipfile.ZipFile(_InParts(file))
        entries = self._zip.infolist()
        if len(entries) > MOST_ENTRIES:
            raise ValueError(f"a zip with {len(entries)} entries, more than {MOST_ENTRIES}")
        self.network_bytes = min((entry.header_offset for entry in entries), default=0)

    def __contains__(self, name: str) -> bool:
        return name in self._zip.namelist()

    def names(self) -> list[str]:
        """The names of all entries."""
        return self._zip.namelist()

    def read(self, name: str, most: int) -> bytes:
        """Unpacks an entry.

        Args:
            name: the entry's name.
            most: the largest size in bytes.

        Raises:
            ArchiveError: there is no such entry, or it is damaged.
            ValueError: the entry is too large, or compressed in a way that cannot be limited.
            OSError: the file cannot be read.
        """
        try:
            entry = self._zip.getinfo(name)
        except KeyError as error:
            raise ArchiveError(f"no {name}") from error
        if entry.compress_type not in _METHODS:
            raise ValueError(f"{name} has a compression that is not supported")
        with _one_kind_of_error(), self._zip.open(entry) as packed:
            parts, left = [], most
            while part := packed.read(_PART):
                parts.append(part)
                left -= len(part)
                if left < 0:
                    raise ValueError(f"{name} has more than {most:,} bytes")
        return b"".join(parts)


@contextmanager
def opened_archive(path: Path) -> Iterator[Archive]:
    """Opens the zip of a model file; raises as ``Archive`` does."""
    with open_plain(path) as file:
        yield Archive(file)


class _InParts:
    """A file of which only small parts can be read at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        if size > _PART:
            raise ValueError(f"a zip with a directory of {size:,} bytes")
        data = self._file.read(_PART + 1 if size < 0 else size)
        if len(data) > _PART:
            raise zipfile.BadZipFile
        return data


@contextmanager
def _one_kind_of_error() -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise ArchiveError(str(error) or "it is damaged") from error
    except _UNUSABLE as error:
        raise ValueError(str(error)) from error
