"""What a worker leaves on disk as it goes, so that nothing is lost when an input kills it."""

from __future__ import annotations

import hashlib
import json
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MOST_FAILURES = 20
"""After so many different failures a worker ends: there is enough to do."""

BROKEN = 70
"""The exit status of a worker that is itself at fault; EX_SOFTWARE of sysexits.h."""


@dataclass
class Tally:
    """What a worker has done.

    Attributes:
        inputs: the inputs that were read.
        results: how often each result came.
        failures: one line for each different failure.
        peak: the most resident memory that one input added to the worker, in bytes.
        slowest: the longest processor time of one input, in seconds.
        engine: ``atheris`` or ``mutation``.
    """

    inputs: int = 0
    results: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    peak: int = 0
    slowest: float = 0.0
    engine: str = "mutation"

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "results": dict(self.results)}

    def add(self, other: Tally) -> None:
        """Adds what another worker of the same kind has done."""
        self.inputs += other.inputs
        self.results += other.results
        self.failures += [line for line in other.failures if line not in self.failures]
        self.peak, self.slowest = max(self.peak, other.peak), max(self.slowest, other.slowest)
        self.engine = other.engine


class Journal:
    """The current input, the tally and the failing inputs of a worker, as files in its folder."""

    def __init__(self, folder: Path) -> None:
        self.current = folder / "current"
        self._tally = folder / "tally.json"
        self._failures = folder / "failures"
        self._seen: set[str] = set()

    def begin(self, data: bytes) -> None:
        """Keeps the input that is about to be read."""
        self.current.write_bytes(data)

    def save(self, tally: Tally) -> None:
        partial = self._tally.with_suffix(".partial")
        partial.write_text(json.dumps(tally.to_json()))
        partial.replace(self._tally)

    def load(self) -> Tally:
        """The tally of a worker that has ended, however it ended."""
        if not self._tally.exists():
            return Tally()
        raw = json.loads(self._tally.read_text())
        return Tally(**{**raw, "results": Counter(raw["results"])})

    def failed(self, tally: Tally, data: bytes, error: BaseException) -> None:
        """Keeps an input that raised an exception, once for each place that raises."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{type(error).__name__} in {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}"
        if place not in self._seen:
            self._seen.add(place)
            text = " ".join(str(error).split())[:200]
            path = self.keep(data, "".join(traceback.format_exception(error)))
            tally.failures.append(f"{place}: {text} ({path})")

    def keep(self, data: bytes, why: str) -> Path:
        """Stores a failing input beside its reason; returns its path."""
        self._failures.mkdir(exist_ok=True)
        path = self._failures / hashlib.sha256(data).hexdigest()[:12]
        path.write_bytes(data)
        path.with_suffix(".txt").write_text(why)
        return path
