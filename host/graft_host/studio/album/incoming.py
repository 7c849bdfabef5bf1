"""Photos that are on their way into the project: checked, and written beside it until they are whole."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from graft_device.errors import os_reason
from graft_device.preprocess import checked_header, decode
from graft_device.preprocess.budget import Limits, check
from graft_device.system.locks import NoLocksError, lock_file
from graft_host.studio.album.names import file_name
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project

_FOLDER, _PREFIX, _LOCK = "incoming", "studio-", "lock"
_CHECKED_SIDE = 256  # a JPEG is decoded at a fraction of its size, which finds damage as well


@dataclass(frozen=True)
class Incoming:
    """A photo that is whole, and waits for its place.

    Attributes:
        path: of its file, which only this process uses.
        name: what its file is to be called.
        sha256: of its content, in hex.
        size: in bytes.
    """

    path: Path
    name: str
    sha256: str
    size: int


class IncomingFolder:
    """The folder of a studio for files that are not whole yet; the next studio removes what a killed one left.

    Its methods may be called from several threads.

    Args:
        project: the folder of the project.
    """

    def __init__(self, project: Project) -> None:
        self._parent = project.work / _FOLDER
        self._guard = threading.Lock()
        self._own: Path | None = None
        self._end: weakref.finalize[..., IncomingFolder] | None = None

    @property
    def folder(self) -> Path:
        """A folder that only this process writes to, made at the first use.

        Raises:
            StudioError: it cannot be made.
        """
        with self._guard:
            if self._own is None:
                try:
                    self._own = self._opened()
                except OSError as error:
                    raise StudioError(
                        f"cannot write in {self._parent}: {os_reason(error)}", "free space, or change its permissions"
                    ) from error
            return self._own

    def tidy(self) -> None:
        """Removes what studios left that were killed."""
        for path in self._parent.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError), self._abandoned(path) as abandoned:
                if abandoned:
                    shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Removes this process's folder."""
        with self._guard:
            if self._end is not None:
                self._end()
            self._own = self._end = None

    def received(self, name: str, content: bytes) -> Incoming:
        """Checks a photo, decodes it once, and writes it down.

        Args:
            name: what a browser called it.
            content: of the file.

        Raises:
            PhotoError: it is no photo that graftkit reads, or is damaged.
            StudioError: it cannot be written.
        """
        header = checked_header(content)
        check(header, _CHECKED_SIDE, "squash", Limits.of_machine())
        decode(header, _CHECKED_SIDE, "squash")
        path = self.folder / f"photo-{secrets.token_hex(8)}"
        try:
            try:
                with path.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise StudioError(f"cannot write {name!r}: {os_reason(error)}", "free space on the disk") from error
        return Incoming(path, file_name(name, header.kind), hashlib.sha256(content).hexdigest(), len(content))

    def _opened(self) -> Path:
        self._parent.mkdir(parents=True, exist_ok=True)
        while True:
            own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
            lock = None
            with contextlib.suppress(NoLocksError, FileNotFoundError):
                lock = lock_file(own / _LOCK)
            if own.exists():  # if not, another studio took it for one that was left, before it was locked
                self._end = weakref.finalize(self, _removed, own, lock)
                return own

    @staticmethod
    @contextlib.contextmanager
    def _abandoned(path: Path) -> Iterator[bool]:
        """Whether no process uses a folder any more; locks it meanwhile."""
        try:
            lock = lock_file(path / _LOCK)
        except NoLocksError:
            yield False
            return
        if lock is None:
            yield False
        else:
            with lock:
                yield True


def _removed(folder: Path, lock: BinaryIO | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        lock.close()
