"""Runs several folds at the same time, because one fold's matrix products are too small for several cores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def map_parallel(work: Callable[[Argument], Result], arguments: Sequence[Argument], threads: int) -> list[Result]:
    """Applies ``work``, which spends its time in NumPy, to all arguments.

    Args:
        work: the function to apply; its result must not depend on the thread or the order.
        arguments: one for each call.
        threads: how many calls run at a time.

    Returns:
        The results, in the order of the arguments.
    """
    with threadpool_limits(1), ThreadPoolExecutor(max(1, min(threads, len(arguments)))) as pool:
        return list(pool.map(work, arguments))
