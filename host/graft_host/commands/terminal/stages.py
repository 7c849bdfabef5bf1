"""Shows how far a stage is: a bar with rate and time left while it counts, otherwise the time that has passed."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

_TERMINAL_SECONDS = 0.2
_TICK_SECONDS = 1.0
_LOG_SECONDS = 15.0
"""Seconds between two lines where standard error is a file."""

_CLEAR = "\r\x1b[K"


class Stage:
    """A stage on standard error; a context manager.

    The rate counts from the first report, since what comes before it is preparation. A stage that goes on after the
    last count, as quantizing does after its photos, shows the time again.
    """

    def __init__(self, name: str, unit: str) -> None:
        """Shows nothing until there is something to count, or a second has passed.

        Args:
            name: of the stage.
            unit: what it counts, in the plural.
        """
        self._name, self._unit = name, unit
        self._terminal = sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None
        self._shown = False  # whether the last line is the time
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="stage", daemon=True)

    def __enter__(self) -> Stage:
        self._start = time.monotonic()
        self._ticker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._ticker.join()
        with self._guard:
            if self._bar is not None:
                self._bar.close()
            if self._shown and self._terminal:
                self._write(f"{_CLEAR}{self._line()}\n")

    def report(self, done: int, total: int) -> None:
        """Shows that so many of all units are done."""
        with self._guard:
            self._clear()
            if self._bar is None:
                interval = _TERMINAL_SECONDS if self._terminal else _LOG_SECONDS
                in_bytes = self._unit == "bytes"  # shown as 12.3M/87.9M and 4.5MB/s
                self._bar = tqdm(
                    total=total, initial=done, desc=f"{self._name:<16}", unit="B" if in_bytes else f" {self._unit}",
                    unit_scale=in_bytes, file=sys.stderr, mininterval=interval, maxinterval=interval,
                    dynamic_ncols=True,
                )  # fmt: skip
            self._bar.total = total  # more may have been found meanwhile
            self._bar.update(done - self._bar.n)

    def clear(self) -> None:
        """Removes the line with the time, so that a note can take its place."""
        with self._guard:
            self._clear()

    def _tick(self) -> None:
        while not self._ended.wait(_TICK_SECONDS if self._terminal else _LOG_SECONDS):
            with self._guard:
                if self._bar is not None and self._bar.n < self._bar.total:
                    continue
                if self._bar is not None:
                    self._bar.close()
                self._write(f"{_CLEAR}{self._line()}" if self._terminal else f"{self._line()}\n")
                self._shown = True

    def _line(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._start), 60)
        return f"{self._name:<16} {minutes}:{seconds:02}"

    def _clear(self) -> None:
        if self._shown and self._terminal:
            self._write(_CLEAR)
        self._shown = False

    @staticmethod
    def _write(text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)
            sys.stderr.flush()
