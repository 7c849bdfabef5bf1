"""The journal of a sorting table: what is to be moved, written before it is, and what was moved, written after that.

``inbox/.sorting/journal.jsonl`` has two lines for each move, undo and redo: the files with their old and new places,
and, when all of them are done, which were moved. Both are on the disk before the next step. So after a crash the last
line tells what was going on, and each file is in one of its two places.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from graft_device.errors import os_reason
from graft_device.system.durable import sync
from graft_host.sorting.state import Destination, SortError

Act = Literal["move", "undo", "redo"]
Root = Literal["inbox", "photos"]


@dataclass(frozen=True)
class Place:
    """A file in the inbox or among the photos.

    Attributes:
        root: ``inbox`` or ``photos``.
        path: relative to it, with ``/`` between folders.
    """

    root: Root
    path: str

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Place:
        """Reads a place; raises KeyError or ValueError for one that is outside both folders."""
        root, path = raw["root"], str(raw["path"])
        parts = PurePosixPath(path).parts
        if root not in {"inbox", "photos"} or not parts or path.startswith("/") or ".." in parts or "\0" in path:
            raise ValueError(f"place {raw}")
        return cls(root, path)


@dataclass(frozen=True, kw_only=True)
class FileMove:
    """A file that is moved.

    Attributes:
        source: its old place.
        target: its new place.
        sha256: of its content, in hex; empty if nobody has read it, and then size and time of change must do.
        size: in bytes.
        mtime_ns: when it was changed last, in nanoseconds since 1970.
    """

    source: Place
    target: Place
    sha256: str
    size: int
    mtime_ns: int

    def reversed(self) -> FileMove:
        """The move that takes this one back."""
        return replace(self, source=self.target, target=self.source)


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Files that are moved together.

    Attributes:
        number: counts from 1.
        act: ``move``, ``undo`` or ``redo``.
        to: where the pictures of the move were put, for ``undo`` that of the move that is taken back.
        photos: the folder of photos, with its links resolved.
        files: the files.
        made: folders among the photos that did not exist before.
        gone: folders among the photos that are removed once they are empty; an undo makes them again.
        series: what moves share that are taken back together, such as a recording; empty for a move on its own.
        time: ISO 8601 in UTC.
        failed: the files that the system did not let be moved; empty until the batch is done.
    """

    number: int
    act: Act
    to: Destination
    photos: str
    files: tuple[FileMove, ...]
    made: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    series: str = ""
    time: str = ""
    failed: tuple[FileMove, ...] = ()

    def text(self) -> str:
        """What is moved: ``3 pictures to cats``; for folders alone ``the class cats``."""
        if not self.files and (folders := self.made or self.gone):
            return f"the class {self.to.label or PurePosixPath(folders[-1]).name}"
        count = "1 picture" if len(self.files) == 1 else f"{len(self.files):,} pictures"
        return f"{count} {self.to.text()}"

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Batch:
        """Reads a line of the journal; raises KeyError, TypeError or ValueError for anything else."""
        act, to = raw["act"], Destination(raw["to"]["kind"], str(raw["to"]["label"]))
        if act not in {"move", "undo", "redo"} or to.kind not in {"class", "unknown", "bin", "inbox"}:
            raise ValueError(f"act {act!r} to {to.kind!r}")
        made, gone = (
            tuple(Place.from_json({"root": "photos", "path": path}).path for path in paths)
            for paths in (raw["made"], raw.get("gone", ()))
        )
        files = tuple(
            FileMove(
                source=Place.from_json(file["source"]), target=Place.from_json(file["target"]),
                sha256=str(file["sha256"]), size=int(file["size"]), mtime_ns=int(file["mtime_ns"]),
            )
            for file in raw["files"]
        )  # fmt: skip
        return cls(
            number=int(raw["number"]), act=act, to=to, photos=str(raw["photos"]), files=files, made=made, gone=gone,
            series=str(raw.get("series", "")), time=str(raw["time"]),
        )  # fmt: skip


class Journal:
    """The journal of an inbox.

    Attributes:
        finished: the batches that are done, with the files that were moved, in the order in which they were begun.
        unfinished: the batch that was begun last, if it is not done; None if it is.
        damaged: the number of lines that cannot be read; one that a crash cut short is not among them.
    """

    def __init__(self, path: Path) -> None:
        """Reads the journal.

        Args:
            path: the file; it may be missing.

        Raises:
            SortError: it cannot be read.
        """
        self.path = path
        self.finished: list[Batch] = []
        self.unfinished: Batch | None = None
        self.damaged = 0
        self._last = 0
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            text = b""
        except OSError as error:
            raise SortError(f"cannot read {path}: {os_reason(error)}", "change its permissions") from error
        whole, _, self._torn = text.rpartition(b"\n")
        for line in whole.splitlines():
            self._read(line)

    @property
    def next_number(self) -> int:
        """The number of the next batch."""
        return self._last + 1

    def begin(self, batch: Batch) -> None:
        """Writes down what is to be moved; raises SortError if that fails, and then nothing may be moved."""
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        batch = replace(batch, time=now)
        entry = asdict(batch)
        del entry["failed"]
        self._append(entry)
        self.unfinished, self._last = batch, batch.number

    def end(self, moved: Sequence[int], failed: Sequence[int]) -> None:
        """Writes down what became of the batch; raises SortError if that fails.

        Args:
            moved: the files that were moved, by their places in the batch.
            failed: those that the system did not let be moved, and that may be moved later.
        """
        if self.unfinished is None:
            return
        self._append({"done": self.unfinished.number, "moved": [*moved], "failed": [*failed]})
        self._finish(moved, failed)

    def _read(self, line: bytes) -> None:
        try:
            raw = json.loads(line)
            if "done" not in raw:
                batch = Batch.from_json(raw)
                self.unfinished, self._last = batch, max(self._last, batch.number)
            elif self.unfinished is not None and raw["done"] == self.unfinished.number:
                self._finish([int(place) for place in raw["moved"]], [int(place) for place in raw["failed"]])
        except (KeyError, TypeError, ValueError, IndexError, RecursionError, AttributeError):
            self.damaged += 1

    def _finish(self, moved: Sequence[int], failed: Sequence[int]) -> None:
        if self.unfinished is not None:
            files = self.unfinished.files
            nothing = bool(files) and not moved
            finished = replace(
                self.unfinished,
                files=tuple(files[place] for place in moved),
                failed=tuple(files[place] for place in failed),
                made=() if nothing else self.unfinished.made,
                gone=() if nothing else self.unfinished.gone,
            )
            self.finished.append(finished)
            self.unfinished = None

    def _append(self, entry: dict[str, Any]) -> None:
        """Appends a line, whole and on the disk, or not at all; it replaces one that a crash cut short."""
        line = json.dumps(entry).encode("ascii") + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab", buffering=0) as file:
                before = os.fstat(file.fileno()).st_size - len(self._torn)
                try:
                    os.ftruncate(file.fileno(), before)
                    _write_all(file.fileno(), line)
                    os.fsync(file.fileno())
                except BaseException:
                    with contextlib.suppress(OSError):
                        os.ftruncate(file.fileno(), before)
                    raise
            self._torn = b""
            sync(self.path.parent)
        except OSError as error:
            raise SortError(
                f"cannot write the journal {self.path}: {os_reason(error)}, so nothing more is moved",
                "free space on the disk, or change the permissions of the inbox",
            ) from error


def _write_all(handle: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]
