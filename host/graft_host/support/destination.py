"""Checks where results may be written: never over files that a run reads, or that graftkit did not write."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import CacheError, ExportError, os_reason
from graft_device.system.durable import atomic_path
from graft_device.system.plain import open_plain

_HEAD_BYTES = 1024


@dataclass(frozen=True)
class OutputKind:
    """A kind of file that graftkit writes.

    Attributes:
        noun: the word for such a file in messages.
        example: an example of a file name.
        own: the description of such a file in the message about a file of another kind.
        recognises: whether an existing file is of this kind; raises OSError if it cannot be read.
        suffix: the end of the names of such files; empty where any will do.
    """

    noun: str
    example: str
    own: str
    recognises: Callable[[Path], bool]
    suffix: str = ""


@dataclass(frozen=True)
class RunInput:
    """A file or folder that a run reads and must not overwrite: its role in messages, and its path."""

    role: str
    path: Path


def first_bytes(path: Path) -> bytes:
    """The first bytes of a file, enough to recognise its kind."""
    with open_plain(path) as file:
        return file.read(_HEAD_BYTES)


MODEL = OutputKind(
    "model", "model.tflite", "a .tflite model", lambda path: first_bytes(path)[4:8] == b"TFL3", suffix=".tflite"
)


def check_destination(
    target: Path, kind: OutputKind, sources: Sequence[RunInput], *, overwrite: bool, option: str = "-o"
) -> None:
    """Checks before the work starts that a file can be written at its end.

    Args:
        target: the file to write.
        kind: the kind of file that will be written.
        sources: the files that the run reads or writes elsewhere; a folder stands for everything in it.
        overwrite: whether an existing file of the same kind may be replaced.
        option: the option of the command line that names the target.

    Raises:
        ExportError: the file cannot be written, or would replace something else.
    """
    if not target.parent.is_dir():
        raise ExportError(f"no such folder: {target.parent}", f"create it: mkdir -p {target.parent}")
    if target.is_dir():
        example = target / kind.example
        raise ExportError(f"{target} is a folder", f"give a file name for the {kind.noun}, such as {example}")
    if target.exists() and not target.is_file():
        raise ExportError(f"{target} is not a regular file", f"give another name with {option}")
    check_sources(target, kind, sources, option=option)
    if target.exists() and not overwrite:
        raise ExportError(f"{target} exists", f"give another name with {option}, or --overwrite")
    check_replaceable(target, kind, option=option)
    if kind.suffix and target.suffix.lower() != kind.suffix:
        raise ExportError(f"{target} does not end with {kind.suffix}", f"name it {target.stem}{kind.suffix}")
    try:
        with contextlib.suppress(_Probe), atomic_path(resolved(target)):
            raise _Probe
    except OSError as error:
        raise ExportError(
            f"cannot write into {target.parent}: {os_reason(error)}", f"choose another place with {option}"
        ) from error


def check_sources(target: Path, kind: OutputKind, sources: Sequence[RunInput], *, option: str = "-o") -> None:
    """Raises ExportError if the target is one of the sources, contains one or is in one, by any name or link."""
    for source in sources:
        if _same(target, source.path) or resolved(source.path).is_relative_to(resolved(target)):
            raise ExportError(
                f"the {kind.noun} would replace the {source.role} {source.path}", f"give another name with {option}"
            )
        if _inside(target, source.path):
            raise ExportError(
                f"{target} is among the {source.role} in {source.path}", f"choose another place with {option}"
            )


def check_replaceable(target: Path, kind: OutputKind, *, option: str = "-o") -> None:
    """Raises ExportError for an existing file of another kind, which not even ``--overwrite`` replaces."""
    if not target.exists():
        return
    try:
        recognised = kind.recognises(target)
    except OSError as error:
        raise ExportError(
            f"cannot check what {target} is: {os_reason(error)}", f"give another name with {option}"
        ) from error
    if not recognised:
        raise ExportError(
            f"{target} exists and is not {kind.own}, so it is not replaced", f"give another name with {option}"
        )


def check_cache_place(cache: Path, photos: Path) -> None:
    """Raises CacheError if the cache would be among the photos, where its folder would count as a class."""
    if _inside(cache, photos):
        raise CacheError(f"the cache {cache} is among the photos in {photos}", "choose another place with --cache")


def resolved(path: Path) -> Path:
    """Follows the links of a path; a link in a circle stays as it is.

    Raises:
        ExportError: the path is relative to the working folder, which was removed.
    """
    try:
        return Path(os.path.realpath(path))
    except FileNotFoundError as error:  # from the working folder: realpath accepts any other path
        raise ExportError(
            f"the folder that graft runs in was removed, so {path} leads nowhere",
            "change to another folder, or give absolute paths",
        ) from error


def _same(one: Path, other: Path) -> bool:
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return resolved(one) == resolved(other)


def _inside(target: Path, folder: Path) -> bool:
    """Whether the target is in the folder, also by its unresolved name, since class folders may be links."""
    if resolved(target).is_relative_to(resolved(folder)):
        return True
    named = Path(os.path.abspath(target))  # noqa: PTH100  Path's own follows links
    return named.is_relative_to(os.path.abspath(folder))  # noqa: PTH100


class _Probe(Exception):  # noqa: N818  ends a trial write before anything is replaced
    pass
