"""The files of a job in its folder: the job itself, its progress, its notes, and the request to end it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args

from graft_device.system.durable import write_atomically
from graft_host.studio.jobs.job import ENDED, Job, JobError, JobEvent, JobProgress, JobState

_JOB, _PROGRESS, _LOG, _CANCEL = "job.json", "progress.json", "log.jsonl", "cancel"
ERRORS = "errors.txt"
"""What the process of a job, and the libraries in it, wrote to standard error."""

_KEPT_FIELDS = (
    "kind", "title", "arguments", "command", "state", "created", "started", "ended", "result", "error", "lane",
)  # fmt: skip

Stamp = tuple[tuple[int, int, int] | None, ...]
"""Another value once one of a job's files has changed."""


class DamagedJobError(ValueError):
    """The file of a job cannot be read."""


class JobFiles:
    """The folder of a job.

    Attributes:
        folder: its path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def errors(self) -> Path:
        """The file with what the process of the job wrote to standard error."""
        return self.folder / ERRORS

    def read(self) -> Job:
        """Reads the job as it is now; raises DamagedJobError if its file is damaged, or OSError."""
        job = _parsed(self.folder.name, (self.folder / _JOB).read_bytes())
        if job.state in ENDED:
            return self._with_log(job)
        asked = self._asked_at()
        if job.state == "queued":
            return job if asked is None else replace(job, state="cancelled", ended=asked)
        return replace(self._with_log(job), progress=self._progress(), cancelling=asked is not None)

    def write(self, job: Job) -> None:
        """Writes the job; raises OSError."""
        values = {name: value for name, value in asdict(job).items() if name in _KEPT_FIELDS}
        write_atomically(self.folder / _JOB, json.dumps(values).encode())

    def stamp(self) -> Stamp:
        """What differs once one of the files has changed."""
        return tuple(_stamp(self.folder / name) for name in (_JOB, _PROGRESS, _LOG, _CANCEL))

    def begin(self) -> None:
        """Removes what an earlier try left, which was interrupted; raises OSError."""
        for name in (_PROGRESS, _LOG, ERRORS):
            (self.folder / name).unlink(missing_ok=True)

    def note(self, text: str) -> None:
        """Adds a line for the user to the log; raises OSError."""
        self._log({"time": round(time.time(), 3), "note": text})

    def event(self, name: str, values: Mapping[str, Any]) -> None:
        """Adds what the job has found to the log; raises OSError."""
        self._log({"time": round(time.time(), 3), "event": name, "values": dict(values)})

    def progress(self, progress: JobProgress) -> None:
        """Writes how far the job is, and the start of a stage into the log; raises OSError."""
        if progress.done == 0:
            self._log({"time": round(time.time(), 3), "stage": progress.stage})
        part = self.folder / f".{_PROGRESS}"  # not synced: it is only for those who look now
        part.write_text(json.dumps(asdict(progress)), "utf-8")
        part.replace(self.folder / _PROGRESS)

    def ask_to_end(self) -> None:
        """Asks whoever runs the job to end it; raises OSError."""
        (self.folder / _CANCEL).touch()

    @property
    def asked_to_end(self) -> bool:
        """Whether the job shall end."""
        return self._asked_at() is not None

    def _asked_at(self) -> float | None:
        try:
            return (self.folder / _CANCEL).stat().st_mtime
        except OSError:
            return None

    def _log(self, line: Mapping[str, Any]) -> None:
        with (self.folder / _LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _with_log(self, job: Job) -> Job:
        """The job with the notes and events of its log."""
        notes, events = [], []
        with contextlib.suppress(OSError):
            for text in (self.folder / _LOG).read_text("utf-8", "replace").splitlines():
                with contextlib.suppress(ValueError, AttributeError, RecursionError):  # a line that a crash cut off
                    line = json.loads(text)
                    note, event, values = line.get("note"), line.get("event"), line.get("values")
                    notes += [note] if isinstance(note, str) else []
                    if isinstance(event, str) and isinstance(values, dict):
                        events.append(JobEvent(event, values))
        return replace(job, notes=tuple(notes), events=tuple(events))

    def _progress(self) -> JobProgress | None:
        try:
            return JobProgress(**json.loads((self.folder / _PROGRESS).read_bytes()))
        except (OSError, ValueError, TypeError, RecursionError):
            return None


def _parsed(job_id: str, content: bytes) -> Job:
    try:
        values = {name: value for name, value in json.loads(content).items() if name in _KEPT_FIELDS}
        error = values.pop("error")
        job = Job(id=job_id, error=None if error is None else JobError(**error), **values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedJobError(job_id) from error
    texts = (job.kind, job.title, job.command, job.lane)
    times = (job.created, job.started or 0, job.ended or 0)
    sound = (
        job.state in get_args(JobState)
        and isinstance(job.arguments, dict)
        and isinstance(job.result, dict | None)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(number, (int, float)) for number in times)
    )
    if not sound:
        raise DamagedJobError(job_id)
    return job


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
