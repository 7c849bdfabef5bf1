"""Rewritten networks compute the same; pools stay where they would not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.float_file import write_float32
from graft_host.networks.layers import (
    LINEAR,
    RELU,
    RELU6,
    AveragePool,
    Convolution,
    Network,
    Rectification,
    Requantization,
)
from graft_host.networks.rewrites import pools_behind_convolutions, ready_for_int8
from tests.support.networks import branched, compute, largest_error, mobile, outputs_of, random_parameters

if TYPE_CHECKING:
    from collections.abc import Callable


def pooled(
    side: int, size: int = 3, *, stride: int = 1, padded: bool = True, activation: str = RELU, readers: int = 1
) -> Network:
    builder = NetworkBuilder(side)
    stem = builder.convolution("stem", builder.pixels, 12, (1, 1))
    pool = builder.average_pool("pool", stem, size, stride=stride, padded=padded)
    outputs = [builder.convolution(f"conv{place}", pool, 4, (1, 1), activation=activation) for place in range(readers)]
    return builder.finish(outputs)


def order(network: Network) -> list[str]:
    return [layer.name for layer in network.layers]


@settings(max_examples=60)
@given(
    side=st.integers(5, 24),
    size=st.integers(2, 5),
    stride=st.integers(1, 3),
    padded=st.booleans(),
    activation=st.sampled_from([LINEAR, RELU, RELU6]),
    seed=st.integers(0, 1000),
)
def test_a_pool_behind_its_convolution_computes_the_same(
    side: int, size: int, stride: int, padded: bool, activation: str, seed: int
) -> None:
    network = pooled(side, size, stride=stride, padded=padded, activation=activation)
    rewritten = pools_behind_convolutions(network)
    assert order(rewritten) == ["pixels", "stem", "conv0", "pool"]
    assert rewritten.outputs == ("pool",)
    convolution, pool = rewritten["conv0"], rewritten["pool"]
    assert isinstance(convolution, Convolution)
    assert isinstance(pool, AveragePool)
    assert (convolution.activation, pool.activation) == (LINEAR, activation)
    assert convolution.shape == (side, side, 4)
    assert pool.shape == network["conv0"].shape
    parameters = random_parameters(network, seed)
    pixels = np.random.default_rng(seed).uniform(-1, 1, (1, side, side, 3)).astype(np.float32)
    expected = compute(network, parameters, pixels[0])["conv0"]
    (before,) = outputs_of(write_float32(network, parameters), pixels)
    (after,) = outputs_of(write_float32(rewritten, parameters), pixels)
    if expected.any():
        assert largest_error(before[0], expected) <= 1e-5
        assert largest_error(after[0], expected) <= 1e-5


@pytest.mark.parametrize("made", [branched, mobile])
def test_whole_networks_compute_the_same(made: Callable[[int], Network]) -> None:
    network = made(33)
    parameters = random_parameters(network)
    pixels = np.random.default_rng(0).uniform(-1, 1, (1, 33, 33, 3)).astype(np.float32)
    rewritten = pools_behind_convolutions(network)
    assert sorted(order(rewritten)) == sorted(order(network))
    assert (order(rewritten) != order(network)) == (made is branched)
    for ours, theirs in zip(
        outputs_of(write_float32(rewritten, parameters), pixels),
        outputs_of(write_float32(network, parameters), pixels),
        strict=True,
    ):
        assert largest_error(ours, theirs) <= 1e-5
    assert pools_behind_convolutions(rewritten) == rewritten


def test_each_of_several_pools_moves() -> None:
    builder = NetworkBuilder(12)
    end = builder.pixels
    for place in range(3):
        end = builder.average_pool(f"pool{place}", end, 3)
        end = builder.convolution(f"conv{place}", end, 4 + place, (1, 1), activation=RELU)
    network = builder.finish([builder.bottleneck(end)])
    rewritten = pools_behind_convolutions(network)
    assert order(rewritten) == ["pixels", "conv0", "pool0", "conv1", "pool1", "conv2", "pool2", "bottleneck_conv2"]
    parameters = random_parameters(network)
    pixels = np.random.default_rng(0).uniform(-1, 1, (12, 12, 3))
    expected = compute(network, parameters, pixels)["bottleneck_conv2"]
    assert largest_error(compute(rewritten, parameters, pixels)["bottleneck_conv2"], expected) <= 1e-12


def _with_output(side: int) -> Network:
    return pooled(side).with_outputs(["pool", "conv0"])


def _then(side: int, size: tuple[int, int], stride: int) -> Network:
    builder = NetworkBuilder(side)
    pool = builder.average_pool("pool", builder.pixels, 3)
    return builder.finish([builder.convolution("conv", pool, 4, size, stride=stride)])


def _activated(side: int) -> Network:
    builder = NetworkBuilder(side)
    stem = builder.convolution("stem", builder.average_pool("first", builder.pixels, 3), 4, (1, 1), activation=RELU)
    network = pools_behind_convolutions(builder.finish([stem]))  # now the pool has the activation
    (pool,) = network.outputs
    assert pool == "first"
    builder = NetworkBuilder(side)
    layers = (*network.layers, Convolution(name="last", inputs=("first",), shape=(side, side, 4), size=(1, 1)))
    return Network(layers, ("last",))


def _depthwise(side: int) -> Network:
    builder = NetworkBuilder(side)
    return builder.finish([builder.depthwise("each", builder.average_pool("pool", builder.pixels, 3), (1, 1))])


def _greatest(side: int) -> Network:
    builder = NetworkBuilder(side)
    return builder.finish([builder.convolution("conv", builder.max_pool("pool", builder.pixels, 3), 4, (1, 1))])


@pytest.mark.parametrize(
    "network",
    [
        pooled(9, readers=2),
        _with_output(9),
        _then(9, (3, 3), 1),
        _then(9, (1, 3), 1),
        _then(9, (1, 1), 2),
        _activated(9),
        _depthwise(9),
        _greatest(9),
    ],
    ids=["two readers", "an output", "3 x 3", "1 x 3", "stride", "activation", "depthwise", "maximum"],
)
def test_a_pool_stays_where_the_two_do_not_commute_or_others_need_it(network: Network) -> None:
    assert pools_behind_convolutions(network) == network


def test_ready_for_int8_changes_no_number() -> None:
    network = pools_behind_convolutions(branched(33))
    ready = ready_for_int8(network)
    added = [layer for layer in ready.layers if isinstance(layer, Requantization)]
    assert [(layer.name, layer.inputs) for layer in added] == [("greatest/second", ("greatest",))]
    pool, rectification = ready["mean/linear"], ready["mean"]
    assert isinstance(pool, AveragePool)
    assert isinstance(rectification, Rectification)
    assert (pool.inputs, pool.activation) == (network["mean"].inputs, LINEAR)
    assert (rectification.inputs, rectification.activation) == (("mean/linear",), RELU)
    assert ready["second"].inputs == ("halved", "greatest/second")
    assert ready["first"].inputs == ("point", "wide_1x3", "mean")
    assert ready.outputs == network.outputs


def test_what_joins_may_not_share_a_scale_with() -> None:
    """A layer that others read, one that is an output, a join, a pool, and pixels keep their own scales."""
    builder = NetworkBuilder(9)
    names = [builder.convolution(name, builder.pixels, 4, (1, 1)) for name in ("alone", "read", "output")]
    builder.convolution("reader", "read", 4, (1, 1))
    inner = builder.concatenation("inner", ["reader", builder.max_pool("pool", builder.pixels, 3)])
    builder.depthwise("each", "output", (3, 3))
    builder.addition("sum", "read", "each")
    outer = builder.concatenation("outer", [*names, inner, builder.pixels, "sum"])
    ready = ready_for_int8(builder.finish([outer, "output"]))
    assert ready["outer"].inputs == (
        "alone", "read/outer", "output/outer", "inner/outer", "pixels/outer", "sum"
    )  # fmt: skip
    assert ready["inner"].inputs == ("reader", "pool/inner")
    places = {name: place for place, name in enumerate(order(ready))}
    assert all(places[source] < places[layer.name] for layer in ready.layers for source in layer.inputs)


def test_a_join_of_a_layer_with_itself() -> None:
    builder = NetworkBuilder(9)
    pool = builder.max_pool("pool", builder.pixels, 3)
    conv = builder.convolution("conv", builder.pixels, 4, (1, 1))
    ready = ready_for_int8(builder.finish([builder.concatenation("join", [pool, conv, pool, conv])]))
    assert ready["join"].inputs == ("pool/join", "conv", "pool/join", "conv")
    assert order(ready) == ["pixels", "pool", "conv", "pool/join", "join"]
