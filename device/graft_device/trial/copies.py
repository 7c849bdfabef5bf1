"""Private copies of model files, which nobody changes while they are in use."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from graft_device.errors import ModelError, os_reason
from graft_device.system.plain import NotAFileError, open_plain


@dataclass(frozen=True)
class Copy:
    """A copy of a model file.

    Attributes:
        path: the copy's path in this process, and in a child that inherits ``handles``.
        handles: the file descriptors that a child needs to read the copy; any user may read it.
    """

    path: Path
    handles: tuple[int, ...]


@contextmanager
def copied(path: Path) -> Iterator[Copy]:
    """Yields a copy, in memory if the system allows it. The copy is deleted afterwards.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        source = open_plain(path)
    except OSError as error:
        remedy = "give the .tflite that 'graft train' wrote" if isinstance(error, NotAFileError) else ""
        raise ModelError(f"cannot read model {path}: {error.strerror or error}", remedy) from error
    with source, _empty_file() as file:
        try:
            shutil.copyfileobj(source, file)
            file.flush()
        except OSError as error:
            raise ModelError(f"cannot copy model {path}: {os_reason(error)}") from error
        if isinstance(file.name, int):
            yield Copy(Path(f"/proc/self/fd/{file.name}"), (file.name,))
        else:
            yield Copy(Path(file.name), ())


@contextmanager
def _empty_file() -> Iterator[IO[bytes]]:
    """An empty file without a name, or where the system has none, with one in the folder of temporary files."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        with os.fdopen(os.memfd_create("graft-model"), "w+b") as file:
            yield file
        return
    with tempfile.NamedTemporaryFile(suffix=".tflite") as named:
        os.chmod(named.name, 0o644)  # noqa: PTH101  also for a child that is another user
        yield named
