"""Tries each network of a search once, and lets a caller see it before the others are made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from graft_host.backbones.conversion.backbone import Backbone
from graft_host.network_search.features import Tried
from graft_host.network_search.grid import Grid, Shape
from graft_host.network_search.latency.board_latency import BoardFigures
from graft_host.network_search.latency.latencies import first_look
from graft_host.network_search.latency.timing import first_times
from graft_host.network_search.pareto import Candidate
from graft_host.network_search.trying import TriedNetwork, try_network
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.training.survey import Survey

Found = Callable[[Candidate], None]
"""Called with each network as soon as its accuracy and milliseconds are known, and again when they change."""


class Trials:
    """The networks of a search that were tried."""

    def __init__(
        self, folder: Path, figures: Sequence[BoardFigures], reporter: Reporter, clock: Clock, found: Found | None
    ) -> None:
        """Starts without networks.

        Args:
            folder: for their files.
            figures: of a board; empty where this machine's milliseconds count.
            reporter: receives the progress.
            clock: measures the stages.
            found: called with each network; None if nobody waits for them.
        """
        self._folder, self._figures, self._reporter, self._clock = folder, figures, reporter, clock
        self._found = found
        self._survey: Survey | None = None
        self._tried: dict[Shape, TriedNetwork] = {}
        self._here: dict[Shape, float] = {}
        self._shown: dict[Shape, Candidate] = {}

    def network(self, backbone: Backbone, survey: Survey, grid: Grid) -> TriedNetwork:
        """A network with its accuracy on the photos of a survey; one that was tried on others is tried again."""
        if survey is not self._survey:
            self._survey, self._tried, self._here = survey, {}, {}
        spec = backbone.spec
        shape = grid.family.name, spec.tap, spec.image_size
        if shape not in self._tried:
            self._tried[shape] = try_network(backbone, survey, grid, self._folder)
        return self._tried[shape]

    def look(self, family: Tried, backbones: Sequence[Backbone], survey: Survey) -> None:
        """Tries networks whose bottlenecks are there, and times them for a start; does nothing if nobody waits."""
        if self._found is None:
            return
        networks = []
        with self._clock.stage("heads"), self._reporter.progress("training heads", "heads") as progress:
            for backbone in backbones:
                networks.append(self.network(backbone, survey, family.grid).network)
                progress(len(networks), len(backbones))
        with self._clock.stage("latency"), self._reporter.progress("timing", "inferences") as progress:
            times = first_times(networks, survey.threads, progress)
        self._here |= {network.shape: ms for network, ms in zip(networks, times, strict=True)}
        for shape, (ms, estimated) in first_look(self._figures, self._here).items():
            self.show(self._tried[shape].candidate(ms, estimated=estimated))

    def show(self, candidate: Candidate) -> None:
        """Passes a candidate on, unless the caller has seen it as it is."""
        if self._found is not None and self._shown.get(candidate.shape) != candidate:
            self._shown[candidate.shape] = candidate
            self._found(candidate)
