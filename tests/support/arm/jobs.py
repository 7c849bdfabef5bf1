"""Runs ``graft-device`` on the board, to its end or in the background."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board import Board, Runtime

DEVICE = Path(__file__).resolve().parents[3] / "device"
PATIENCE_S = 180.0


@dataclass(frozen=True)
class Job:
    """A program that runs in the background, and the files that contain its output."""

    process: subprocess.Popen[str]
    output: Path
    notes: Path

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Waits until the output on either stream matches a pattern."""
        until = time.monotonic() + PATIENCE_S
        while True:
            ended = self.process.poll() is not None
            for stream in (self.output, self.notes):
                if found := re.search(pattern, stream.read_text("utf-8"), re.MULTILINE):
                    return found
            assert not ended, f"ended without {pattern!r}: {self.notes.read_text('utf-8')}"
            assert time.monotonic() < until, f"no {pattern!r}: {self.notes.read_text('utf-8')}"
            time.sleep(0.1)

    def end(self) -> int:
        """Ends the program as a service manager does; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


@dataclass(frozen=True)
class Target:
    """A board, and the runtime to use on it."""

    board: Board
    runtime: Runtime

    def run(self, *args: object) -> subprocess.CompletedProcess[str]:
        """Runs ``graft-device`` and waits for it."""
        return self.board.python(*_command(args), runtime=self.runtime, extra_path=[DEVICE])

    @contextlib.contextmanager
    def start(self, folder: Path, *args: object) -> Iterator[Job]:
        """Runs ``graft-device`` in the background, at most until the end of the block.

        Args:
            folder: the folder for the files with its output.
            args: the command line.
        """
        output, notes = folder / "stdout", folder / "stderr"
        with (
            output.open("w") as stdout,
            notes.open("w") as stderr,
            self.board.start(
                *_command(args), runtime=self.runtime, extra_path=[DEVICE], stdout=stdout, stderr=stderr
            ) as process,
        ):
            yield Job(process, output, notes)


def _command(args: tuple[object, ...]) -> list[str]:
    return ["-m", "graft_device.cli", *map(str, args)]
