"""The mean error of a kernel against a direct convolution of channels that are constant."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_host.networks.bias_correction import inside, mean_error
from graft_host.networks.builder import NetworkBuilder
from graft_host.networks.int8_file import write_int8
from graft_host.networks.layers import Convolution, Depthwise
from graft_host.networks.parameters import Parameters
from graft_host.networks.ranges import measure
from graft_host.networks.scaling import Scaling
from tests.support.networks import compute, outputs_of, random_parameters, real_outputs_of, unwatched

WINDOWS = st.tuples(st.integers(1, 7), st.integers(1, 7))


@settings(max_examples=200)
@given(
    side=st.integers(7, 20),
    size=WINDOWS,
    stride=st.integers(1, 3),
    padded=st.booleans(),
    depthwise=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_the_mean_of_a_convolution_of_constant_channels(
    side: int, size: tuple[int, int], stride: int, padded: bool, depthwise: bool, seed: int
) -> None:
    builder = NetworkBuilder(side)
    if depthwise:
        builder.depthwise("layer", builder.pixels, size, stride=stride)
    else:
        builder.convolution("layer", builder.pixels, 4, size, stride=stride, padded=padded)
    network = builder.finish(["layer"])
    layer = network["layer"]
    assert isinstance(layer, (Convolution, Depthwise))
    rng = np.random.default_rng(seed)
    error = rng.normal(0, 1, network.kernel_shape(layer))
    means = rng.normal(0, 1, 3)
    parameters = {"layer": Parameters(error, np.zeros(layer.shape[-1]))}  # type: ignore[arg-type]
    expected = compute(network, parameters, np.broadcast_to(means, (side, side, 3)))["layer"].mean((0, 1))
    computed = mean_error(error, means, layer, side, side)
    assert computed.shape == expected.shape
    assert np.allclose(computed, expected, rtol=1e-12, atol=1e-12)


@settings(max_examples=200)
@given(side=st.integers(1, 30), window=st.integers(1, 9), stride=st.integers(1, 4), padded=st.booleans())
def test_the_shares_of_a_window(side: int, window: int, stride: int, padded: bool) -> None:
    if not padded and window > side:
        return
    outputs = -(-side // stride) if padded else (side - window) // stride + 1
    shares = inside(side, outputs, window, stride, padded=padded)
    assert shares.shape == (window,)
    assert shares.min() >= 0
    assert shares.max() <= 1
    if not padded:
        assert shares.tolist() == [1] * window
    assert round(shares.sum() * outputs, 6) == sum(
        0 <= place * stride - max((outputs - 1) * stride + window - side, 0) // 2 * padded + step < side
        for place in range(outputs)
        for step in range(window)
    )


def test_rounded_kernels_are_right_on_average() -> None:
    """Without correction, the mean of a filter's output would be off by the kernel's rounding error."""
    builder = NetworkBuilder(16)
    network = builder.finish([builder.convolution("layer", builder.pixels, 32, (3, 3), padded=False)])
    scaling = Scaling(0, 255)  # all inputs are positive, so that errors add up
    pixels = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
    parameters = random_parameters(network)
    ranges = measure(network, parameters, pixels, scaling, 1, unwatched)
    data = write_int8(network, parameters, ranges, scaling)
    kernel = parameters["layer"].kernel
    steps = np.abs(kernel).max((1, 2, 3), keepdims=True) / 127
    rounded = {"layer": Parameters(np.rint(kernel / steps) * steps, parameters["layer"].bias)}
    off, uncorrected = [], []
    for photo in pixels:
        expected = compute(network, parameters, photo / 255)["layer"].mean((0, 1))
        (computed,) = real_outputs_of(data, photo[np.newaxis])
        off.append(computed[0].mean((0, 1)) - expected)
        uncorrected.append(compute(network, rounded, photo / 255)["layer"].mean((0, 1)) - expected)
    assert outputs_of(data, pixels[:1])[0].dtype == np.int8
    assert np.abs(np.mean(off, axis=0)).mean() < 0.25 * np.abs(np.mean(uncorrected, axis=0)).mean()
