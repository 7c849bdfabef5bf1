"""Unpacks an archive of photos into the cache, once for each content of it."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from graft_device.errors import CacheError, DatasetError, os_reason
from graft_host.photos.folders import entries as entries_of
from graft_host.support.cache import default_cache

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
"""The endings of archives, in lower case."""

_FOLDER, _PART = "archives", ".part-"
_STALE_S = 24 * 3600
_BLOCK = 1 << 20


def is_archive(path: Path) -> bool:
    """Whether a path is a file with the ending of an archive."""
    return path.name.lower().endswith(SUFFIXES) and path.is_file()


def unpacked(archive: Path, cache: Path | None) -> Path:
    """The folder with the content of an archive; unpacks it if that was not done before.

    Args:
        archive: a file as ``is_archive`` recognises it.
        cache: graftkit's cache folder; the usual one if None.

    Returns:
        The folder; if there is nothing but another folder in it, that one.

    Raises:
        CacheError: there is no room for the photos.
        DatasetError: the archive is damaged, encrypted, or contains what would be outside its folder.
    """
    parent = (cache or default_cache()) / _FOLDER
    folder = parent / _key(archive)
    name = archive.name  # messages about photos then show which archive they are from
    if not folder.is_dir():
        try:
            parent.mkdir(parents=True, exist_ok=True)
            _remove_stale(parent)
            with tempfile.TemporaryDirectory(prefix=_PART, dir=parent, ignore_cleanup_errors=True) as part:
                content = Path(part) / "content"
                (content / name).mkdir(parents=True)
                room = content / name
                extract(archive, room, lambda _, size: _check_room(archive, room, size))
                if not folder.is_dir():  # another run may have been faster
                    content.rename(folder)
        except OSError as error:
            raise CacheError(
                f"cannot unpack {archive} into {parent}: {os_reason(error)}", "choose another place with --cache"
            ) from error
    return inner(folder / name)


def _key(archive: Path) -> str:
    """A name for the archive as it is now."""
    status = archive.stat()
    stamp = f"{archive.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ino}"
    return hashlib.sha256(os.fsencode(stamp)).hexdigest()[:24]


def extract(archive: Path, folder: Path, check: Callable[[int, int], None]) -> None:
    """Unpacks an archive into a folder.

    Args:
        archive: a file with one of the endings of archives.
        folder: an empty folder.
        check: called with the number of files and their bytes, before so many are unpacked; raises to refuse them.

    Raises:
        DatasetError: the archive is damaged, encrypted, or contains what would be outside its folder.
        OSError: the folder cannot be written to.
    """
    damaged = f"{archive} cannot be unpacked"
    try:
        if zipfile.is_zipfile(archive) or archive.suffix.casefold() == ".zip":  # a cut one is not recognised
            with zipfile.ZipFile(archive) as packed:
                entries = packed.infolist()
                check(len(entries), sum(entry.file_size for entry in entries))
                packed.extractall(folder)  # noqa: S202  nothing that leads upwards, and no links
        else:
            if not hasattr(tarfile, "data_filter"):  # from Python 3.10.12 and 3.11.4 on
                raise DatasetError(f"{damaged}: this Python cannot do so safely", "unpack it yourself, or give a .zip")
            with tarfile.open(archive) as tar:
                files, size = _measured(tar, check)
                tar.extractall(folder, filter="data")
                while block := tar.fileobj.read(_BLOCK):  # a damaged archive looks like a shorter one
                    size += len(block)
                    check(files, size)
    except (tarfile.FilterError, NotImplementedError) as error:
        raise DatasetError(f"{damaged}: {error}", "unpack it yourself, and give the folder") from error
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        RuntimeError,
        ValueError,
    ) as error:
        raise DatasetError(f"{damaged}: {error}", "copy it again; an encrypted one cannot be read") from error
    except OSError as error:
        if error.errno is not None:  # of the system; gzip and bz2 have none for a damaged file
            raise
        raise DatasetError(f"{damaged}: {error}", "copy it again") from error


def _measured(tar: tarfile.TarFile, check: Callable[[int, int], None]) -> tuple[int, int]:
    """The number of files and their bytes; what a small archive may unpack to is checked before it is passed over."""
    files = size = 0
    for member in tar:
        files, size = files + 1, size + member.size
        check(files, size)
    return files, size


def _check_room(archive: Path, folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free
    if needed > free:
        raise CacheError(
            f"{archive} has {needed / 1e9:.1f} GB of files, and {folder.parents[2]} has room for {free / 1e9:.1f} GB",
            "choose another place with --cache",
        )


def inner(folder: Path) -> Path:
    """The folder, or the only folder in it, which many archives have around their content."""
    inside = entries_of(folder)
    return inner(inside[0][0]) if len(inside) == 1 and inside[0][1] else folder


def _remove_stale(parent: Path) -> None:
    """Removes what killed runs left a day ago."""
    for path in parent.glob(f"{_PART}*"):
        if time.time() - path.stat().st_mtime > _STALE_S:
            shutil.rmtree(path, ignore_errors=True)
