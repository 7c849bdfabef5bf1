"""The file in which a board keeps the scores of a model by day."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.drift.histogram import EDGES, NONE, Histogram, has_edges
from graft_device.errors import GraftError, os_reason
from graft_device.outputs.queue_folder import state_folder
from graft_device.system.durable import remove_stale, write_atomically
from graft_device.system.locks import NoLocksError, try_lock
from graft_device.system.plain import open_plain
from graft_device.system.strict_json import parse_json

if TYPE_CHECKING:
    from graft_device.model import ModelFile

KEPT_DAYS = 90
"""How many days with scores are kept."""

NO_DATE = ""
"""The day of scores from a time when the clock was not set."""

_FORMAT = 1
_MOST_BYTES = 1 << 20
_NAMES = re.compile(r"[0-9a-f]{16}\.json")
_LOCK_S = 10.0


class DamagedDaysError(GraftError):
    """The file contains something else than the scores of days."""


def drift_folder() -> Path:
    """Where the files are by default: ``drift`` beside the queues of a service or a user; it need not exist.

    Raises:
        GraftError: there is no home folder.
    """
    root = state_folder()
    if root is None:
        raise GraftError("there is no home folder to keep scores in", "name a folder with --state")
    return root / "drift"


def fingerprint(model: ModelFile) -> str:
    """What distinguishes a model from all others: 16 hexadecimal digits."""
    golden = model.golden
    if golden is not None:
        return golden.network_sha256[:16]
    text = "\n".join([model.card.to_json(), *model.labels, str(model.network_bytes)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class DayFile:
    """The scores of one model by day. Several processes may add to one file."""

    def __init__(self, folder: Path, name: str) -> None:
        """Reads nothing yet.

        Args:
            folder: where the file is.
            name: the fingerprint of the model.
        """
        self.path = folder / f"{name}.json"

    def read(self) -> dict[str, Histogram]:
        """The scores by day, such as ``2026-01-31``; none if there is no file.

        Raises:
            DamagedDaysError: the file contains something else.
            OSError: it cannot be read.
        """
        try:
            with open_plain(self.path) as file:
                data = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return {}
        try:
            return _parsed(data)
        except ValueError as error:
            raise DamagedDaysError(f"{self.path} is damaged ({error})", "remove it, or put it aside") from error

    def add(self, scores: Mapping[str, Histogram], today: date, clock_set: bool) -> tuple[dict[str, Histogram], str]:
        """Adds scores. The file is complete at any moment, the old one or the new one.

        Days after tomorrow were counted when the clock was wrong, and are removed once it is set.

        Args:
            scores: by day; those of ``NO_DATE`` count for today, or for the newest day of the file if that is later.
            today: the date that the clock shows, in UTC.
            clock_set: whether the clock is set.

        Returns:
            All scores of the file, and the name under which a damaged file was put aside; empty if there was none.

        Raises:
            OSError: the file cannot be read or written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = ""
        with _locked(self.path.parent):
            remove_stale(self.path.parent, _NAMES)
            try:
                days = self.read()
            except DamagedDaysError:
                days, aside = {}, _put_aside(self.path)
            if clock_set:
                days = {day: found for day, found in days.items() if day <= str(today + timedelta(days=1))}
            for day, more in scores.items():
                place = day or max([str(today), *days])
                days[place] = days.get(place, NONE) + more
            days = {day: days[day] for day in sorted(days)[-KEPT_DAYS:]}
            write_atomically(self.path, _text(days).encode())
        return days, aside


def _put_aside(path: Path) -> str:
    from graft_device.outputs.damaged_database import name_aside, put_aside  # loads SQLite

    aside = name_aside(path)
    put_aside(path, aside)
    return aside.name


def _text(days: Mapping[str, Histogram]) -> str:
    entries = {day: {"counts": list(found.counts), "unknown": found.unknown} for day, found in days.items()}
    return json.dumps({"format": _FORMAT, "edges": list(EDGES), "days": entries}, separators=(",", ":")) + "\n"


def _parsed(data: bytes) -> dict[str, Histogram]:
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
    values = parse_json(data.decode())
    if not isinstance(values, dict) or values.get("format") != _FORMAT or not has_edges(values):
        raise ValueError("it has another format")
    days = values.get("days")
    if not isinstance(days, dict):
        raise ValueError("it has no days")
    return {str(date.fromisoformat(day)): Histogram.read(counts) for day, counts in days.items()}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lets no other process add meanwhile.

    Raises:
        OSError: another process holds the lock for long, or the folder cannot be written.
    """
    with (folder / "lock").open("a") as file:
        deadline = time.monotonic() + _LOCK_S
        with contextlib.suppress(NoLocksError):
            while not try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    raise BlockingIOError(errno.EAGAIN, "another process keeps it locked")
                time.sleep(0.05)
        yield


def readable_days(folder: Path, model: ModelFile) -> dict[str, Histogram]:
    """The scores of a model by day, for a command.

    Raises:
        GraftError: the file is damaged or cannot be read.
    """
    file = DayFile(folder, fingerprint(model))
    try:
        return file.read()
    except OSError as error:
        raise GraftError(f"cannot read {file.path}: {os_reason(error)}") from error
