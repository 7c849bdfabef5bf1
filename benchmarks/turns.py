"""Runs contenders in turns (A, B, A, B …), so that other load on the machine affects all of them."""

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
    """A contender failed; the message is the end of its error output."""


@dataclass(frozen=True)
class Contender:
    """One side of a comparison.

    Attributes:
        name: the contender's name in the table.
        job: the function, as ``module:function``, that creates a ``worker.Job`` from the request.
        request: plain values for that function.
        packages: a folder with packages that are preferred to those of this environment.
    """

    name: str
    job: str
    request: Mapping[str, Any]
    packages: Path | None = None


@dataclass(frozen=True)
class Turn:
    """The measurements of one turn.

    Attributes:
        seconds: wall seconds.
        processor: CPU seconds.
        peak: the process's peak memory so far, in MB of 1e6 bytes.
        found: the values that the job reports.
    """

    seconds: float
    processor: float
    peak: float
    found: dict[str, Any]


@dataclass(frozen=True)
class Race:
    """The result of a comparison.

    Attributes:
        turns: the turns of each contender, by its name.
        missing: for each contender that could not start, the reason.
    """

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def seconds(self, name: str) -> list[float]:
        """The wall seconds of each turn."""
        return [turn.seconds for turn in self.turns[name]]

    def milliseconds(self, name: str, parts: int) -> list[float]:
        """The wall milliseconds per part of a turn, for each turn; a turn has ``parts`` equal parts."""
        return [seconds * 1000 / parts for seconds in self.seconds(name)]

    def both(self, ours: str, theirs: str, parts: int) -> str:
        """The CPU milliseconds per part of a turn and the peak memory of two contenders, as text."""
        busy = [median(turn.processor for turn in self.turns[name]) * 1000 / parts for name in (ours, theirs)]
        peaks = [self.last(name).peak for name in (ours, theirs)]
        processor = f"processor {busy[0]:,.4g} ms against {busy[1]:,.4g} ms"
        return f"{processor}; peak memory {peaks[0]:,.0f} MB against {peaks[1]:,.0f} MB"

    def last(self, name: str) -> Turn:
        """The last turn, whose peak memory is that of the whole process."""
        return self.turns[name][-1]


def take_turns(contenders: Sequence[Contender], turns: int, warm_up: int = 1) -> Race:
    """Runs the contenders' jobs in turns, each contender in its own process.

    Args:
        contenders: the sides of the comparison.
        turns: the number of turns of each contender.
        warm_up: the number of turns before these that are not counted.

    Raises:
        ContenderError: a contender fails, except by a missing import.
    """
    race = Race()
    with contextlib.ExitStack() as stack:
        ready: dict[str, _Process] = {}
        for contender in contenders:
            process = stack.enter_context(_started(contender))
            answer = process.answer()
            if "missing" in answer:
                race.missing[contender.name] = answer["missing"]
            else:
                ready[contender.name] = process
        for turn in range(-warm_up, turns):
            for name, process in ready.items():
                result = process.turn()
                if turn >= 0:
                    race.turns.setdefault(name, []).append(result)
    return race


def once(job: str, request: Mapping[str, Any], packages: Path | None = None) -> Turn:
    """Runs a job once in a separate process; raises ContenderError if it fails or can't be imported."""
    race = take_turns([Contender("job", job, request, packages)], turns=1, warm_up=0)
    if race.missing:
        raise ContenderError(race.missing["job"])
    return race.last("job")


def finished(command: Sequence[str], what: str) -> str:
    """Runs a command to its end and returns its standard output; raises ContenderError if it fails."""
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        raise ContenderError(f"{what}: {(process.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return process.stdout


def environment(packages: Path | None) -> dict[str, str]:
    """The environment variables of a contender, whose packages are preferred to those of this environment."""
    paths = [str(_ROOT), *([str(packages)] if packages else [])]
    return {**os.environ, **_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(paths)}


class _Process:
    def __init__(self, name: str, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._name, self._process, self._log = name, process, log

    def turn(self) -> Turn:
        """Starts one turn and waits for its end."""
        assert self._process.stdin is not None  # noqa: S101  a pipe
        with contextlib.suppress(BrokenPipeError):  # answer() raises an error with the reason
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        return Turn(**self.answer())

    def answer(self) -> dict[str, Any]:
        """The next line that the process prints, parsed; raises ContenderError if the process has ended."""
        assert self._process.stdout is not None  # noqa: S101  a pipe
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._log.seek(0)
            raise ContenderError(f"{self._name} ended with status {status}:\n{self._log.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextlib.contextmanager
def _started(contender: Contender) -> Iterator[_Process]:
    command = [sys.executable, "-m", "benchmarks.worker", contender.job]
    with (
        tempfile.TemporaryFile("w+", errors="replace") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(contender.packages),
        ) as process,
    ):
        assert process.stdin is not None  # noqa: S101  a pipe
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(dict(contender.request)) + "\n")
                process.stdin.flush()
            yield _Process(contender.name, process, log)
            process.stdin.close()  # the process then ends
        except BaseException:
            process.kill()
            raise
