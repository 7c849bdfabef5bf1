"""A part of the work in a Python process of its own: it starts fresh, and a crash in native code ends it alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from graft_device.errors import GraftError

_PROGRAM = (
    "import sys; n = int(sys.argv[2]) + 3; sys.path[:], module = sys.argv[3:n], sys.argv[1]; del sys.argv[1:n]; "
    "import importlib; sys.exit(importlib.import_module(module).main())"
)
_REASON_LENGTH = 300


class ChildError(GraftError):
    """A helper process could not be started, ran too long, crashed, or failed with the reason that it gave."""


@dataclass(frozen=True)
class Answer:
    """What a child printed: the last line as JSON; ``text`` is all of it."""

    value: Any
    text: str


def command(module: str, *args: str) -> list[str]:
    """The command line that runs ``main()`` of a module in a fresh Python, which imports from where this one does."""
    return [sys.executable, "-c", _PROGRAM, module, str(len(sys.path)), *sys.path, *args]


def ask(module: str, *args: str, timeout: float) -> Answer:
    """Runs a module's ``main()`` in a process of its own and reads the JSON object of its last line.

    Args:
        module: its full name.
        args: what it finds behind ``sys.argv[0]``.
        timeout: seconds.

    Raises:
        ChildError: with the reason in one line.
    """
    try:
        done = subprocess.run(command(module, *args), capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise ChildError(f"gave no answer within {timeout:.0f} seconds") from error
    except (OSError, ValueError) as error:
        raise ChildError(f"no second Python can be started here ({error})") from error
    text = done.stdout.decode(errors="replace")
    if done.returncode:
        raise ChildError(failure(done.returncode, done.stderr.decode(errors="replace")))
    try:
        return Answer(json.loads(text.strip().rpartition("\n")[2]), text)
    except ValueError as error:
        raise ChildError("gave no answer") from error


def failure(status: int, stderr: str) -> str:
    """Why a child ended, in one line: the signal that killed it, or the last line that it wrote."""
    if status < 0:
        try:
            return f"crashes ({signal.Signals(-status).name})"
        except ValueError:
            return f"crashes (signal {-status})"
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("INFO: ")]
    reason = lines[-1].removeprefix("error: ") if lines else f"ends with exit status {status}"
    return reason if len(reason) <= _REASON_LENGTH else f"{reason[:_REASON_LENGTH]}…"
