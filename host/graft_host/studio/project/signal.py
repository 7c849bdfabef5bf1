"""Lets parts of the studio that know nothing of pages tell them that something has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Signal:
    """Calls everybody who subscribed; its methods may be called from several threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._next = 0

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Has a function called at each change, in the thread of the change; it must be quick and must not raise.

        Returns:
            What ends the subscription.
        """
        with self._guard:
            key = self._next
            self._next += 1
            self._callbacks[key] = callback
        return lambda: self._end(key)

    @property
    def heard(self) -> bool:
        """Whether anybody has subscribed."""
        return bool(self._callbacks)

    def emit(self) -> None:
        """Reports that something has changed."""
        with self._guard:
            callbacks = [*self._callbacks.values()]
        for callback in callbacks:
            callback()

    def _end(self, key: int) -> None:
        with self._guard:
            self._callbacks.pop(key, None)
