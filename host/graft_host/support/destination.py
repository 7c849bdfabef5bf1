"""Where results may go: never over what a run reads, nor over what the kit did not write."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import CacheError, ExportError, os_reason
from graft_device.model import CARD_NAME
from graft_device.system.durable import atomic_path

_HEAD_BYTES = 1024
_OF_AN_EXPORT = {CARD_NAME, "config.json"}  # ours, and Keras's own


@dataclass(frozen=True)
class Kind:
    """A kind of file that the kit writes.

    Attributes:
        noun: what it is called.
        example: a file name for one.
        own: what it says that a file is not, if the kit did not write it.
        recognises: whether a file that is there is of this kind; raises OSError if it can't be read.
    """

    noun: str
    example: str
    own: str
    recognises: Callable[[Path], bool]


@dataclass(frozen=True)
class Source:
    """A file or folder that must outlive the run: what it is to the run, and where it lies."""

    role: str
    path: Path


def first_bytes(path: Path) -> bytes:
    """The first bytes of a file, enough to recognise its kind."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def _is_export(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        return _OF_AN_EXPORT.issubset(archive.namelist())
    return False


MODEL = Kind("model", "model.tflite", "a .tflite model", lambda path: first_bytes(path)[4:8] == b"TFL3")
EXPORT = Kind("export", "model.keras", "a .keras file that 'graft export' wrote", _is_export)


def check_destination(
    target: Path, kind: Kind, sources: Sequence[Source], *, overwrite: bool, option: str = "-o"
) -> None:
    """Looks before the work starts whether a file could be written at its end.

    Args:
        target: the file to write.
        kind: what will be written there.
        sources: what the run reads or writes elsewhere; a folder stands for everything in it.
        overwrite: whether it may replace a file of its kind.
        option: that names the target on the command line.

    Raises:
        ExportError: it could not, or something would be lost.
    """
    if not target.parent.is_dir():
        raise ExportError(f"no such folder: {target.parent}; make it with: mkdir -p {target.parent}")
    if target.is_dir():
        example = target / kind.example
        raise ExportError(f"{target} is a folder: give a file name for the {kind.noun}, such as {example}")
    if target.exists() and not target.is_file():
        raise ExportError(f"{target} is not a regular file: give another name with {option}")
    check_sources(target, kind, sources, option=option)
    if target.exists() and not overwrite:
        raise ExportError(f"{target} exists: give another name with {option}, or --overwrite")
    check_replaceable(target, kind, option=option)
    try:
        with contextlib.suppress(_Probe), atomic_path(resolved(target)):
            raise _Probe
    except OSError as error:
        raise ExportError(
            f"cannot write into {target.parent}: {os_reason(error)}; name another place with {option}"
        ) from error


def check_sources(target: Path, kind: Kind, sources: Sequence[Source], *, option: str = "-o") -> None:
    """Raises ExportError if the target is one of the sources, holds one, or lies in one, by whatever name or link."""
    for source in sources:
        if _same(target, source.path) or resolved(source.path).is_relative_to(resolved(target)):
            raise ExportError(
                f"the {kind.noun} would replace the {source.role} {source.path}: give another name with {option}"
            )
        if _inside(target, source.path):
            raise ExportError(
                f"{target} lies among the {source.role} in {source.path}: name another place with {option}"
            )


def check_replaceable(target: Path, kind: Kind, *, option: str = "-o") -> None:
    """Raises ExportError if a file is there that is not of the kind, so that not even ``--overwrite`` replaces it."""
    if not target.exists():
        return
    try:
        recognised = kind.recognises(target)
    except OSError as error:
        raise ExportError(
            f"cannot see what {target} is: {os_reason(error)}; give another name with {option}"
        ) from error
    if not recognised:
        raise ExportError(
            f"{target} is there and is not {kind.own}, so it is not replaced: give another name with {option}"
        )


def check_cache_place(cache: Path, photos: Path) -> None:
    """Raises CacheError if the cache would lie among the photos, where its folder would be taken for a class."""
    if _inside(cache, photos):
        raise CacheError(f"the cache {cache} lies among the photos in {photos}: name another place with --cache")


def resolved(path: Path) -> Path:
    """Where a path leads, links followed; a link that leads in a circle stays as it is.

    Raises:
        ExportError: it starts from the working folder, which was removed.
    """
    try:
        return Path(os.path.realpath(path))
    except FileNotFoundError as error:  # of the working folder: realpath takes any other path
        raise ExportError(
            f"the folder that graft runs in was removed, so that {path} leads nowhere: "
            "change to another one, or give whole paths"
        ) from error


def _same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return resolved(one) == resolved(other)


def _inside(target: Path, folder: Path) -> bool:
    """By the name that was given too: class folders may be links."""
    if resolved(target).is_relative_to(resolved(folder)):
        return True
    named = Path(os.path.abspath(target))  # noqa: PTH100  Path's own follows links
    return named.is_relative_to(os.path.abspath(folder))  # noqa: PTH100


class _Probe(Exception):  # noqa: N818  ends a trial write before anything is replaced
    pass
