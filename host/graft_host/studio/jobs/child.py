"""The process of a job: ``python -m`` runs it, with the request in its first line of standard input.

It writes lines of JSON to standard output, the last of them the result or the error. It ends when standard input does,
for then the studio has ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from graft_device.errors import GraftError
from graft_host.studio.jobs.reporting import LineReporter
from graft_host.studio.project.folder import Project
from graft_host.studio.tasks.registry import load
from graft_host.studio.tasks.task import WithFiguresError

_NICE = 10
_INTERRUPTED = 130

Send = Callable[[Mapping[str, Any]], None]


def main() -> int:
    """Runs the job; returns the exit status."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored where the studio was started
    orphaned = threading.Event()
    try:
        with contextlib.suppress(OSError):
            os.nice(_NICE)  # pages come first
        send, requests = _streams()
        request = json.loads(requests.readline())
        threading.Thread(target=_end_with, args=(requests, orphaned, request["grace_s"]), daemon=True).start()
        return _run(request, send)
    except KeyboardInterrupt:
        return _INTERRUPTED
    finally:
        if orphaned.is_set():  # nobody else ends what this process started
            os.killpg(0, signal.SIGKILL)


def _streams() -> tuple[Send, BinaryIO]:
    """The pipes to the studio, which nothing else in this process, and no process that it starts, gets to see."""
    lines = os.fdopen(os.dup(1), "w", encoding="ascii")
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    guard = threading.Lock()

    def send(line: Mapping[str, Any]) -> None:
        text = json.dumps(line)
        with guard, contextlib.suppress(OSError):  # the studio has ended, and this process will
            lines.write(text + "\n")
            lines.flush()

    return send, requests


def _run(request: Mapping[str, Any], send: Send) -> int:
    cache = None if request["cache"] is None else Path(request["cache"])
    try:
        task = load(request["module"])
        result = task.run(Project(Path(request["root"])), request["arguments"], cache, LineReporter(send))
        send({"result": dict(result)})
    except WithFiguresError as error:
        send({**_described(error), "figures": dict(error.figures)})
        return error.exit_status
    except GraftError as error:
        send(_described(error))
        return error.exit_status
    except MemoryError:
        send({"error": {"what": "there is not enough memory", "remedy": "close other programs", "status": 1}})
        return 1
    except Exception as error:  # noqa: BLE001  a bug, which the page shows too
        traceback.print_exc()
        what = f"unexpected {type(error).__name__}: {error}"
        send({"error": {"what": what, "remedy": "report this as a bug of graftkit", "status": 1}})
        return 1
    return 0


def _described(error: GraftError) -> dict[str, Any]:
    return {"error": {"what": error.what, "remedy": error.remedy, "status": error.exit_status}}


def _end_with(requests: BinaryIO, orphaned: threading.Event, grace_s: float) -> None:
    """Ends this process, and those that it started, once the studio has ended."""
    while requests.read(1):
        pass
    orphaned.set()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(grace_s)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
