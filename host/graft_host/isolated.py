"""Runs a job that needs TensorFlow in a process of its own.

TensorFlow takes seconds to import, writes to both standard streams, and holds on to gigabytes; a process of its
own keeps all three away from the run, and lets Ctrl-C end a conversion at once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from graft_device.errors import ExportError

Progress = Callable[[int, int], None]

_PROGRESS = "graft-progress "
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": "-1"}


def call_quietly(module: str, request: dict[str, Any], progress: Progress | None = None) -> None:
    """Runs ``python -m module`` with the request as JSON on its standard input.

    Args:
        module: calls ``serve`` below.
        request: plain values.
        progress: called with (done, total) as the job reports it.

    Raises:
        ExportError: the job failed; the message is its last line.
    """
    command = [sys.executable, "-m", module]
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            errors="replace",
            env={**os.environ, **_QUIET},
        ) as job:
            try:
                output = _converse(job, json.dumps(request), progress)
            except BaseException:
                job.kill()
                raise
        if job.returncode:
            log.seek(0)
            lines = [line for line in log.read().splitlines() if line.strip()]
            raise ExportError(lines[-1] if lines else f"{module} ended with status {job.returncode} {output[-200:]}")


def serve(job: Callable[[dict[str, Any], Progress], None]) -> None:
    """The other side of ``call_quietly``: reads the request, runs the job, reports its progress."""
    request = json.load(sys.stdin)

    def report(done: int, total: int) -> None:
        print(f"{_PROGRESS}{done} {total}", flush=True)  # noqa: T201  the pipe to the parent

    job(request, report)


def _converse(job: subprocess.Popen[str], request: str, progress: Progress | None) -> str:
    assert job.stdin is not None  # noqa: S101  both are pipes
    assert job.stdout is not None  # noqa: S101
    try:
        job.stdin.write(request)
        job.stdin.close()
    except BrokenPipeError:
        pass  # the job died at once; its log says why
    other: list[str] = []
    for line in job.stdout:
        if not line.startswith(_PROGRESS):
            other.append(line)
        elif progress is not None:
            done, total = line.removeprefix(_PROGRESS).split()
            progress(int(done), int(total))
    return "".join(other)
