"""Runs the workers of one kind until the time is over; one that dies or hangs leaves its input behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.fuzz.journal import BROKEN, MOST_FAILURES, Journal, Tally

if TYPE_CHECKING:
    from pathlib import Path

HANG_SECONDS = 30.0
"""Processor time that one input may take. Time on the clock would depend on what else the machine does."""

_STALL_SECONDS = 300.0
_POLL_SECONDS = 0.25


def run_kind(
    kind: str, folder: Path, seed: int, seconds: float, most: int = 10**9, hang_seconds: float = HANG_SECONDS
) -> Tally:
    """Reads inputs of a kind for a time.

    Args:
        kind: one of ``target.KINDS``, or ``module:Class``.
        folder: where the worker's files are stored.
        seed: what the choice of inputs depends on.
        seconds: how long it takes, without the start of the worker.
        most: the most inputs that are read.
        hang_seconds: the most processor time of one input.
    """
    folder.mkdir(parents=True, exist_ok=True)
    total, end = Tally(), time.monotonic() + seconds
    while not total.inputs or (time.monotonic() < end and total.inputs < most and len(total.failures) < MOST_FAILURES):
        left = max(1.0, end - time.monotonic())
        tally, goes_on = _run_worker(kind, folder, seed, left, most - total.inputs, hang_seconds)
        total.add(tally)
        if not goes_on:
            break
        seed += 1
    return total


def _run_worker(
    kind: str, folder: Path, seed: int, seconds: float, most: int, hang_seconds: float
) -> tuple[Tally, bool]:
    """Runs one worker to its end; returns what it has done, and whether another can go on."""
    journal = Journal(folder)
    for old in ("current", "tally.json"):
        (folder / old).unlink(missing_ok=True)
    options = ["--folder", str(folder), "--seed", str(seed), "--seconds", str(seconds), "--inputs", str(most)]
    with (folder / "output.txt").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz.worker", kind, *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            hung = _watch(process, journal, hang_seconds)
        finally:
            _end_group(process)
    tally = journal.load()
    if hung or process.returncode:
        why = f"hangs: {hung}" if hung else f"the process ended with status {process.returncode}"
        said = (folder / "output.txt").read_text(errors="replace")[-3000:]
        data = journal.current.read_bytes() if journal.current.exists() else b""
        tally.failures.append(f"{why} ({journal.keep(data, why + chr(10) + said)})")
    return tally, bool(tally.inputs) and process.returncode != BROKEN


def _watch(process: subprocess.Popen[bytes], journal: Journal, hang_seconds: float) -> str:
    """Waits for the end of a worker; returns why it was not waited for any longer, or nothing."""
    changed, since, used = None, time.monotonic(), 0.0
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        now = journal.current.stat().st_mtime_ns if journal.current.exists() else None
        processor = _processor_seconds(process.pid)
        if now != changed:
            changed, since, used = now, time.monotonic(), processor
        elif now is not None and processor - used > hang_seconds:
            return f"one input took over {hang_seconds:g} s of processor"
        elif now is not None and time.monotonic() - since > _STALL_SECONDS:
            return f"one input took over {_STALL_SECONDS:g} s"
    return ""


def _processor_seconds(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            fields = file.read().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a worker, and the processes that it started and left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
