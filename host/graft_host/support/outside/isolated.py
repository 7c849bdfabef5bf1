"""Runs a job that needs TensorFlow in a process of its own.

TensorFlow takes seconds to import, writes to both standard streams, and keeps a gigabyte. A process of its own keeps
all three away from the command, and Ctrl-C ends the job at once.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from graft_device import errors
from graft_device.errors import ExportError, GraftError
from graft_device.system.child import module_command
from graft_host.support.progress import Progress
from graft_host.support.scratch import scratch

_PROGRESS = "graft-progress "
_FAILURE = "graft-failure "
_SYSTEM_ERROR = "graft-system-error "
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_RUN = "GRAFT_RUN"
"""The variable that gives a job the process id of its run."""
_ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "PYTHONSAFEPATH": "1",  # for what the job starts; the job's own path is that of ``module_command``
}
_NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}


class JobError(ExportError):
    """A job failed in a way that it does not describe.

    Attributes:
        errno: the code of the system's error that the job ended with; None if it ended with another one.
    """

    def __init__(self, what: str, remedy: str = "", *, errno: int | None = None) -> None:
        super().__init__(what, remedy)
        self.errno = errno


def call_quietly(module: str, request: dict[str, Any], progress: Progress | None = None, *, gpu: bool = False) -> None:
    """Runs a module as ``python -m`` does, with the request as JSON on its standard input.

    Args:
        module: the module to run, which calls ``serve``.
        request: the request, of values that JSON can hold.
        progress: called with (done, total) as the job reports it.
        gpu: whether TensorFlow may see the machine's GPUs. It takes seconds to start one.

    Raises:
        GraftError: the error that the job raised.
        JobError: the job failed in another way; the message is its last line, or the signal that ended it.
    """
    command = module_command(module)
    hidden = {} if gpu else _NO_GPU
    # TensorFlow's autograph leaves a module in the temporary folder for each function that it converts.
    with scratch() as folder, tempfile.TemporaryFile("w+", errors="replace") as log:
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            errors="replace",
            env={**os.environ, **_ENVIRONMENT, **hidden, "TMPDIR": str(folder), _RUN: str(os.getpid())},
        ) as job:
            try:
                output = _converse(job, json.dumps(request), progress)
            except BaseException:
                job.kill()
                raise
        if job.returncode:
            log.seek(0)
            raise _failure(module, job.returncode, output, log.read())


def serve(job: Callable[[dict[str, Any], Progress], None]) -> None:
    """The other side of ``call_quietly``: reads the request, runs the job, reports its progress."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # no job should outlive its run
        if os.environ[_RUN] != str(os.getppid()):  # the run ended before that
            sys.exit(1)
    request = json.load(sys.stdin)

    def report(done: int, total: int) -> None:
        print(f"{_PROGRESS}{done} {total}", flush=True)  # noqa: T201  the pipe to the parent

    try:
        job(request, report)
    except GraftError as error:
        print(_FAILURE + json.dumps([type(error).__name__, error.what, error.remedy]), flush=True)  # noqa: T201
        sys.exit(1)
    except Exception as error:
        code = _system_code(error)
        if code is not None:
            print(f"{_SYSTEM_ERROR}{code}", flush=True)  # noqa: T201
        raise


def _system_code(error: BaseException | None) -> int | None:
    """The code of the system's error that an error is, or came from."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno
        error = error.__cause__ or error.__context__
    return None


def _failure(module: str, status: int, output: str, log: str) -> GraftError:
    """What to raise for a job that ended with a status other than 0."""
    code = None
    for line in output.splitlines():
        if line.startswith(_FAILURE):
            name, what, remedy = json.loads(line.removeprefix(_FAILURE))
            kind: type[GraftError] = getattr(errors, name)
            return kind(what, remedy)
        if line.startswith(_SYSTEM_ERROR):
            code = int(line.removeprefix(_SYSTEM_ERROR))
    if status < 0:  # the log's last line would be some warning
        remedy = "see whether there is enough memory" if -status == signal.SIGKILL else ""
        return JobError(f"{module} was ended by {signal.Signals(-status).name}", remedy)
    lines = [line for line in log.splitlines() if line.strip()]
    return JobError(lines[-1] if lines else f"{module} ended with status {status} {output[-200:]}", errno=code)


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
