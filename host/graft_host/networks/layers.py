"""A convolutional network as data: its layers, their shapes, and which of them are outputs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graft_device.errors import ExportError

LINEAR, RELU, RELU6 = "linear", "relu", "relu6"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One tensor and what computes it.

    Attributes:
        name: unique in its network.
        inputs: names of the layers that it is computed from.
        shape: ``(height, width, channels)`` of the output for one photo; ``(numbers,)`` of a bottleneck.
    """

    name: str
    inputs: tuple[str, ...] = ()
    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Entrance(Layer):
    """The input of a network."""


@dataclass(frozen=True, kw_only=True)
class Pixels(Entrance):
    """The input of a whole network: scaled pixels, ``(pixel - mean) / std``."""


@dataclass(frozen=True, kw_only=True)
class Map(Entrance):
    """The input of a network's tail: what a layer of the whole network computes. It has the name of that layer."""


@dataclass(frozen=True, kw_only=True)
class Window(Layer):
    """A layer that moves a window over its only input.

    Attributes:
        size: height and width of the window.
        stride: of the window, in both directions.
        padded: whether the window may reach over the border, as TensorFlow's ``SAME`` does.
        activation: ``linear``, ``relu`` or ``relu6``, applied last.
    """

    size: tuple[int, int]
    stride: int = 1
    padded: bool = True
    activation: str = LINEAR


@dataclass(frozen=True, kw_only=True)
class Convolution(Window):
    """A convolution with bias. Its kernel is ``[filters, height, width, channels]``."""

    @property
    def filter_axis(self) -> int:
        """The axis of the filters in the kernel."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Depthwise(Window):
    """A convolution of each channel by itself, with bias. Its kernel is ``[1, height, width, channels]``."""

    @property
    def filter_axis(self) -> int:
        """The axis of the filters in the kernel, one for each channel."""
        return 3


@dataclass(frozen=True, kw_only=True)
class MaxPool(Window):
    """The maximum of a window."""


@dataclass(frozen=True, kw_only=True)
class AveragePool(Window):
    """The mean of the part of a window that is inside the border."""


@dataclass(frozen=True, kw_only=True)
class Concatenation(Layer):
    """Joins the channels of its inputs, in their order."""


@dataclass(frozen=True, kw_only=True)
class Addition(Layer):
    """Adds two inputs of the same shape.

    Attributes:
        activation: ``linear``, ``relu`` or ``relu6``, applied last.
    """

    activation: str = LINEAR


@dataclass(frozen=True, kw_only=True)
class Mean(Layer):
    """The mean over all positions of its only input: a bottleneck."""


@dataclass(frozen=True, kw_only=True)
class QuarterMeans(Layer):
    """The means of the four quarters of its only input, a map: a bottleneck that knows where something is.

    The quarters are in the order top left, top right, bottom left, bottom right, each with all channels. In a map of an
    odd side they overlap: each is half a row or column larger than a fourth.
    """


@dataclass(frozen=True, kw_only=True)
class Requantization(Layer):
    """The same numbers with another scale; nothing in a float network."""


@dataclass(frozen=True, kw_only=True)
class Rectification(Layer):
    """The activation of an average pool, apart from it; only in int8 networks.

    The pool, and the convolution that it reads, have a constant added to their numbers, so that none is negative; a
    rectification subtracts it first. tflite-runtime rounds a negative half down on x86 and up on Arm.

    Attributes:
        activation: ``relu`` or ``relu6``.
    """

    activation: str


@dataclass(frozen=True)
class Network:
    """A network.

    Attributes:
        layers: in the order of computation, the input first.
        outputs: names of the layers that it returns, in their order.
    """

    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]

    def __getitem__(self, name: str) -> Layer:
        """The layer of a name.

        Raises:
            KeyError: there is none.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    @property
    def entrance(self) -> Entrance:
        """The input layer: pixels, or the map that a tail reads."""
        first = self.layers[0]
        if not isinstance(first, Entrance):
            raise ExportError(f"the network starts with {first.name}, which is no input")
        return first

    @property
    def pixels(self) -> Pixels:
        """The input layer of a whole network."""
        first = self.layers[0]
        if not isinstance(first, Pixels):
            raise ExportError(f"the network starts with {first.name}, not with pixels")
        return first

    @property
    def convolutions(self) -> tuple[Convolution | Depthwise, ...]:
        """The layers that have a kernel and a bias, in the order of computation."""
        return tuple(layer for layer in self.layers if isinstance(layer, (Convolution, Depthwise)))

    def kernel_shape(self, layer: Convolution | Depthwise) -> tuple[int, int, int, int]:
        """The shape of a layer's kernel: ``(filters, height, width, channels)``, the first 1 for a ``Depthwise``."""
        height, width = layer.size
        filters = layer.shape[-1] if isinstance(layer, Convolution) else 1
        return filters, height, width, self[layer.inputs[0]].shape[-1]

    def readers(self, name: str) -> tuple[Layer, ...]:
        """The layers that read a layer."""
        return tuple(layer for layer in self.layers if name in layer.inputs)

    def with_outputs(self, outputs: Iterable[str]) -> Network:
        """The same layers with other outputs, without those that no output needs.

        Raises:
            KeyError: there is no layer of an output's name.
        """
        wanted = tuple(self[name].name for name in outputs)
        needed = {self.layers[0].name, *wanted}
        for layer in reversed(self.layers):
            if layer.name in needed:
                needed.update(layer.inputs)
        return Network(tuple(layer for layer in self.layers if layer.name in needed), wanted)
