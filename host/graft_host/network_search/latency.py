"""What one inference of each network that a search tries takes, here or on a board, and whether to believe it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graft_host.network_search.board_latency import BoardFigures, common_setting, in_words, on_board, read_figures
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.timing import Network, time_networks
from graft_host.support.progress import Progress


@dataclass(frozen=True)
class Latencies:
    """Milliseconds of networks.

    Attributes:
        ms: of one inference of each.
        estimated: whether that was not measured, but reckoned from another network's.
        words: what the milliseconds are.
        warnings: why they are worth little, as far as what was timed here goes; empty if that is sound.
    """

    ms: tuple[float, ...]
    estimated: tuple[bool, ...]
    words: str
    warnings: tuple[str, ...]


def board_figures(options: SearchOptions) -> list[BoardFigures]:
    """What ``--latency`` names, before the work that it would be too late after; raises LatencyError."""
    figures = [read_figures(path) for path in options.latency]
    if figures:
        common_setting(figures, [(tap, size) for tap in options.taps for size in options.sizes])
    return figures


def board_warnings(figures: Sequence[BoardFigures]) -> tuple[str, ...]:
    """Why figures of a board are worth little, by their own account."""
    return tuple(
        f"{each.path} says of its figures that they are worth little: {warning}"
        for each in figures
        for warning in each.warnings
    )


def latencies(
    networks: Sequence[Network], figures: Sequence[BoardFigures], threads: int, progress: Progress
) -> Latencies:
    """Times networks here, and tells from that and from what was measured on a board what they take there.

    Args:
        networks: one or more.
        figures: of a board; this machine's milliseconds count where there are none.
        threads: for one inference here.
        progress: called with (inferences done, inferences).

    Raises:
        LatencyError: the figures cannot be used.
    """
    timed = time_networks(networks, threads, progress)
    here = tuple(f"the milliseconds are worth little: {warning}" for warning in timed.warnings)
    if not figures:
        words = f"one inference here, {timed.runtime}, threads: {threads}, the median of the quietest of its turns"
        return Latencies(timed.ms, (False,) * len(networks), words, here)
    board = on_board(figures, [(network.tap, network.image_size) for network in networks], timed.ms)
    estimated = tuple(not known for known in board.measured)
    return Latencies(board.ms, estimated, in_words(board), here if any(estimated) else ())
