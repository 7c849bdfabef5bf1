"""How long to wait before the next try."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double up to a cap, each cut short by chance so that many boards do not knock at once."""

    def __init__(self, first: float = 0.5, cap: float = 30.0) -> None:
        """The first wait and the longest, in seconds."""
        self._first = first
        self._cap = cap
        self._tries = 0

    def next(self) -> float:
        """The next wait in seconds: between half and all of what is due."""
        due = min(self._cap, self._first * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return due * random.uniform(0.5, 1)  # noqa: S311  spread, no secret

    def reset(self) -> None:
        """Starts over: the last try was good."""
        self._tries = 0
