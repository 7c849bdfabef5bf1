"""Threads for what pages wait for, which do not keep a studio alive that has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from graft_device.system.abandoned import Abandonable

_MOST = 24
_GRACE_SECONDS = 2.0


class AbandonableExecutor(ThreadPoolExecutor):
    """An executor whose threads are left alone at the end: one may wait for a board that does not answer."""

    def __init__(self) -> None:
        super().__init__(1, "studio")
        self._running: set[Future[Any]] = set()
        self._places = threading.BoundedSemaphore(_MOST)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Calls a function in a thread; those after the 24th wait for another one to end."""
        future: Future[Any] = Future()

        def run() -> None:
            with self._places:
                if not future.set_running_or_notify_cancel():
                    return
                try:
                    result = fn(*args, **kwargs)
                except BaseException as error:  # noqa: BLE001  it is raised where the result is awaited
                    future.set_exception(error)
                else:
                    future.set_result(result)

        self._running.add(future)
        future.add_done_callback(self._running.discard)
        Abandonable(run, "studio").start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Gives what is being done, such as a move of photos, two seconds to end."""
        if wait:
            futures.wait([*self._running], _GRACE_SECONDS)
        super().shutdown(wait=False, cancel_futures=cancel_futures)
