"""The head inside a model file: reads it, and writes one with other numbers or more classes in its place."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_device.learning.flat import FlatNetwork
from graft_device.learning.remembered import Array
from graft_device.learning.spread import FARTHEST, SHARPNESS, Spread

Wide = NDArray[np.float64]

WEIGHTS, BIAS = "head/weights", "head/bias"
_LOGITS = "head/logits"
_MEAN, _WEIGHT, _DIRECTIONS, _OFFSET = "novelty/mean", "novelty/weight", "novelty/directions", "novelty/offset"
_ROOTS, _LIKENESS_WEIGHT, _LIKENESS_START = "novelty/roots", "novelty/likeness_weight", "novelty/likeness_start"
_BY_CLASS = {WEIGHTS: 0, BIAS: 0, _LOGITS: 1, "head/float_logits": 1, "novelty/logits": 1, "probabilities": 1}
"""The tensors that have an axis of classes, and which it is."""

_HEADROOM = 1.15
"""Factor on the range of the logits, for photos whose logits exceed those that it was chosen on."""

_SLOPE = SHARPNESS * (6 / FARTHEST)


@dataclass(frozen=True)
class HeadShape:
    """What a head is like, apart from its numbers.

    Attributes:
        classes: K.
        length: the numbers D of a bottleneck.
        source: the tensor of the bottleneck.
        directions: of the novelty; None for a network that flattens no scores.
        roots: whether the novelty compares square roots.
    """

    classes: int
    length: int
    source: int
    directions: int | None
    roots: bool


@dataclass(frozen=True)
class NewHead:
    """The numbers of a head.

    Attributes:
        kernel: ``[D,K]``.
        bias: ``[K]``.
        spread: of the known bottlenecks; None to leave the file's novelty as it is.
        start: the distance up to which logits are left unchanged.
        wider: by what the file's distances are divided where there is no new spread, at least 1.
        likeness_raise: what is taken off the likeness to photos of none of the classes, 0 or more.
    """

    kernel: Wide
    bias: Wide
    spread: Spread | None = None
    start: float = 1.0
    wider: float = 1.0
    likeness_raise: float = 0.0


def head_shape(network: FlatNetwork) -> HeadShape:
    """Describes the head of a network; raises ValueError if it is not one that ``graft train`` writes."""
    classes, length = network.shape(WEIGHTS)
    source = network.reader_input(WEIGHTS)
    if network.shape_at(source) != (1, length) or network.shape(BIAS) != (classes,):
        raise ValueError("a head of another shape")
    novel = _MEAN in network
    if novel and (network.shape(_MEAN) != (1, length) or not network.is_float(_MEAN)):
        raise ValueError("a spread of another shape")
    directions = network.shape(_DIRECTIONS)[0] if _DIRECTIONS in network else 0
    if novel and network.shape(_WEIGHT) != (1, length + directions):
        raise ValueError("a spread of another shape")
    return HeadShape(classes, length, source, directions if novel else None, _ROOTS in network)


def head_numbers(network: FlatNetwork) -> tuple[Wide, Wide]:
    """The weights ``[D,K]`` and the bias ``[K]`` of a head, as real numbers; raises ValueError if one is not finite."""
    kernel, bias = network.constant(WEIGHTS).astype(np.float64), network.constant(BIAS).astype(np.float64)
    if not network.is_float(WEIGHTS):
        kernel, bias = kernel * network.quantization(WEIGHTS)[0], bias * network.quantization(BIAS)[0]
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise ValueError("a head that is not finite")
    return kernel.T, bias


def likeness(network: FlatNetwork, bottlenecks: Array) -> Wide | None:
    """How far bottlenecks ``[N,D]`` look too much like photos of none of the classes, in the file's units.

    Returns:
        ``[N]``, above 0 where logits shrink; None for a network that learned from no such photos.
    """
    if _LIKENESS_WEIGHT not in network:
        return None
    values = np.sqrt(np.maximum(bottlenecks, 0)) if _ROOTS in network else bottlenecks
    weight = network.constant(_LIKENESS_WEIGHT).reshape(-1).astype(np.float64)
    beyond: Wide = values.astype(np.float64) @ weight + float(network.constant(_LIKENESS_START).reshape(-1)[0])
    return beyond


def distance_ratio(network: FlatNetwork, bottlenecks: Array) -> Wide:
    """The distances of bottlenecks ``[N,D]`` over the one from which the file's novelty shrinks logits, ``[N]``."""
    values = np.sqrt(np.maximum(bottlenecks, 0)) if _ROOTS in network else bottlenecks
    mean, weight = (network.constant(name).reshape(-1).astype(np.float64) for name in (_MEAN, _WEIGHT))
    distances: Wide = np.square(values - mean) @ weight[: len(mean)]
    if _DIRECTIONS in network:
        inside = values @ network.constant(_DIRECTIONS).T.astype(np.float64) + network.constant(_OFFSET)
        distances += np.square(inside) @ weight[len(mean) :]
    return distances / _SLOPE


