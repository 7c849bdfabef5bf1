"""Trains heads of several folds at the same time."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from graft_host.support.parallel import map_parallel

Argument = TypeVar("Argument")
Result = TypeVar("Result")


def map_folds(work: Callable[[Argument], Result], folds: Sequence[Argument], threads: int) -> list[Result]:
    """Applies ``work``, which trains heads, to all folds.

    SciPy is imported first. It brings a library of linear algebra, which would otherwise be loaded by the work itself,
    after all libraries were limited to one thread: each fold would then take all cores, and wait for the others.

    Args:
        work: the function to apply; its result must not depend on the thread or the order.
        folds: one for each call.
        threads: how many calls run at a time.

    Returns:
        The results, in the order of the folds.
    """
    importlib.import_module("scipy.optimize")  # takes a third of a second
    return map_parallel(work, folds, threads)
