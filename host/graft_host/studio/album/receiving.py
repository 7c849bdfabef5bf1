"""Takes files that a browser sent into the album: a photo, or an archive of photos."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path, PurePosixPath

from graft_device.errors import GraftError, PhotoError, os_reason
from graft_device.runtime import threads_to_use
from graft_host.studio.album.album import Album
from graft_host.studio.album.incoming import Incoming
from graft_host.studio.album.unpacking import Packed, unpack
from graft_host.studio.project.errors import StudioError

MOST_BYTES = 64_000_000
"""Of one photo: what a camera with 100 megapixels writes as JPEG."""

_AT_ONCE = 64
"""Photos of an archive that are added together, so that pages show the first ones soon."""

_MOST_REFUSED = 1000
"""How many refused files are named."""


@dataclass(frozen=True)
class Refused:
    """A file that was not added, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Received:
    """What became of an upload.

    Attributes:
        added: the number of photos that were added.
        twins: the number of photos whose content their class has already.
        refused: the files that were not added.
    """

    added: int = 0
    twins: int = 0
    refused: tuple[Refused, ...] = ()

    def plus(self, other: Received) -> Received:
        """Both together."""
        refused = (*self.refused, *other.refused)[:_MOST_REFUSED]
        return Received(self.added + other.added, self.twins + other.twins, refused)


def receive_photo(album: Album, path: Path, name: str, label: str, recording: str) -> Received:
    """Adds a photo.

    Args:
        album: gets it.
        path: the file.
        name: what a browser called it.
        label: of its class; empty if the last folder in its name is the class.
        recording: what it shares with others that one undo takes back; empty for nothing.

    Raises:
        StudioError: there is no label, or it cannot be written.
    """
    folder = PurePosixPath(name.replace("\\", "/")).parent.name
    if not label.strip() and not folder:
        raise StudioError("the photo has no class", "choose a class for it")
    found = _checked(album, Packed(label or folder, path, name))
    return _added(album, [found], recording)


def receive_archive(album: Album, path: Path, name: str, label: str, recording: str) -> Received:
    """Adds the photos of an archive; one undo takes them back. Arguments and errors as ``receive_photo``.

    Raises:
        StudioError: it has too much in it, or there is no room for it.
        DatasetError: it is damaged, or its folders are no classes.
    """
    folder = path.with_name(f"{path.name}.d")
    try:
        folder.mkdir()
    except OSError as error:
        raise StudioError(f"cannot unpack {name}: {os_reason(error)}", "free space on the disk") from error
    series = recording or f"upload {secrets.token_hex(8)}"
    total = Received()
    with ThreadPoolExecutor(threads_to_use(None)) as pool:
        for packed in _portions(unpack(path, name, folder, label)):
            found = list(pool.map(lambda one: _checked(album, one), packed))
            try:
                total = total.plus(_added(album, found, series))
            except GraftError as error:
                if not total.added:
                    raise
                return total.plus(Received(refused=(Refused(name, str(error)),)))  # what was added is told, too
    return total


def _checked(album: Album, packed: Packed) -> tuple[str, Incoming] | Refused:
    name = packed.name.encode(errors="backslashreplace").decode()
    try:
        with packed.path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Refused(name, os_reason(error))
    if len(content) > MOST_BYTES:
        return Refused(name, f"larger than {MOST_BYTES / 1e6:.0f} MB")
    try:
        return packed.label, album.incoming.received(name, content)
    except PhotoError as error:
        return Refused(name, error.what)


def _added(album: Album, found: Sequence[tuple[str, Incoming] | Refused], series: str) -> Received:
    ready = [one for one in found if not isinstance(one, Refused)]
    try:
        photos = album.add_received(ready, series=series) if ready else []
    finally:
        for _, one in ready:
            one.path.unlink(missing_ok=True)
    added = sum(photo is not None for photo in photos)
    return Received(added, len(photos) - added, tuple(one for one in found if isinstance(one, Refused)))


def _portions(items: Iterator[Packed]) -> Iterator[list[Packed]]:
    """Files that are added together, all of one class, so that a name that is no class leaves the others alone."""
    for _, group in groupby(items, key=lambda one: one.label):
        while portion := list(islice(group, _AT_ONCE)):
            yield portion
