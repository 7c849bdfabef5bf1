"""The type of a progress callback, and the one for progress that nobody watches."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Called with the number of finished steps and the number of all steps."""


def unwatched(_finished: int, _all: int) -> None:
    """Reports to nobody."""
