"""Brings a model onto the store's file system: copied, fetched, or taken over from ``incoming``."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import GraftError, os_reason
from graft_device.store import fetch
from graft_device.store.exit_codes import SignatureError, StoreError, writing
from graft_device.store.slots import Store
from graft_device.system.durable import CHUNK, digest

LIMIT = 512_000_000
"""Bytes of the largest model that is taken; the largest that the kit writes, float32 at ``mixed10``, has 88 MB."""

_SIGNATURE_LIMIT = 65_536
_ROOM_LEFT = 1 << 20
"""What must be free beside the model itself: for its folder, and for whatever else lives there."""


@dataclass(frozen=True)
class Source:
    """What ``install`` was told to install: a path or a URL."""

    text: str

    @property
    def is_url(self) -> bool:
        """Whether it has to be fetched."""
        return fetch.is_url(self.text)

    @property
    def name(self) -> str:
        """The file's name without ``.tflite``."""
        name = fetch.file_name(self.text) if self.is_url else Path(self.text).name
        return name.removesuffix(".tflite") or "model"

    def beside(self, suffix: str) -> Source:
        """What lies beside it under its name and a suffix; a URL's query stays behind, its fragment goes."""
        if not self.is_url:
            return Source(self.text + suffix)
        head, mark, tail = self.text.partition("#")[0].partition("?")
        return Source(head + suffix + mark + tail)


def check_source(source: Source) -> None:
    """Raises GraftError unless the source is a URL or a file that can be read."""
    if source.is_url:
        return
    if "://" in source.text:
        raise GraftError(f"{source.text}: models are fetched over http and https only")
    try:
        mode = os.stat(source.text).st_mode  # noqa: PTH116  first: a pipe would be waited for
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise GraftError(f"{source.text} is not a file: give the .tflite that 'graft train' wrote")
        with Path(source.text).open("rb"):
            pass
    except OSError as error:
        raise GraftError(f"cannot read {source.text}: {os_reason(error)}") from error


def take(source: Source, target: Path, store: Store) -> str:
    """Brings a model to ``target``, on the store's file system.

    Returns:
        Its SHA-256 in hexadecimal digits, of what lies there now.

    Raises:
        GraftError: it cannot be read.
        FetchError: it could not be fetched.
        StoreError: it could not be written; there is no room, above all.
    """
    if source.is_url:
        fetch.fetch(source.text, target, LIMIT, lambda size: check_room(store, size))
    elif _own_incoming(Path(source.text), store):
        try:
            os.link(source.text, target, follow_symlinks=False)
        except OSError:  # such as on FAT, which knows no hard links
            return _copy(Path(source.text), target, store)
        if not _own(target.lstat(), links=2):  # another file took its name in between
            target.unlink()
            return _copy(Path(source.text), target, store)
    else:
        return _copy(Path(source.text), target, store)
    with writing(store.root):
        return digest(target)


def take_signature(chosen: Source | None, source: Source, target: Path) -> bool:
    """Brings the signature to ``target``: the one that was named, or what lies beside the model.

    Returns:
        Whether there is one.

    Raises:
        SignatureError: the one that was named cannot be read.
    """
    place = chosen or source.beside(".sig")
    try:
        if place.is_url:
            fetch.fetch(place.text, target, _SIGNATURE_LIMIT)
            return True
        with Path(place.text).open("rb") as file:
            data = file.read(_SIGNATURE_LIMIT + 1)
    except (OSError, fetch.NotThereError) as error:
        if chosen is None and isinstance(error, (FileNotFoundError, fetch.NotThereError)):
            return False
        reason = os_reason(error) if isinstance(error, OSError) else str(error)
        raise SignatureError(f"cannot read the signature {place.text}: {reason}") from error
    if len(data) > _SIGNATURE_LIMIT:
        raise SignatureError(f"{place.text} is no signature: it is {len(data)} bytes long and more")
    with writing(target.parent):
        target.write_bytes(data)
    return True


def check_room(store: Store, size: int) -> None:
    """Raises StoreError where a file of so many bytes would not fit."""
    with writing(store.root):
        found = os.statvfs(store.root)
    free = found.f_bavail * found.f_frsize
    if free < size + _ROOM_LEFT:
        raise StoreError(
            f"no room in the store {store.root}: the model has {size / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free; "
            "free some space, or name another folder with --store"
        )


def _own_incoming(path: Path, store: Store) -> bool:
    """Whether a file was put into ``incoming`` by this user, so that nobody else can write to it later."""
    return path.parent.resolve() == store.incoming.resolve() and _own(path.lstat(), links=1)


def _own(found: os.stat_result, links: int) -> bool:
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_uid == os.geteuid()
        and found.st_nlink == links
        and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _copy(path: Path, target: Path, store: Store) -> str:
    found = hashlib.sha256()
    try:
        source = path.open("rb")
    except OSError as error:
        raise GraftError(f"cannot read {path}: {os_reason(error)}") from error
    with source:
        check_room(store, os.fstat(source.fileno()).st_size)
        with writing(store.root), target.open("wb") as copy:
            while chunk := source.read(CHUNK):
                found.update(chunk)
                copy.write(chunk)
    return found.hexdigest()
