"""Runs a part of the work in a Python process of its own: it starts fresh, and a crash in native code ends it alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, NoReturn

from graft_device.errors import GraftError
from graft_device.failure import Failure

_PROGRAM = (
    "import sys; n = int(sys.argv[2]) + 3; sys.path[:], module = sys.argv[3:n], sys.argv[1]; del sys.argv[1:n]; "
    "import importlib; sys.exit(importlib.import_module(module).main())"
)
_REASON_LENGTH = 300


class ChildError(GraftError):
    """A helper process could not be started, ran too long, crashed, or reported an error.

    Attributes:
        kind: the name of the error's class in the child. Empty where it reported none.
    """

    def __init__(self, what: str, remedy: str = "", kind: str = "") -> None:
        super().__init__(what, remedy)
        self.kind = kind


@dataclass(frozen=True)
class ChildOutput:
    """What a child printed: ``value`` is its last line, parsed as JSON; ``text`` is the whole output."""

    value: Any
    text: str


def command(module: str, *args: str) -> list[str]:
    """The command line that runs ``main()`` of a module in a fresh Python, which imports from where this one does."""
    return [sys.executable, "-c", _PROGRAM, module, str(len(sys.path)), *sys.path, *args]


def ask(module: str, *args: str, timeout: float) -> ChildOutput:
    """Runs a module's ``main()`` in a process of its own and parses its last line as JSON.

    Args:
        module: the module's full name.
        args: the arguments after ``sys.argv[0]``.
        timeout: seconds after which the process is stopped.

    Raises:
        ChildError: the process failed; the message is one line.
    """
    try:
        done = subprocess.run(command(module, *args), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ChildError(f"gave no answer within {timeout:.0f} seconds") from error
    except (OSError, ValueError) as error:
        raise ChildError(f"no second Python can be started here ({error})") from error
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        raise child_error(done.returncode, done.stderr.decode(errors="replace"))
    try:
        return ChildOutput(json.loads(text.strip().rpartition("\n")[2]), text)
    except ValueError as error:
        raise ChildError("gave no answer") from error


def child_error(status: int, stderr: str) -> ChildError:
    """The error to raise for a child that ended with a status other than 0.

    It has the fields of the error that the child reported with ``fail``. Without such a report it names the signal that
    ended the child, or has the last line that the child wrote.
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
    """Ends this child with an error, so that ``ask`` raises it in the parent as a ChildError."""
    sys.exit(Failure.of(error).line())