def write_head(network: FlatNetwork, head: NewHead, bottlenecks: Array, source_scale: float) -> None:
    """Writes a head into a network.

    Args:
        network: changed in place.
        head: the numbers.
        bottlenecks: those that the int8 ranges are chosen on, ``[N,D]``.
        source_scale: the scale of the int8 bottleneck; unused for a head of floats.
    """
    classes = len(head.bias)
    if network.is_float(WEIGHTS):
        network.set_constant(WEIGHTS, head.kernel.T)
        network.set_constant(BIAS, head.bias)
    else:
        _write_int8(network, head, bottlenecks, source_scale)
    for name, axis in _BY_CLASS.items():
        if name in network:
            network.set_size(name, axis, classes)
    if head.spread is not None:
        _write_novelty(network, head.spread, head.start)
    elif _WEIGHT in network and head.wider > 1:
        _widen(network, head.wider)
    if head.likeness_raise and _LIKENESS_START in network:
        network.set_constant(_LIKENESS_START, network.constant(_LIKENESS_START) - np.float32(head.likeness_raise))


def _write_int8(network: FlatNetwork, head: NewHead, bottlenecks: Array, source_scale: float) -> None:
    """The rounding of ``graft train`` without its correction of one weight by the others, which needs seconds."""
    # Adding the same number to every class does not change the softmax; without the mean the logits need less range.
    kernel, bias = head.kernel - head.kernel.mean(axis=1, keepdims=True), head.bias - head.bias.mean()
    scale = max(float(np.abs(kernel).max()), 1e-12) / 127
    weights = np.clip(np.rint(kernel / scale), -127, 127)
    bias = bias + bottlenecks.mean(axis=0, dtype=np.float64) @ (kernel - weights * scale)
    low, high = logit_range(bottlenecks.astype(np.float64) @ kernel + bias)
    step, bias_scale = (high - low) / 255, source_scale * scale
    network.set_constant(WEIGHTS, weights.T)
    network.set_constant(BIAS, np.clip(np.rint(bias / bias_scale), -(2**31) + 1, 2**31 - 1))
    network.set_quantization(WEIGHTS, scale, 0)
    network.set_quantization(BIAS, bias_scale, 0)
    network.set_quantization(_LOGITS, step, int(np.clip(round(-128 - low / step), -128, 127)))


def logit_range(logits: Wide) -> tuple[float, float]:
    """Chooses the range for logits ``[N,K]``: 255 steps are few, so none are spent where they make no difference.

    The best class may be clipped once its lead is so wide that the probabilities of the others together are less than
    one step of the uint8 output. A class may be clipped at the bottom once it trails by as much.
    """
    lead = math.log(256 * logits.shape[1])
    ordered = np.sort(logits, axis=1)
    best, second = ordered[:, -1], ordered[:, -2]
    high = max(float(np.minimum(best, second + lead).max()) * _HEADROOM, 1e-6)
    low = float(np.maximum(ordered[:, 0], np.minimum(best, high) - lead).min()) * _HEADROOM
    return min(low, 0.0), high  # zero must be representable


def _widen(network: FlatNetwork, factor: float) -> None:
    """Divides the file's distances by a factor."""
    weight = network.constant(_WEIGHT).copy()
    length = network.shape(_MEAN)[1]
    weight[:, :length] /= factor  # the others are the signs of the directions' squares
    network.set_constant(_WEIGHT, weight)
    for name in (_DIRECTIONS, _OFFSET):
        if name in network:
            network.set_constant(name, network.constant(name) / math.sqrt(factor))


def _write_novelty(network: FlatNetwork, spread: Spread, start: float) -> None:
    unit = _SLOPE / start
    weights, count = spread.weight.astype(np.float64) * unit, 0 if spread.directions is None else len(spread.directions)
    network.set_constant(_MEAN, spread.mean)
    network.set_constant(_WEIGHT, np.concatenate([weights, np.full(count, -1.0)]))
    if spread.directions is not None:
        scaled = spread.directions.astype(np.float64) * math.sqrt(unit)
        network.set_constant(_DIRECTIONS, scaled)
        network.set_constant(_OFFSET, -(scaled @ spread.mean.astype(np.float64)))
