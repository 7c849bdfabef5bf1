"""Measures how far the numbers of a quantized layer are from the float32 numbers that they represent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_host.diagnosis.layers import Layer


@dataclass(frozen=True)
class Scheme:
    """TFLite's quantization: real = scale · (stored - zero point), of an integer type."""

    scale: float
    zero_point: int
    dtype: np.dtype[Any]

    @property
    def representable(self) -> tuple[float, float]:
        """The smallest and the largest number that can be stored."""
        ends = np.iinfo(self.dtype)
        return (ends.min - self.zero_point) * self.scale, (ends.max - self.zero_point) * self.scale

    def raised(self, steps: int) -> Scheme:
        """The scheme of numbers that are stored a number of steps higher."""
        return replace(self, zero_point=self.zero_point + steps)


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """The error of one layer over all photos.

    Attributes:
        name: the description's name of the layer, such as ``conv2d_5``; ``pixels`` and ``bottleneck`` at the ends, or
            ``bottleneck_mixed0`` of one of several taps.
        operator: the operator that computes it.
        order: its place in the network, counted from 0.
        sqnr: signal-to-quantization-noise ratio in dB, 10 · log10(Σ x² / Σ (x - x̂)²) for float x and stored x̂; None
            where there is no signal or no noise.
        lost: dB by which the ratio is below that of the worst of the layer's inputs; None where one of them is.
        clipped: share of the numbers that are stored as an end of the range although the float is beyond it by more
            than half a step.
        scale: difference of the real numbers that two neighbouring stored numbers represent.
        representable: the range that can be stored.
        seen: the range of the float numbers over all photos.
    """

    name: str
    operator: str
    order: int
    sqnr: float | None
    lost: float | None
    clipped: float
    scale: float
    representable: tuple[float, float]
    seen: tuple[float, float]

    @property
    def used(self) -> float:
        """The share of the representable range that the float numbers cover; 1 if they exceed it."""
        low, high = (float(np.clip(end, *self.representable)) for end in self.seen)
        return (high - low) / (self.representable[1] - self.representable[0])

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {**asdict(self), "used": self.used}


def bottlenecks(backbone: Sequence[LayerError]) -> tuple[LayerError, ...]:
    """The layers that the head sees, one for each tap, given all layers of a backbone."""
    (*_, last) = backbone
    several = tuple(layer for layer in backbone if layer.name.startswith("bottleneck_"))
    return several or (last,)


def noisiest(layers: Sequence[LayerError]) -> LayerError:
    """The layer with the smallest ratio; the last if all are without noise."""
    return min(reversed(layers), key=lambda layer: math.inf if layer.sqnr is None else layer.sqnr)


class ErrorSums:
    """Adds up the sums for a layer's figures, photo by photo."""

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._signal = self._noise = 0.0
        self._numbers = self._clipped = 0
        self._seen = (math.inf, -math.inf)

    def add(self, exact: NDArray[np.float32], stored: NDArray[Any]) -> None:
        """Adds one photo: float32 numbers and the stored integers of the same shape."""
        scheme = self._scheme
        wide = exact.astype(np.float64)
        real = (stored.astype(np.float64) - scheme.zero_point) * scheme.scale
        self._signal += float(np.square(wide).sum())
        self._noise += float(np.square(wide - real).sum())
        self._numbers += wide.size
        low, high = scheme.representable
        ends, margin = np.iinfo(scheme.dtype), scheme.scale / 2
        beyond = ((stored == ends.max) & (wide > high + margin)) | ((stored == ends.min) & (wide < low - margin))
        self._clipped += int(np.count_nonzero(beyond))
        self._seen = min(self._seen[0], float(wide.min())), max(self._seen[1], float(wide.max()))

    @property
    def sqnr(self) -> float | None:
        """The ratio in dB so far; None where there is no signal or no noise."""
        if self._signal == 0 or self._noise == 0:
            return None
        return 10 * math.log10(self._signal / self._noise)

    def finish(self, layer: Layer, order: int, sources: list[ErrorSums]) -> LayerError:
        """The layer's figures, given the sums of the layers that it is computed from."""
        ratios = [source.sqnr for source in sources]
        known = [ratio for ratio in ratios if ratio is not None]
        lost = min(known) - self.sqnr if known and self.sqnr is not None else None
        clipped = self._clipped / self._numbers if self._numbers else 0.0
        scale, representable = self._scheme.scale, self._scheme.representable
        return LayerError(
            name=layer.name,
            operator=layer.operator,
            order=order,
            sqnr=self.sqnr,
            lost=lost,
            clipped=clipped,
            scale=scale,
            representable=representable,
            seen=self._seen,
        )
