"""Copies a model to the store's file system, downloads it, or takes it over from ``incoming``."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import GraftError, os_reason, why
from graft_device.store import fetch
from graft_device.store.exit_codes import SignatureError, StoreError, writing
from graft_device.store.slots import Store
from graft_device.system.durable import CHUNK, digest
from graft_device.system.plain import open_plain
from graft_device.system.urls import shown

LIMIT = 512_000_000
"""Bytes of the largest model that is accepted; the largest that graftkit writes, float32 at ``mixed10``, has 88 MB."""

_SIGNATURE_LIMIT = 65_536
_ROOM_LEFT = 1 << 20
"""Bytes that must stay free beside the model, for its folder and for other files on the disk."""


@dataclass(frozen=True)
class ModelSource:
    """The path or URL of a model to install."""

    text: str

    @property
    def is_url(self) -> bool:
        """Whether the model has to be downloaded."""
        return fetch.is_url(self.text)

    @property
    def shown(self) -> str:
        """The path, or the URL without its secrets, for messages."""
        return shown(self.text)

    @property
    def name(self) -> str:
        """The file name without ``.tflite``."""
        name = fetch.file_name(self.text) if self.is_url else Path(self.text).name
        return name.removesuffix(".tflite") or "model"

    def beside(self, suffix: str) -> ModelSource:
        """The file with the same name and a suffix; in a URL the query stays after it, and the fragment is dropped."""
        if not self.is_url:
            return ModelSource(self.text + suffix)
        head, mark, tail = self.text.partition("#")[0].partition("?")
        return ModelSource(head + suffix + mark + tail)


def check_source(source: ModelSource) -> None:
    """Raises GraftError unless the source is a URL or a file that can be read."""
    if source.is_url:
        return
    if "://" in source.text:
        raise GraftError(f"cannot download {source.shown}", "use an http or https URL; no other kind is supported")
    try:
        open_plain(source.text).close()
    except OSError as error:
        raise GraftError(f"cannot read {source.shown}: {os_reason(error)}") from error


def take(source: ModelSource, target: Path, store: Store) -> str:
    """Puts a model at ``target``, on the store's file system.

    Returns:
        The SHA-256 of the target in hexadecimal digits.

    Raises:
        GraftError: the model cannot be read.
        FetchError: the model could not be downloaded.
        StoreError: the target cannot be written, or there is no room.
    """
    if source.is_url:
        fetch.fetch(source.text, target, LIMIT, lambda size: check_room(store, size))
    elif _own_incoming(Path(source.text), store):
        try:
            os.link(source.text, target, follow_symlinks=False)
        except OSError:  # for example on FAT, which has no hard links
            return _copy(Path(source.text), target, store)
        if not _own(target.lstat(), links=2):  # another file got this name meanwhile
            target.unlink()
            return _copy(Path(source.text), target, store)
    else:
        return _copy(Path(source.text), target, store)
    with writing(store.root):
        return digest(target)


def take_signature(chosen: ModelSource | None, source: ModelSource, target: Path) -> bool:
    """Puts a model's signature at ``target``: the chosen one, or the one beside the model.

    Returns:
        Whether there is a signature.

    Raises:
        SignatureError: the signature cannot be read.
    """
    place = chosen or source.beside(".sig")
    try:
        if place.is_url:
            fetch.fetch(place.text, target, _SIGNATURE_LIMIT)
            return True
        with open_plain(place.text) as file:
            data = file.read(_SIGNATURE_LIMIT + 1)
    except (OSError, fetch.NotThereError) as error:
        if chosen is None and isinstance(error, (FileNotFoundError, fetch.NotThereError)):
            return False
        raise SignatureError(f"cannot read the signature {place.shown}: {why(error)}") from error
    if len(data) > _SIGNATURE_LIMIT:
        raise SignatureError(f"{place.shown} is not a signature: it is longer than {_SIGNATURE_LIMIT} bytes")
    with writing(target.parent):
        target.write_bytes(data)
    return True


def check_room(store: Store, size: int) -> None:
    """Raises StoreError unless a file of ``size`` bytes fits."""
    with writing(store.root):
        disk = os.statvfs(store.root)
    free = disk.f_bavail * disk.f_frsize
    if free < size + _ROOM_LEFT:
        raise StoreError(
            f"no room in the store {store.root}: the model has {size / 1e6:.1f} MB, and {free / 1e6:.1f} MB are free",
            "free some space, or choose another folder with --store",
        )


def _own_incoming(path: Path, store: Store) -> bool:
    """Whether a file in ``incoming`` belongs to this user alone, so that nobody else can write to it later."""
    return path.parent.resolve() == store.incoming.resolve() and _own(path.lstat(), links=1)


def _own(status: os.stat_result, links: int) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid == os.geteuid()
        and status.st_nlink == links
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def _copy(path: Path, target: Path, store: Store) -> str:
    sha256 = hashlib.sha256()
    try:
        source = open_plain(path)
    except OSError as error:
        raise GraftError(f"cannot read {path}: {os_reason(error)}") from error
    with source:
        check_room(store, os.fstat(source.fileno()).st_size)
        with writing(store.root), target.open("wb") as copy:
            while chunk := source.read(CHUNK):
                sha256.update(chunk)
                copy.write(chunk)
    return sha256.hexdigest()
