"""Computes how long to wait before the next attempt."""

from __future__ import annotations

import random


class Backoff:
    """Waits that double up to a limit, with random jitter so that many boards do not retry at the same time."""

    def __init__(self, first: float = 0.5, cap: float = 30.0) -> None:
        """Creates a sequence of waits.

        Args:
            first: the first wait, in seconds.
            cap: the longest wait, in seconds.
        """
        self._first = first
        self._cap = cap
        self._attempts = 0

    def next(self) -> float:
        """The next wait in seconds, chosen at random between half and all of the full wait."""
        full_wait = min(self._cap, self._first * 2.0 ** min(self._attempts, 32))
        self._attempts += 1
        return full_wait * random.uniform(0.5, 1)  # noqa: S311  jitter, not a secret

    def reset(self) -> None:
        """Starts again with the first wait, after an attempt that succeeded."""
        self._attempts = 0
