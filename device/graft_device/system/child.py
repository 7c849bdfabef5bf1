"""Runs a function in a separate Python process, so that a crash in native code does not end this one."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

from graft_device.errors import GraftError
from graft_device.failure import Failure
from graft_device.system.strict_json import parse_json

# Nothing is imported before the path is set: with -c, the working folder is on it.
_START = (
    "import sys; n = int(sys.argv[2]) + 3; module, paths = sys.argv[1], sys.argv[3:n]; del sys.argv[1:n]; "
    "sys.path[:] = paths + [path for path in sys.path if path and path not in paths]; "
)
_CALL = f"{_START}import importlib; sys.exit(importlib.import_module(module).main())"
_RUN = f"{_START}import runpy; runpy.run_module(module, run_name='__main__', alter_sys=True)"
_REASON_LENGTH = 300
_MOST_OUTPUT = 1 << 22
"""Bytes that a child may print; what it runs may come from elsewhere."""

_SLICE_S = 0.1


class ChildError(GraftError):
    """A child process could not be started, took too long, crashed, or reported an error.

    Attributes:
        kind: the name of the error's class in the child; empty if the child reported no error.
    """

    def __init__(self, what: str, remedy: str = "", kind: str = "") -> None:
        """Creates the error; ``kind`` as the attribute."""
        super().__init__(what, remedy)
        self.kind = kind


@dataclass(frozen=True)
class ChildOutput:
    """The output of a child process.

    Attributes:
        value: the last line of the output, parsed as JSON.
        text: the whole output.
    """

    value: Any
    text: str


def command(module: str, *args: str) -> list[str]:
    """The command line that runs a module's ``main()`` in a new Python with the path that ``safe_path`` returns."""
    return _python(_CALL, module, args)


def module_command(module: str, *args: str) -> list[str]:
    """The command line that runs a module as ``python -m`` does, with the path that ``safe_path`` returns."""
    return _python(_RUN, module, args)


def safe_path() -> list[str]:
    """``sys.path`` without the working folder that ``python``, ``python -m`` and ``python -c`` put there.

    A ``numpy.py`` in the folder where a user happens to be must not take the place of the package. Python 3.11 has
    ``-P`` for that; ``-I`` would also leave out the user's packages and those of ``PYTHONPATH``. A working folder that
    ``PYTHONPATH`` names, or that graftkit itself is in, stays.
    """
    first, *others = sys.path or [""]
    named = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]  # noqa: PTH100
    kept = first in named or first == str(Path(__file__).parents[2]) or not _is_working_folder(first)
    return [path for path in ([first, *others] if kept else others) if path]


def _is_working_folder(path: str) -> bool:
    try:
        return path == os.getcwd()  # noqa: PTH109  as sys.path has it
    except FileNotFoundError:  # it was removed
        return False


def _python(program: str, module: str, args: Sequence[str]) -> list[str]:
    paths = safe_path()
    return [sys.executable, "-c", program, module, str(len(paths)), *paths, *args]


def ask(
    module: str,
    *args: str,
    timeout: float,
    inherit: Sequence[int] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> ChildOutput:
    """Runs a module's ``main()`` in a child process and parses the last line of its output as JSON.

    Args:
        module: the module's full name.
        args: the child's command-line arguments, ``sys.argv[1:]``.
        timeout: the longest time that the child may take, in seconds.
        inherit: file descriptors that the child gets.
        stopped: asked several times a second whether to end the child.

    Raises:
        ChildError: the child could not be started, took too long, crashed or failed; the message is one line.
    """
    environment = {**os.environ, "MALLOC_ARENA_MAX": "2"}  # each further arena takes 64 MB of address space
    try:
        process = subprocess.Popen(
            command(module, *args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=inherit, env=environment, start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        raise ChildError(f"cannot start another Python process ({error})") from error
    with process:
        try:
            output, errors = _collect(process, timeout, stopped)
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # and its own children
    text = output.decode(errors="replace")
    if process.returncode:
        raise child_error(process.returncode, errors.decode(errors="replace"))
    try:
        return ChildOutput(parse_json(text.strip().rpartition("\n")[2]), text)
    except ValueError as error:
        raise ChildError("gave no answer") from error


def _collect(process: subprocess.Popen[bytes], timeout: float, stopped: Callable[[], bool]) -> tuple[bytes, bytes]:
    """The child's standard output and standard error, once it has closed both and ended."""
    parts: dict[IO[bytes], list[bytes]] = {pipe: [] for pipe in (process.stdout, process.stderr) if pipe is not None}
    until, room = time.monotonic() + timeout, _MOST_OUTPUT
    with selectors.DefaultSelector() as selector:
        for pipe in parts:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map() or process.poll() is None:
            if stopped():
                raise ChildError("was stopped")
            if time.monotonic() > until:
                raise ChildError(f"gave no answer within {timeout:.0f} seconds")
            for key, _ in selector.select(_SLICE_S):  # sleeps if both pipes are closed
                data = os.read(key.fd, 1 << 16)
                if not data:
                    selector.unregister(key.fileobj)
                parts[key.fileobj].append(data)  # type: ignore[index]  # one of the pipes
                room -= len(data)
                if room < 0:
                    raise ChildError(f"printed more than {_MOST_OUTPUT:,} bytes")
    output, errors = (b"".join(part) for part in parts.values())
    return output, errors


def child_error(status: int, stderr: str) -> ChildError:
    """The error for a child process that ended with a status other than 0.

    It has the fields of the error that the child reported with ``fail``. If the child reported none, the error names
    the signal that killed it, or contains the last line of its error output.
    """
    if status < 0:
        try:
            return ChildError(f"crashes ({signal.Signals(-status).name})")
        except ValueError:
            return ChildError(f"crashes (signal {-status})")
    failure = Failure.read(stderr)
    if failure is not None:
        return ChildError(failure.what, failure.remedy, failure.kind)
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("INFO: ")]
    reason = lines[-1] if lines else f"ends with exit status {status}"
    return ChildError(reason if len(reason) <= _REASON_LENGTH else f"{reason[:_REASON_LENGTH]}…")


def fail(error: GraftError) -> NoReturn:
    """Ends this child process with an error, which ``ask`` raises in the parent process as a ChildError."""
    sys.exit(Failure.of(error).line())
