"""A candidate of several taps, cut from the network that computed the bottlenecks of all taps of a search."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft_device.classifier import Classifier
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.joined import joined_from
from graft_host.backbones.conversion.trunk import cached_trunk
from graft_host.demo.rendering.render import render_dataset
from graft_host.network_search.features import Tried, gather_features, seen
from graft_host.network_search.latency.timing import TimedNetwork, out_of_order
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.trying import try_network
from graft_host.support.clock import Clock
from graft_host.training.options import HeadOptions
from graft_host.training.survey import survey
from tests.support.quiet import QuietReporter
from tests.support.tiny_family import install


@pytest.mark.slow
def test_a_candidate_of_several_taps_needs_no_pass_over_the_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in install(tmp_path / "site").items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    render_dataset(tmp_path / "photos", 14, 0)
    head = HeadOptions(photos=tmp_path / "photos", backbone="tiny", weights="random", cache=tmp_path / "cache")
    options = SearchOptions(head=head, taps=("early", "middle", "late"), sizes=(24,))
    (grid,), found = options.grids, survey(head, QuietReporter(), Clock())
    tried_family = Tried(grid=grid, weights=found.weights)
    found, _ = gather_features([tried_family], found, QuietReporter(), Clock())
    spec = BackboneSpec(weights=found.weights, tap=grid.deepest, image_size=24, quantization="int8", resize=head.resize)
    trunk = cached_trunk(spec, options.taps, found.split.train, found.cache)
    assert trunk is not None
    backbone = joined_from(trunk, ("late", "middle"), found.cache)
    with Bottlenecks(backbone, found.cache) as bottlenecks:
        assert bottlenecks.missing(seen(found.split)) == 0
    tried = try_network(backbone, found, grid, tmp_path)
    assert (tried.network.tap, tried.network.image_size, tried.network.depth) == ("middle+late", 24, 2)
    assert tried.size == tried.network.path.stat().st_size
    assert tried.accuracy.photos == len(seen(found.split))
    assert 0 < tried.accuracy.accuracy < 1  # of random weights
    assert Classifier(tried.network.path).model.card.tap == "middle+late"


def test_a_network_of_several_taps_may_be_slower_than_that_of_its_deepest_tap() -> None:
    networks = [TimedNetwork(Path(), tap, 24, depth) for tap, depth in (("late", 2), ("early+late", 2), ("early", 0))]
    assert out_of_order(networks, (1.0, 3.0, 0.5)) == []
    assert out_of_order(networks, (3.0, 1.0, 0.5)) == []
    assert out_of_order(networks, (1.0, 3.0, 2.0)) == [(networks[2], networks[0])]
