"""The findings that are ignored for good: kept by the contents of the photos, so that it outlives new names."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graft_device.errors import os_reason
from graft_device.system.durable import write_atomically
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project
from graft_host.studio.project.locking import locked
from graft_host.studio.project.signal import Signal
from graft_host.studio.remedies.found import Found

_NAME = "ignored.json"
_FORM = 1


@dataclass(frozen=True)
class Entry:
    """A finding that is ignored.

    Attributes:
        kind: of the finding.
        digests: of the contents of its photos, ascending; none if it is about classes.
        labels: the classes that it is about, ascending.
        name: the path of the first photo when it was ignored, for a person who wants to take it back.
    """

    kind: str
    digests: tuple[str, ...]
    labels: tuple[str, ...]
    name: str

    @classmethod
    def of(cls, finding: Found) -> Entry:
        """That for a finding. A photo that cannot be read has its path in place of its content."""
        digests = sorted({photo.digest or photo.id for photo in finding.photos})
        name = finding.photos[0].id if finding.photos else ", ".join(finding.labels)
        return cls(finding.kind, tuple(digests), tuple(sorted(finding.labels)), name)

    def covers(self, finding: Found) -> bool:
        """Whether a finding is this one, or about fewer of the same photos."""
        other = Entry.of(finding)
        same = self.kind == other.kind and {*other.labels} <= {*self.labels}
        return same and {*other.digests} <= {*self.digests} and bool(other.digests) == bool(self.digests)


class Ignored:
    """The ignored findings of a project; its methods may be called from several threads and several studios.

    Attributes:
        changed: emitted after each change by this studio.
    """

    def __init__(self, project: Project) -> None:
        self.changed = Signal()
        self._path = project.work / _NAME
        self._lock = project.work / f"{_NAME}.lock"
        self._guard = threading.Lock()

    def entries(self) -> tuple[Entry, ...]:
        """All ignored findings, in the order in which they were ignored; none if the file is damaged."""
        try:
            document = json.loads(self._path.read_bytes())
            if document["form"] != _FORM:
                return ()
            return tuple(map(_entry, document["ignored"]))
        except (OSError, ValueError, KeyError, TypeError):
            return ()

    def add(self, findings: Sequence[Found]) -> None:
        """Ignores findings; raises StudioError if that cannot be written."""
        new = [Entry.of(finding) for finding in findings]
        with self._changing() as entries:
            self._write([*entries, *(entry for entry in new if entry not in entries)])
        self.changed.emit()

    def take_back(self, entry: Entry) -> None:
        """Reports a finding again; raises StudioError if that cannot be written."""
        with self._changing() as entries:
            self._write([other for other in entries if other != entry])
        self.changed.emit()

    @contextlib.contextmanager
    def _changing(self) -> Iterator[tuple[Entry, ...]]:
        """Keeps other threads and studios from changing the file between reading and writing."""
        try:
            with self._guard, locked(self._lock, self._path.name):
                yield self.entries()
        except OSError as error:
            raise StudioError(f"cannot write {self._path}: {os_reason(error)}", "free space on the disk") from error

    def _write(self, entries: Sequence[Entry]) -> None:
        document = {"form": _FORM, "ignored": [asdict(entry) for entry in entries]}
        write_atomically(self._path, json.dumps(document, ensure_ascii=False, indent=1).encode())


def _entry(values: dict[str, Any]) -> Entry:
    digests, labels = tuple(map(str, values["digests"])), tuple(map(str, values["labels"]))
    return Entry(str(values["kind"]), digests, labels, str(values["name"]))
