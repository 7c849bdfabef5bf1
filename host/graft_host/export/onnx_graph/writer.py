"""Writes the nodes and constants of an ONNX graph, in float32 or with QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from graft_host.export.stored_graph import Quantization, SourceGraph, Tensor

IMAGE_RANK = 4
_TO_CHANNELS_FIRST = (0, 3, 1, 2)


class Writer:
    """The nodes of an ONNX graph, as they are added.

    Tensors of four axes have their channels second in ONNX and last in TFLite.

    Args:
        source: the graph that is written.
        quantized: whether activations are quantized as in the source; all is float32 otherwise.
    """

    def __init__(self, source: SourceGraph, *, quantized: bool) -> None:
        self.source = source
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._quantized = quantized
        self._values: dict[int, str] = {}
        self._converted: dict[int, int] = {}
        self._names: set[str] = set()

    def value(self, index: int) -> str:
        """The name of the float32 tensor that stands for a computed tensor of the source.

        Raises:
            KeyError: nothing computes the tensor.
        """
        return self._values[index]

    def operand(self, index: int, rank: int) -> str:
        """The name of the float32 tensor that stands for a tensor; one is added for a constant.

        Args:
            index: of the tensor in the source.
            rank: the number of axes that a constant gets.
        """
        tensor = self._constant(index)
        if tensor.stored is None:
            return self.value(index)
        wide = (1,) * (rank - len(tensor.shape)) + tensor.shape
        return self._add(tensor, lambda values: _channels_first(values.reshape(wide)), 0)

    def settle(self, index: int, name: str) -> None:
        """Has a float32 tensor stand for a tensor of the source, without rounding it."""
        self._values[index] = name

    def store(self, index: int, name: str) -> None:
        """Has a float32 tensor stand for a tensor of the source, rounded as it is stored there."""
        tensor = self.source.tensors[index]
        if self._quantized and tensor.quantization is not None:
            parameters = self._parameters(tensor, tensor.quantization)
            rounded = self.node("QuantizeLinear", [name, *parameters], f"{tensor.name}/quantized")
            name = self.node("DequantizeLinear", [rounded, *parameters], f"{tensor.name}/dequantized")
        self._values[index] = name

    def stand_for(self, index: int, constant: int) -> None:
        """Has a constant of the source take the place of a tensor that is computed from it alone."""
        self._converted[index] = constant

    def weights(self, index: int, axes: Sequence[int] = ()) -> str:
        """Adds a constant of the source with its axes in another order.

        Args:
            index: of the constant.
            axes: of the source, in the order of ONNX; empty to leave them as they are.

        Returns:
            The name of the float32 tensor: a constant, or what DequantizeLinear computes from one.

        Raises:
            ValueError: the tensor is computed.
        """
        tensor = self._constant(index)
        order = tuple(axes) or tuple(range(len(tensor.shape)))
        quantization = tensor.quantization
        axis = order.index(quantization.axis) if quantization is not None and len(quantization.scale) > 1 else 0
        return self._add(tensor, lambda values: values.transpose(order), axis)

    def _constant(self, index: int) -> Tensor:
        return self.source.tensors[self._converted.get(index, index)]

    def _add(self, tensor: Tensor, arranged: Callable[[NDArray[Any]], NDArray[Any]], axis: int) -> str:
        """Adds a constant with its numbers in another arrangement; ``axis`` is that of its scales in it."""
        if not self._quantized or tensor.quantization is None or tensor.stored is None:
            return self.number(tensor.name, arranged(tensor.real))
        stored = self.number(f"{tensor.name}/stored", arranged(tensor.stored))
        several = len(tensor.quantization.scale) > 1
        inputs = [stored, *self._parameters(tensor, tensor.quantization)]
        return self.node("DequantizeLinear", inputs, tensor.name, **({"axis": axis} if several else {}))

    def number(self, name: str, values: NDArray[Any]) -> str:
        """Adds a constant and returns its name."""
        unique = self._unique(name)
        self.constants.append(numpy_helper.from_array(np.array(values, order="C"), unique))
        return unique

    def scalar(self, name: str, value: float) -> str:
        """Adds a float32 constant without axes and returns its name."""
        return self.number(name, np.array(value, np.float32))

    def node(self, operator: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """Adds a node of one output and returns the output's name, which is that of the node."""
        unique = self._unique(name)
        self.nodes.append(helper.make_node(operator, list(inputs), [unique], unique, **attributes))
        return unique

    def finish(self, image: Any, output: str, classes: int, title: str) -> Any:
        """The graph.

        Args:
            image: its input, an ``onnx.ValueInfoProto``.
            output: the name of its output.
            classes: the number K of the output ``[1,K]``.
            title: the name of the graph.
        """
        last = self.value(self.source.output)
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [output if name == last else name for name in names]
        result = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, classes])
        return helper.make_graph(self.nodes, title, [image], [result], self.constants)

    def _parameters(self, tensor: Tensor, quantization: Quantization) -> list[str]:
        """Adds scale and zero point, as numbers without axes if there is one of each. An int32 has no zero point."""
        shape = (-1,) if len(quantization.scale) > 1 else ()
        scale = self.number(f"{tensor.name}/scale", quantization.scale.reshape(shape))
        if tensor.dtype == np.int32 and not quantization.zero_point.any():
            return [scale]
        zero_point = quantization.zero_point.astype(tensor.dtype).reshape(shape)
        return [scale, self.number(f"{tensor.name}/zero_point", zero_point)]

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self._names:
            count += 1
            unique = f"{name}_{count}"
        self._names.add(unique)
        return unique


def _channels_first(values: NDArray[Any]) -> NDArray[Any]:
    """A constant, with its channels second if it has four axes."""
    return values.transpose(_TO_CHANNELS_FIRST) if values.ndim == IMAGE_RANK else values
