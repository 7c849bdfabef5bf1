"""Networks as data: who reads what, kernels, and what is left for other outputs."""

from __future__ import annotations

import dataclasses

import pytest

from graft_device.errors import ExportError
from graft_host.networks.layers import Convolution, Depthwise, Network
from tests.support.networks import branched, mobile


def test_layers_are_found_by_name() -> None:
    network = branched(33)
    assert network["wide_1x3"].inputs == ("wide",)
    assert network.pixels is network["pixels"] is network.layers[0]
    with pytest.raises(KeyError, match="nowhere"):
        network["nowhere"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        network["wide"].name = "other"  # type: ignore[misc]


def test_readers() -> None:
    network = branched(33)
    assert [layer.name for layer in network.readers("stem")] == ["wide", "mean", "point"]
    assert [layer.name for layer in network.readers("first")] == ["halved", "greatest", "bottleneck_first"]
    assert network.readers("bottleneck_second") == ()


def test_kernel_shapes() -> None:
    shapes = {layer.name: mobile(33).kernel_shape(layer) for layer in mobile(33).convolutions}
    assert shapes == {
        "stem": (8, 3, 3, 3),
        "narrow": (8, 1, 1, 8),
        "widened": (24, 1, 1, 8),
        "each": (1, 3, 3, 24),
        "narrowed": (8, 1, 1, 24),
        "each_halved": (1, 5, 5, 8),
        "last": (20, 1, 1, 8),
    }
    kinds = [type(layer) for layer in mobile(33).convolutions]
    assert kinds.count(Depthwise) == 2
    assert kinds.count(Convolution) == 5


def test_other_outputs_leave_only_what_they_need() -> None:
    network = branched(33)
    first = network.with_outputs(["bottleneck_first"])
    dropped = {"halved", "greatest", "second", "bottleneck_second"}
    assert [layer.name for layer in first.layers] == [
        layer.name for layer in network.layers if layer.name not in dropped
    ]
    assert first.outputs == ("bottleneck_first",)
    assert network.with_outputs(["bottleneck_second", "stem"]).outputs == ("bottleneck_second", "stem")
    assert [layer.name for layer in network.with_outputs(["pixels"]).layers] == ["pixels"]
    with pytest.raises(KeyError, match="nowhere"):
        network.with_outputs(["nowhere"])


def test_a_network_without_pixels() -> None:
    with pytest.raises(ExportError, match="the network starts with stem, not with pixels"):
        _ = Network(branched(33).layers[1:], ()).pixels
