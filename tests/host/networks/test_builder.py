"""The shapes of layers against those that LiteRT works out, and what cannot be described."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.float_file import write_float32
from tests.support.networks import outputs_of, random_parameters

if TYPE_CHECKING:
    from collections.abc import Callable


@settings(max_examples=150)
@given(
    kind=st.sampled_from(["convolution", "depthwise", "max_pool", "average_pool"]),
    side=st.integers(1, 40),
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    stride=st.integers(1, 4),
    padded=st.booleans(),
)
def test_shapes_are_those_of_the_runtime(
    kind: str, side: int, size: tuple[int, int], stride: int, padded: bool
) -> None:
    builder = NetworkBuilder(side)

    def add() -> str:
        if kind == "convolution":
            return builder.convolution("layer", builder.pixels, 5, size, stride=stride, padded=padded)
        if kind == "depthwise":
            return builder.depthwise("layer", builder.pixels, size, stride=stride)
        pool = builder.max_pool if kind == "max_pool" else builder.average_pool
        return pool("layer", builder.pixels, size[0], stride=stride, padded=padded)

    windows = size if kind in {"convolution", "depthwise"} else (size[0], size[0])
    if not padded and kind != "depthwise" and max(windows) > side:
        with pytest.raises(ValueError, match="the window of layer is larger than its input"):
            add()
        return
    network = builder.finish([add()])
    (output,) = outputs_of(write_float32(network, random_parameters(network)), np.zeros((1, side, side, 3), np.float32))
    assert output.shape == (1, *network["layer"].shape)
    # TensorFlow's rules: https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2
    if padded or kind == "depthwise":
        assert output.shape[1:3] == (-(-side // stride),) * 2
    else:
        assert output.shape[1:3] == tuple(-(-(side - window + 1) // stride) for window in windows)


def test_a_joins_channels_are_those_of_its_inputs() -> None:
    builder = NetworkBuilder(9)
    first = builder.convolution("a", builder.pixels, 5, (1, 1))
    joined = builder.concatenation("join", (name for name in (first, builder.pixels, first)))
    assert builder.shape(joined) == (9, 9, 13)
    assert builder.shape(builder.addition("sum", first, first, activation="relu")) == (9, 9, 5)
    assert builder.shape(builder.bottleneck(joined)) == (13,)
    network = builder.finish(["bottleneck_join"])
    assert [layer.name for layer in network.layers] == [
        "pixels",
        "a",
        "join",
        "bottleneck_join",
    ]
    assert network.outputs == ("bottleneck_join",)


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda it: it.convolution("a", it.pixels, 5, (1, 1)), "two layers are called a"),
        (lambda it: it.bottleneck("a") + it.bottleneck("a"), "two layers are called bottleneck_a"),
        (lambda it: it.concatenation("join", ["a", "halved"]), "the inputs of join are not of one height and width"),
        (lambda it: it.addition("sum", "a", it.pixels), "the inputs of sum are not of one shape"),
        (lambda it: it.max_pool("pool", "halved", 6, padded=False), "the window of pool is larger than its input"),
    ],
)
def test_what_cannot_be_computed(add: Callable[[NetworkBuilder], str], message: str) -> None:
    builder = NetworkBuilder(9)
    builder.convolution("a", builder.pixels, 5, (1, 1))
    builder.convolution("halved", "a", 5, (1, 1), stride=2)
    with pytest.raises(ValueError, match=f"^{message}$"):
        add(builder)


def test_a_layer_that_is_not_there() -> None:
    builder = NetworkBuilder(9)
    with pytest.raises(KeyError, match="nowhere"):
        builder.bottleneck("nowhere")
