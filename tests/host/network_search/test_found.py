"""A search that shows networks before it has tried all of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from graft_host.demo.rendering.render import render_dataset
from graft_host.network_search.latency.board_latency import read_figures
from graft_host.network_search.latency.latencies import first_look
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.search import search
from graft_host.training.options import HeadOptions
from tests.host.network_search.latency.test_board_latency import bench
from tests.support.quiet import QuietReporter
from tests.support.tiny_family import install_twins
from tests.support.tiny_models import on_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graft_host.network_search.pareto import Candidate


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchOptions]:
    """Two families with two taps at two sizes; one of the photos ends in its middle."""
    folder = tmp_path_factory.mktemp("found")
    render_dataset(folder / "photos", 10, 0)
    damaged = min((folder / "photos").glob("*/*.jpg"))
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    with on_path(folder / "site", install_twins(folder / "site")):
        head = HeadOptions(photos=folder / "photos", backbone="tiny", weights="random", cache=folder / "cache")
        yield SearchOptions(head=head, backbones=("tiny", "twin"))


@pytest.mark.slow
def test_networks_are_shown_while_others_are_made_and_at_the_end_as_in_the_result(options: SearchOptions) -> None:
    reporter = QuietReporter()
    shown: list[Candidate] = []
    result = search(options, reporter, shown.append)
    stages = [stage for stage, _, _ in reporter.counts]
    assert any("unreadable" in note or "skipped" in note for note in reporter.notes)
    known = {candidate.shape: candidate for candidate in result.candidates}
    first = shown[: len(known)]
    assert {candidate.shape for candidate in first} == known.keys()
    assert {candidate.shape: candidate for candidate in shown} == known  # the last of each
    for candidate in first:
        assert candidate.ms > 0
        assert not candidate.estimated
        same = known[candidate.shape]
        assert (candidate.accuracy, candidate.bytes) == (same.accuracy, same.bytes)
    assert [candidate.image_size for candidate in first] == [24, 24, 32, 32] * 2
    assert stages.count("training heads") == 2 * len(known)  # all heads again, from what was tried
    assert stages.index("training heads") < stages.index("twin at 32: quantizing")


@pytest.mark.slow
def test_a_search_that_nobody_watches_times_its_networks_once(options: SearchOptions) -> None:
    reporter = QuietReporter()
    result = search(options, reporter)
    assert [stage for stage, _, _ in reporter.counts].count("training heads") == len(result.candidates)


def test_networks_wait_until_one_was_measured_on_the_board(tmp_path: Path) -> None:
    figures = [read_figures(bench(tmp_path / "board.json", "mixed7", 224, {("litert", 4): 60.0}))]
    small, large = ("inception-v3", "mixed5", 150), ("inception-v3", "mixed7", 224)
    assert first_look([], {small: 5.0}) == {small: (5.0, False)}
    assert first_look(figures, {small: 5.0}) == {}
    look = first_look(figures, {small: 5.0, large: 10.0})
    assert look[large] == (60.0, False)
    ms, estimated = look[small]
    assert ms == pytest.approx(30.0)
    assert estimated
