"""Contenders take turns, A, B, A, B …, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, Any

_ROOT = Path(__file__).parents[1]
_ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONSAFEPATH": "1"}


class ContenderError(RuntimeError):
    """A contender failed; the message is the end of what it said."""


@dataclass(frozen=True)
class Contender:
    """One side of a comparison.

    Attributes:
        name: in the table.
        job: ``module:function`` that makes a ``worker.Job`` of the request.
        request: plain values.
        packages: a folder that its own packages lie in, before those of this environment.
    """

    name: str
    job: str
    request: Mapping[str, Any]
    packages: Path | None = None


@dataclass(frozen=True)
class Turn:
    """What one turn took: wall and processor seconds, the process's peak memory in MB so far; what the job found."""

    seconds: float
    processor: float
    peak: float
    found: dict[str, Any]


@dataclass(frozen=True)
class Race:
    """The turns of each contender by its name, and why those that could not start are missing."""

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> list[float]:
        """Wall seconds of each turn."""
        return [turn.seconds for turn in self.turns[name]]

    def milliseconds(self, name: str, parts: int) -> list[float]:
        """Wall milliseconds of each of so many equal parts of a turn, for each turn."""
        return [seconds * 1000 / parts for seconds in self.seconds(name)]

    def both(self, ours: str, theirs: str, parts: int) -> str:
        """What two contenders cost besides time: processor milliseconds of each part of a turn, and peak memory."""
        busy = [median(turn.processor for turn in self.turns[name]) * 1000 / parts for name in (ours, theirs)]
        peaks = [self.last(name).peak for name in (ours, theirs)]
        processor = f"processor {busy[0]:,.4g} ms against {busy[1]:,.4g} ms"
        return f"{processor}; peak memory {peaks[0]:,.0f} MB against {peaks[1]:,.0f} MB"

    def last(self, name: str) -> Turn:
        """The last turn, whose peak memory is that of the whole process."""
        return self.turns[name][-1]


def take_turns(contenders: Sequence[Contender], turns: int, warm_up: int = 1) -> Race:
    """Lets contenders do their jobs by turns, each in a process of its own.

    Args:
        contenders: the sides.
        turns: of each.
        warm_up: turns before these that are thrown away.

    Raises:
        ContenderError: one fails at anything but importing what it needs.
    """
    race = Race()
    with contextlib.ExitStack() as stack:
        ready: dict[str, _Process] = {}
        for contender in contenders:
            process = stack.enter_context(_started(contender))
            said = process.answer()
            if "missing" in said:
                race.missing[contender.name] = said["missing"]
            else:
                ready[contender.name] = process
        for turn in range(-warm_up, turns):
            for name, process in ready.items():
                taken = process.turn()
                if turn >= 0:
                    race.turns.setdefault(name, []).append(taken)
    return race


def once(job: str, request: Mapping[str, Any], packages: Path | None = None) -> Turn:
    """Does one job once in a process of its own; raises ContenderError if it fails or can't be imported."""
    race = take_turns([Contender("job", job, request, packages)], turns=1, warm_up=0)
    if race.missing:
        raise ContenderError(race.missing["job"])
    return race.last("job")


def finished(command: Sequence[str], what: str) -> str:
    """Runs a command to its end; what it said on standard output. Raises ContenderError if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ContenderError(f"{what}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return done.stdout


class _Process:
    def __init__(self, name: str, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._name, self._process, self._log = name, process, log

    def turn(self) -> Turn:
        """Asks for one turn and waits for it."""
        assert self._process.stdin is not None  # noqa: S101  a pipe
        with contextlib.suppress(BrokenPipeError):  # answer() says why it died
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        return Turn(**self.answer())

    def answer(self) -> dict[str, Any]:
        """The next line that the process says; raises ContenderError if it ended instead."""
        assert self._process.stdout is not None  # noqa: S101  a pipe
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._log.seek(0)
            raise ContenderError(f"{self._name} ended with status {status}:\n{self._log.read()[-2000:]}")
        said: dict[str, Any] = json.loads(line)
        return said


@contextlib.contextmanager
def _started(contender: Contender) -> Iterator[_Process]:
    paths = [str(_ROOT), *([str(contender.packages)] if contender.packages else [])]
    environment = {**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-m", "benchmarks.worker", contender.job]
    with (
        tempfile.TemporaryFile("w+", errors="replace") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        ) as process,
    ):
        assert process.stdin is not None  # noqa: S101  a pipe
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(dict(contender.request)) + "\n")
                process.stdin.flush()
            yield _Process(contender.name, process, log)
            process.stdin.close()  # it ends by itself
        except BaseException:
            process.kill()
            raise
