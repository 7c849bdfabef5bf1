"""Where networks can be cut, and the tails behind the cuts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.errors import ExportError
from graft_host.backbones.efficientnet_lite.layers import describe as describe_lite
from graft_host.backbones.efficientnet_lite.scalings import SCALINGS
from graft_host.backbones.efficientnet_lite.scalings import TAPS as LITE_TAPS
from graft_host.backbones.inception_v3.convolutions import TAPS
from graft_host.backbones.inception_v3.layers import describe
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.cuts.tails import cut_points, tail_of
from graft_host.networks.layers import LINEAR, RELU, RELU6, Map, Network
from graft_host.networks.quarters import with_quarter_means
from tests.support.networks import branched, compute, mobile, random_parameters

if TYPE_CHECKING:
    from collections.abc import Callable


def test_inception_is_cut_at_its_joins() -> None:
    whole = describe(TAPS, 100)
    assert cut_points(describe(["mixed8"], 100), whole) == TAPS[:8]
    assert cut_points(describe(["mixed2", "mixed5", "mixed9"], 100), whole) == TAPS[:9]
    assert cut_points(whole, whole) == TAPS[:10]


def test_means_of_quarters_change_nothing() -> None:
    whole = describe(TAPS, 100)
    means = [f"bottleneck_{tap}" for tap in ("mixed2", "mixed8")]
    network = with_quarter_means(whole, [(mean, ending) for mean in means for ending in ("", "/2x2")])
    assert cut_points(network, whole) == TAPS[:8]
    assert tail_of(network, "mixed2").outputs == ("bottleneck_mixed8", "bottleneck_mixed8/2x2")


def test_lite0_is_cut_at_blocks_and_between_their_layers_where_there_is_no_way_around() -> None:
    whole = describe_lite(LITE_TAPS, 64, SCALINGS[0])
    points = cut_points(describe_lite(["expand5"], 64, SCALINGS[0]), whole)
    assert points[:8] == (
        "stem", "block0_depthwise", "block1_expand", "block1_depthwise", "block1_project", "block2", "block3_expand",
        "block3_depthwise",
    )  # fmt: skip
    assert points[-4:] == ("block8_depthwise", "block8_project", "block9", "block10")
    assert "block0_project" not in points  # block1_expand alone reads it, so its channels have factors in an int8 file
    assert cut_points(whole, whole)[-3:] == ("expand6", "block15_depthwise", "stage6")


@pytest.mark.parametrize(
    ("made", "points"), [(branched, ("first",)), (mobile, ("stem", "narrow", "sum", "each_halved"))]
)
def test_a_cut_is_all_that_later_convolutions_read(made: Callable[[int], Network], points: tuple[str, ...]) -> None:
    assert cut_points(made(33), made(33)) == points


def pooled(filters: int, activation: str) -> Network:
    """A pool that an int8 file has behind the convolution that reads it."""
    builder = NetworkBuilder(17)
    stem = builder.convolution("stem", builder.pixels, 8, (3, 3), activation=RELU6)
    pool = builder.average_pool("pool", stem, 3)
    point = builder.convolution("point", pool, filters, (1, 1), activation=activation)
    last = builder.convolution("last", point, 4, (3, 3), activation=RELU)
    return builder.finish([builder.bottleneck(last)])


@pytest.mark.parametrize("filters", [8, 5])
@pytest.mark.parametrize("activation", [LINEAR, RELU, RELU6])
def test_no_cut_is_at_a_pool_that_moves_or_at_its_convolution(filters: int, activation: str) -> None:
    network = pooled(filters, activation)
    assert cut_points(network, network) == ("stem",)


def test_a_layer_has_no_factors_if_it_could_be_a_tap() -> None:
    builder = NetworkBuilder(17)
    first = builder.convolution("first", builder.pixels, 8, (3, 3), activation=RELU)
    pool = builder.max_pool("pool", first, 3, stride=2)
    second = builder.convolution("second", pool, 4, (3, 3), activation=RELU)
    bottlenecks = [builder.bottleneck(tap) for tap in (pool, second)]
    network, whole = builder.finish(bottlenecks[1:]), builder.finish(bottlenecks)
    assert cut_points(network, network) == ()
    assert cut_points(network, whole) == ("first", "pool")


@pytest.mark.parametrize("made", [branched, mobile])
def test_a_tail_computes_what_the_network_does(made: Callable[[int], Network]) -> None:
    network = made(33)
    parameters = random_parameters(network)
    pixels = np.random.default_rng(0).normal(size=network.pixels.shape)
    expected = compute(network, parameters, pixels)
    for cut in cut_points(network, network):
        tail = tail_of(network, cut)
        assert tail.layers[0] == tail.entrance == Map(name=cut, shape=network[cut].shape)
        computed = compute(tail, parameters, expected[cut])
        assert tail.outputs == network.outputs[-1:]
        for name in tail.outputs:
            assert np.array_equal(computed[name], expected[name])


def test_the_bottleneck_of_the_cut_itself_and_those_before_it_are_the_fronts() -> None:
    network = describe(["mixed2", "mixed4", "mixed5", "mixed6", "mixed8"], 100)
    tail = tail_of(network, "mixed5")
    assert tail.outputs == ("bottleneck_mixed6", "bottleneck_mixed8")
    names = [layer.name for layer in tail.convolutions]
    assert names == [
        layer.name
        for layer in network.convolutions
        if network.layers.index(layer) > network.layers.index(network["mixed5"])
    ]
    with pytest.raises(ExportError, match="the network starts with mixed5, not with pixels"):
        _ = tail.pixels
