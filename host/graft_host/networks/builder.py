"""Describes a network layer by layer; shapes follow from the input side."""

from __future__ import annotations

from collections.abc import Iterable

from graft_host.networks.layers import (
    LINEAR,
    Addition,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    Layer,
    MaxPool,
    Mean,
    Network,
    Pixels,
)

_CHANNELS = 3  # red, green, blue


class NetworkBuilder:
    """A network that grows: each method adds a layer and returns its name.

    A layer that cannot be computed raises ValueError: its name is taken, its inputs do not fit together, or its window
    is larger than its input.

    Args:
        side: the input side in pixels.
    """

    def __init__(self, side: int) -> None:
        self._layers: dict[str, Layer] = {}
        self.pixels = self._add(Pixels(name="pixels", shape=(side, side, _CHANNELS)))

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a layer that was added."""
        return self._layers[name].shape

    def convolution(
        self,
        name: str,
        source: str,
        filters: int,
        size: tuple[int, int],
        *,
        stride: int = 1,
        padded: bool = True,
        activation: str = LINEAR,
    ) -> str:
        """Adds a convolution with bias."""
        shape = self._moved(source, size, stride, filters, padded=padded)
        return self._add(
            Convolution(
                name=name, inputs=(source,), shape=shape, size=size, stride=stride, padded=padded, activation=activation
            )
        )

    def depthwise(
        self, name: str, source: str, size: tuple[int, int], *, stride: int = 1, activation: str = LINEAR
    ) -> str:
        """Adds a padded convolution of each channel by itself, with bias."""
        shape = self._moved(source, size, stride, self.shape(source)[-1], padded=True)
        return self._add(
            Depthwise(name=name, inputs=(source,), shape=shape, size=size, stride=stride, activation=activation)
        )

    def max_pool(self, name: str, source: str, size: int, *, stride: int = 1, padded: bool = True) -> str:
        """Adds the maximum of a square window."""
        shape = self._moved(source, (size, size), stride, self.shape(source)[-1], padded=padded)
        return self._add(
            MaxPool(name=name, inputs=(source,), shape=shape, size=(size, size), stride=stride, padded=padded)
        )

    def average_pool(self, name: str, source: str, size: int, *, stride: int = 1, padded: bool = True) -> str:
        """Adds the mean of a square window."""
        shape = self._moved(source, (size, size), stride, self.shape(source)[-1], padded=padded)
        return self._add(
            AveragePool(name=name, inputs=(source,), shape=shape, size=(size, size), stride=stride, padded=padded)
        )

    def concatenation(self, name: str, sources: Iterable[str]) -> str:
        """Joins the channels of layers of one height and width."""
        inputs = tuple(sources)
        height, width, _ = self.shape(inputs[0])
        if any(self.shape(source)[:2] != (height, width) for source in inputs):
            raise ValueError(f"the inputs of {name} are not of one height and width")
        channels = sum(self.shape(source)[-1] for source in inputs)
        return self._add(Concatenation(name=name, inputs=inputs, shape=(height, width, channels)))

    def addition(self, name: str, first: str, second: str, *, activation: str = LINEAR) -> str:
        """Adds two layers of the same shape."""
        shape = self.shape(first)
        if self.shape(second) != shape:
            raise ValueError(f"the inputs of {name} are not of one shape")
        return self._add(Addition(name=name, inputs=(first, second), shape=shape, activation=activation))

    def bottleneck(self, tap: str) -> str:
        """Adds the mean over all positions of a tap."""
        return self._add(Mean(name=f"bottleneck_{tap}", inputs=(tap,), shape=self.shape(tap)[-1:]))

    def finish(self, outputs: Iterable[str]) -> Network:
        """The network that returns some of its layers."""
        return Network(tuple(self._layers.values()), ()).with_outputs(outputs)

    def _add(self, layer: Layer) -> str:
        if layer.name in self._layers:
            raise ValueError(f"two layers are called {layer.name}")
        if min(layer.shape) < 1:
            raise ValueError(f"the window of {layer.name} is larger than its input")
        self._layers[layer.name] = layer
        return layer.name

    def _moved(
        self, source: str, size: tuple[int, int], stride: int, channels: int, *, padded: bool
    ) -> tuple[int, int, int]:
        height, width = (
            -(-side // stride) if padded else (side - window) // stride + 1
            for side, window in zip(self.shape(source)[:2], size, strict=True)
        )
        return height, width, channels
