"""Runs the work of several folds at a time: each matrix product is too small for several cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Part = TypeVar("Part")
Result = TypeVar("Result")


def each(work: Callable[[Part], Result], parts: Sequence[Part], threads: int) -> list[Result]:
    """Applies ``work``, which spends its time in NumPy, to all parts.

    Args:
        work: the function to apply; its result must not depend on the thread or the order.
        parts: the arguments.
        threads: how many parts to work on at a time.

    Returns:
        The results, in the order of the parts.
    """
    with threadpool_limits(1), ThreadPoolExecutor(max(1, min(threads, len(parts)))) as pool:
        return list(pool.map(work, parts))
