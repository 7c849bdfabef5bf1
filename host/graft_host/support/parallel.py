"""Heads of several folds at a time: each product is too thin for more than one core, so each core takes a fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Found = TypeVar("Found")


def each(work: Callable[[Part], Found], parts: Sequence[Part], threads: int) -> list[Found]:
    """Applies ``work``, which spends its time in NumPy, to all parts.

    Args:
        work: gives the same whichever thread runs it, and whenever.
        parts: what it is given.
        threads: parts at a time.

    Returns:
        What it gave, in the order of the parts.
    """
    with threadpool_limits(1), ThreadPoolExecutor(max(1, min(threads, len(parts)))) as pool:
        return list(pool.map(work, parts))
