"""Runs an int8 model and its float32 backbone on the same photos, and compares their layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from graft_device.classifier import dequantize, scaled
from graft_device.errors import ModelError
from graft_device.model import ModelFile
from graft_device.runtime import TensorSpec
from graft_device.system.plain import read_plain
from graft_host.backbones.family import WeightsSource
from graft_host.diagnosis.layer_error import ErrorSums, LayerError, Scheme
from graft_host.diagnosis.layers import find_head
from graft_host.diagnosis.reference import write_reference
from graft_host.networks.file_writer import INPUT_NAME
from graft_host.networks.layers import Layer, Pixels
from graft_host.support import flatbuffer


class Comparison:
    """Adds up the errors of each layer; keeps only sums.

    Args:
        model: an int8 model.
        weights: that its backbone was made of.
        threads: for one inference.

    Raises:
        ModelError: the file has no head, or LiteRT cannot open it.
        WeightsError: the weights do not fit the network.
        ExportError: the file has another network than its card describes.
    """

    def __init__(self, model: ModelFile, weights: WeightsSource, threads: int) -> None:
        data, name = read_plain(model.path), str(model.path)
        fused = flatbuffer.unpack(data, name)
        self._card = model.card
        self._head = find_head(fused, name)
        reference = write_reference(fused, model.card, weights, name)
        self._layers = reference.layers
        self._quantized, self._exact = _Tensors(data, name, threads), _Tensors(reference.file, name, threads)
        self._exact_places = [self._exact.place(_tensor_name(layer)) for layer in reference.network.layers]
        self._ends = [self._exact.place(output) for output in reference.network.outputs]
        self._kernel = self._quantized.real(self._head.weights).T
        self._bias = self._quantized.real(self._head.bias)
        self._sums = [ErrorSums(self._quantized.scheme(layer.tensor).raised(layer.raised)) for layer in self._layers]
        self._same = 0
        self.photos = 0

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Runs both networks on the pixels ``[S,S,3]`` of one photo."""
        self._quantized.run(pixels[np.newaxis])
        self._exact.run(scaled(pixels, self._card.mean, self._card.std)[np.newaxis])
        for layer, exact, sums in zip(self._layers, self._exact_places, self._sums, strict=True):
            sums.add(self._exact.stored(exact), self._quantized.stored(layer.tensor))
        bottleneck = np.concatenate([self._exact.stored(end) for end in self._ends], axis=1)
        logits = bottleneck @ self._kernel + self._bias
        self._same += int(np.argmax(logits) == np.argmax(self._quantized.stored(self._head.logits)))
        self.photos += 1

    def agreement(self) -> float:
        """The share of photos that the head puts into the same class with either bottleneck."""
        return self._same / self.photos

    def layers(self) -> tuple[LayerError, ...]:
        """The error of each layer in the order of computation, the pixels first and the bottlenecks last."""
        return tuple(
            sums.finish(layer, order, [self._sums[place] for place in layer.inputs])
            for order, (layer, sums) in enumerate(zip(self._layers, self._sums, strict=True))
        )


class _Tensors:
    """A network whose tensors can all be read after a run.

    It runs without delegates: XNNPACK computes several layers at once and does not keep the tensors between them.
    """

    def __init__(self, data: bytes, name: str, threads: int) -> None:
        self._name = name
        try:
            self._interpreter: Any = Interpreter(
                model_content=data,
                num_threads=threads,
                experimental_preserve_all_tensors=True,
                experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise self._failed(error) from error
        self._details = {int(detail["index"]): detail for detail in self._interpreter.get_tensor_details()}
        self._places = {str(detail["name"]): place for place, detail in self._details.items()}
        self._input = int(self._interpreter.get_input_details()[0]["index"])

    def run(self, tensor: NDArray[Any]) -> None:
        """Runs the network once on its input tensor."""
        try:
            self._interpreter.set_tensor(self._input, tensor)
            self._interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise self._failed(error) from error

    def place(self, name: str) -> int:
        """The index of the tensor of a name."""
        return self._places[name]

    def stored(self, index: int) -> NDArray[Any]:
        """The numbers of a tensor as they are stored."""
        numbers: NDArray[Any] = self._interpreter.get_tensor(index)
        return numbers

    def real(self, index: int) -> NDArray[np.float32]:
        """The real numbers that a tensor represents."""
        scheme = self.scheme(index)
        return dequantize(self.stored(index), TensorSpec((), scheme.dtype, scheme.scale, scheme.zero_point))

    def scheme(self, index: int) -> Scheme:
        """The quantization of a tensor."""
        scale, zero_point = self._details[index]["quantization"]
        return Scheme(float(scale), int(zero_point), np.dtype(self._details[index]["dtype"]))

    def _failed(self, error: Exception) -> ModelError:
        return ModelError(f"{self._name} fails under LiteRT: {(str(error).splitlines() or ['?'])[0]}")


def _tensor_name(layer: Layer) -> str:
    """The name of a layer's tensor in a float32 file."""
    return INPUT_NAME if isinstance(layer, Pixels) else layer.name
