"""Threads that may hang in native code, and the end of a process that has one."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable


class Abandonable(threading.Thread):
    """A thread that may hang in a driver or a network library. It does not keep the process alive."""

    def __init__(self, target: Callable[[], object], name: str) -> None:
        """Starts nothing yet.

        Args:
            target: what the thread does.
            name: the thread's name.
        """
        super().__init__(target=target, name=name, daemon=True)


def leave(status: object) -> None:
    """Ends the process at once if such a thread still runs; otherwise returns.

    An ordinary end unloads libraries while the thread is in one of them. Now and then that ends in a crash, and systemd
    would report a service that was stopped as one that failed.

    Args:
        status: the exit status, as ``SystemExit`` has it.
    """
    if not any(isinstance(thread, Abandonable) for thread in threading.enumerate()):
        return
    code = status if isinstance(status, int) else int(status is not None)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 1
    os._exit(code)
