"""How long one inference of each network of a search takes, here or on a board, and whether that is reliable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.bench.depthwise import slow_depthwise
from graft_host.network_search.grid import Shape
from graft_host.network_search.latency.board_latency import (
    BoardFigures,
    common_setting,
    describe,
    on_board,
    read_figures,
)
from graft_host.network_search.latency.timing import TimedNetwork, time_networks
from graft_host.support.progress import Progress


@dataclass(frozen=True)
class Latencies:
    """Milliseconds of networks.

    Attributes:
        ms: of one inference of each.
        estimated: whether the milliseconds were computed from those of other networks instead of measured.
        description: where the milliseconds come from.
        warnings: why times measured here are unreliable; empty if they are sound or not used.
    """

    ms: tuple[float, ...]
    estimated: tuple[bool, ...]
    description: str
    warnings: tuple[str, ...]


def board_figures(files: Sequence[Path], shapes: Sequence[Shape]) -> list[BoardFigures]:
    """Reads the files of ``--latency``.

    Args:
        files: the paths; none to use this machine's milliseconds.
        shapes: of the networks that are searched.

    Raises:
        LatencyError: the files cannot be used.
    """
    figures = [read_figures(path) for path in files]
    if figures:
        common_setting(figures, shapes)
    return figures


def board_warnings(figures: Sequence[BoardFigures]) -> tuple[str, ...]:
    """The warnings that the files of a board contain."""
    return tuple(
        f"{board.path} reports that its figures are unreliable: {warning}"
        for board in figures
        for warning in board.warnings
    )


def first_look(figures: Sequence[BoardFigures], here: Mapping[Shape, float]) -> Mapping[Shape, tuple[float, bool]]:
    """Milliseconds of the networks that were timed so far, and whether they are estimates, by network.

    Args:
        figures: of a board; empty to use this machine's milliseconds.
        here: milliseconds of networks on this machine.

    Returns:
        The milliseconds; empty while nothing can be compared with the board.
    """
    if not figures:
        return {shape: (ms, False) for shape, ms in here.items()}
    known = [board for board in figures if board.shape in here]
    if not known:
        return {}
    board = on_board(known, list(here), list(here.values()))
    return {shape: (ms, not measured) for shape, ms, measured in zip(here, board.ms, board.measured, strict=True)}


def latencies(
    networks: Sequence[TimedNetwork], figures: Sequence[BoardFigures], threads: int, progress: Progress
) -> Latencies:
    """Times networks here, and combines that with figures of a board.

    Args:
        networks: one or more.
        figures: of a board; empty to use this machine's milliseconds.
        threads: for one inference here.
        progress: called with (inferences done, inferences).

    Raises:
        LatencyError: the figures cannot be used.
    """
    timed = time_networks(networks, threads, progress)
    slow = slow_depthwise([network.path for network in networks], timed.runtime)
    warnings = tuple(f"the milliseconds are unreliable: {warning}" for warning in (*timed.warnings, *slow))
    if not figures:
        description = (
            f"one inference here, {timed.runtime}, threads: {threads}, the median of the quietest of its turns"
        )
        return Latencies(timed.ms, (False,) * len(networks), description, warnings)
    board = on_board(figures, [network.shape for network in networks], timed.ms)
    estimated = tuple(not measured for measured in board.measured)
    return Latencies(board.ms, estimated, describe(board), warnings if any(estimated) else ())
