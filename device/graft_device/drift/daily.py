"""Counts the best scores of a run by day, and keeps them on disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from graft_device.drift.day_file import NO_DATE, DayFile, fingerprint
from graft_device.drift.drift import Drift, drift_of
from graft_device.drift.histogram import BINS, NONE, Histogram, bin_of, card_histogram
from graft_device.errors import os_reason
from graft_device.run.observers import Observer, SeenFrame

if TYPE_CHECKING:
    from graft_device.classifier import Classifier
    from graft_device.model import ModelFile
    from graft_device.outputs.views import View

WRITE_S = 600.0
"""Seconds between two writes: they spare the SD card, and a power cut loses no more than these."""

LAST_DAYS = 7
"""How many days with scores are compared with the test photos."""


class DailyScores(Observer):
    """The scores of the models of a run by day, in a file for each model that later runs add to.

    Only frames that a model has classified count: with a motion gate, those in which something moves. Nothing is
    counted for a model whose card has no scores to compare with. Frames are counted in the loop's thread, the files are
    written in another. A disk that is full or read-only stops nothing: it is noted once, and tried again.
    """

    def __init__(
        self,
        folder: Path,
        models: Mapping[str, ModelFile],
        live: Collection[str],
        clock_set: Callable[[], bool],
        note: Callable[[str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Reads what earlier runs counted.

        Args:
            folder: where the files are; created if it does not exist.
            models: the models by the names that views have.
            live: the names of the live sources; frames of others do not count.
            clock_set: whether the clock is set; called for each frame, such as ``WallClock.is_set``.
            note: called with a line when scores cannot be kept; from another thread.
            now: seconds of a monotonic clock.
        """
        self._folder = folder
        self._live = frozenset(live)
        self._clock_set = clock_set
        self._note = note
        self._now = now
        self._lock = threading.Lock()
        self._files: dict[str, DayFile] = {}
        self._references: dict[str, Histogram | None] = {}
        self._stored: dict[Path, dict[str, Histogram]] = {}
        self._new: dict[tuple[Path, str], list[int]] = {}
        self._written = now()
        self._writer: threading.Thread | None = None
        self._failing = False
        for name, model in models.items():
            self._follow(name, model)

    def exchanged(self, view: View, classifier: Classifier) -> None:
        """Counts the frames of the view's model for its new version from now on."""
        self._follow(view.model, classifier.model)

    def _follow(self, name: str, model: ModelFile) -> None:
        file = DayFile(self._folder, fingerprint(model))
        try:
            stored = file.read()
        except Exception:  # noqa: BLE001  the next write puts a damaged file aside, or notes what the disk says
            stored = {}
        with self._lock:
            self._files[name] = file
            self._stored.setdefault(file.path, stored)
            self._references[name] = card_histogram(model.card.training)

    def seen(self, view: View, seen: SeenFrame) -> None:
        """Counts a frame."""
        file = self._files.get(view.model)
        if file is None or self._references[view.model] is None or view.source not in self._live:
            return
        day = seen.frame.time[:10] if self._clock_set() else NO_DATE
        with self._lock:
            counts = self._new.setdefault((file.path, day), [0] * (BINS + 1))
            counts[bin_of(seen.best)] += 1
            counts[BINS] += seen.answer.unknown
        due = self._now() - self._written >= WRITE_S
        if due and (self._writer is None or not self._writer.is_alive()):
            self._written = self._now()
            self._writer = threading.Thread(target=self._write, name="graft-drift", daemon=True)
            self._writer.start()

    def close(self) -> None:
        """Writes what is not written yet."""
        if self._writer is not None:
            self._writer.join()
        self._write()

    def drift(self, last: int = LAST_DAYS) -> list[Drift]:
        """The drift of each model, with the frames that are not on disk yet. May be called from any thread.

        Args:
            last: how many of the days with scores count.
        """
        today = _today()
        with self._lock:
            models = [(name, reference, self._days(name, today)) for name, reference in self._references.items()]
        return [drift_of(name, reference, days, last) for name, reference, days in models]

    def _days(self, name: str, today: str) -> dict[str, Histogram]:
        path = self._files[name].path
        days = dict(self._stored[path])
        for (where, day), counts in self._new.items():
            if where == path:
                place = day or max([today, *days])
                days[place] = days.get(place, NONE) + _histogram(counts)
        return days

    def _write(self) -> None:
        with self._lock:
            taken = {key: list(counts) for key, counts in self._new.items()}
        for path in {path for path, _ in taken}:
            added = {day: counts for (where, day), counts in taken.items() if where == path}
            scores = {day: _histogram(counts) for day, counts in added.items()}
            today = datetime.now(timezone.utc).date()
            try:
                days, aside = DayFile(path.parent, path.stem).add(scores, today, self._clock_set())
            except OSError as error:
                if not self._failing:
                    self._failing = True
                    self._note(f"cannot keep the scores of the day in {path.parent}: {os_reason(error)}")
                continue
            self._failing = False
            with self._lock:
                self._stored[path] = days
                for day, counts in added.items():
                    self._forget((path, day), counts)
            if aside:
                self._note(f"the scores of earlier days were damaged; they are in {path.with_name(aside)} now")

    def _forget(self, key: tuple[Path, str], written: list[int]) -> None:
        left = [now - then for now, then in zip(self._new[key], written)]
        if any(left):
            self._new[key] = left
        else:
            del self._new[key]


def _histogram(counts: list[int]) -> Histogram:
    return Histogram(tuple(counts[:BINS]), counts[BINS])


def _today() -> str:
    return str(datetime.now(timezone.utc).date())
