from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from graft_host.heads.head import Head
from graft_host.tflite.head_quantization import logit_range, quantize_head

SCALE = 0.01


def correlated(photos: int, length: int, seed: int = 0) -> NDArray[np.float32]:
    """Correlated bottlenecks on the int8 grid, like the pooled features of a network."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 1, (photos, 4)) @ np.random.default_rng(1).normal(0, 1, (4, length))
    values = np.maximum(0.6 + 0.2 * common + rng.normal(0, 0.05, (photos, length)), 0)
    stored: NDArray[np.float32] = (np.clip(np.rint(values / SCALE), 0, 255) * SCALE).astype(np.float32)
    return stored


def some_head(length: int, classes: int, size: float = 0.3) -> Head:
    rng = np.random.default_rng(2)
    kernel = rng.normal(0, size, (length, classes)).astype(np.float32)
    return Head(kernel, (rng.normal(0, 1, classes) - 0.5 * kernel.sum(axis=0)).astype(np.float32))


def stored_logits(head: Head, training: NDArray[np.float32], photos: NDArray[np.float32]) -> NDArray[np.float64]:
    """The logits of integer arithmetic, before they are rounded themselves."""
    quantized = quantize_head(head, training, SCALE)
    sums = np.rint(photos / SCALE).astype(np.int64) @ quantized.weights.T.astype(np.int64) + quantized.bias
    return np.asarray(sums * (SCALE * quantized.weight_scale))


def centred(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = logits.astype(np.float64)
    return np.asarray(wide - wide.mean(axis=1, keepdims=True))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_new_photos_get_nearly_the_float_logits(classes: int) -> None:
    training, photos = correlated(200, 256), correlated(100, 256, seed=9)
    head = some_head(256, classes)
    expected = centred(head.logits(photos))
    error = stored_logits(head, training, photos) - expected
    assert error.std() < 0.02 * expected.std()


def test_rounding_makes_up_for_its_errors() -> None:
    """Compared with rounding each weight on its own, with the same bias correction."""
    training, photos = correlated(200, 256), correlated(100, 256, seed=9)
    head = some_head(256, 3)
    kernel = head.kernel - head.kernel.mean(axis=1, keepdims=True)
    scale = np.abs(kernel).max() / 127
    nearest = np.rint(kernel / scale) * scale
    naive = (photos - training.mean(axis=0)) @ (nearest - kernel)
    ours = stored_logits(head, training, photos) - centred(head.logits(photos))
    assert ours.std() < 0.4 * naive.std()


def test_stored_numbers_fit_their_types() -> None:
    quantized = quantize_head(some_head(64, 4), correlated(50, 64), SCALE)
    assert quantized.weights.dtype == np.int8
    assert quantized.weights.shape == (4, 64)
    assert quantized.weights.min() >= -127
    assert quantized.bias.dtype == np.int32
    assert -128 <= quantized.output_zero_point <= 127
    assert quantized.output_scale > 0


@given(st.integers(1, 60), st.integers(2, 5), st.floats(1e-6, 1e4), st.booleans())
@settings(max_examples=40)
def test_any_head_gives_finite_numbers(photos: int, classes: int, size: float, dead: bool) -> None:
    training = correlated(photos, 16)
    if dead:
        training[:] = 0
    quantized = quantize_head(some_head(16, classes, size), training, SCALE)
    assert math.isfinite(quantized.output_scale)
    assert quantized.output_scale > 0
    assert quantized.weight_scale > 0


def test_a_head_of_zeros_stays_zero() -> None:
    quantized = quantize_head(Head(np.zeros((8, 2), np.float32), np.zeros(2, np.float32)), correlated(5, 8), SCALE)
    assert not quantized.weights.any()
    assert not quantized.bias.any()


def test_the_range_spends_no_steps_where_they_make_no_difference() -> None:
    """Two classes: a lead of ln 512 is beyond the last step of a uint8 probability, however wide it is."""
    rng = np.random.default_rng(0)
    half = rng.normal(0, 10, 500)
    low, high = logit_range(np.stack([half, -half], axis=1))
    lead = math.log(512)
    assert lead <= high - low <= lead * 1.3


@given(st.integers(2, 8), st.integers(1, 60), st.floats(0.1, 30), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_clipping_to_the_range_changes_no_probability_by_a_step(
    classes: int, photos: int, size: float, seed: int
) -> None:
    logits = np.random.default_rng(seed).normal(0, size, (photos, classes))
    logits -= logits.mean(axis=1, keepdims=True)
    low, high = logit_range(logits)

    def shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    assert np.abs(shares(np.clip(logits, low, high)) - shares(logits)).max() < 1.5 / 256


def test_many_numbers_are_rounded_in_parts_and_still_together_in_each() -> None:
    """A bottleneck as long as the means of quarters: the logits change less than with each weight rounded alone."""
    rng = np.random.default_rng(0)
    causes = rng.normal(size=(60, 12))
    bottlenecks = np.maximum(causes @ rng.normal(size=(12, 4100)) + rng.normal(0, 0.3, (60, 4100)), 0).astype(
        np.float32
    )
    head = Head(rng.normal(0, 0.02, (4100, 3)).astype(np.float32), np.zeros(3, np.float32))
    quantized = quantize_head(head, bottlenecks, 0.05)
    kernel = head.kernel.astype(np.float64) - head.kernel.mean(axis=1, keepdims=True)
    alone = np.rint(kernel / quantized.weight_scale)

    def change(weights: NDArray[np.float64]) -> float:
        logits = bottlenecks @ (kernel - weights * quantized.weight_scale)
        return float((logits - logits.mean(axis=0)).std())

    assert quantized.weights.shape == (3, 4100)
    assert np.abs(quantized.weights.T - alone).max() <= 3
    assert change(quantized.weights.T.astype(np.float64)) < 0.3 * change(alone)
