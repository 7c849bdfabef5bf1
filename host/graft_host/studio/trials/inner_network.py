"""The network inside a model up to its bottleneck, and the head behind it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.classifier import dequantize, to_input
from graft_device.errors import ModelError
from graft_device.learning.flat import FlatNetwork, editing
from graft_device.learning.head_file import Wide, head_numbers, head_shape
from graft_device.model import ModelCard, ModelFile
from graft_device.runtime import Runner, TensorSpec, open_model

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Inner:
    """A copy of a model's network whose output is the bottleneck.

    Attributes:
        path: of the copy, which has no name on the disk, in this process.
        card: of the model.
        kernel: of the head, ``[D,K]``.
        bias: of the head, ``[K]``.
    """

    path: Path
    card: ModelCard
    kernel: Wide
    bias: Wide


def copied_inner(model: ModelFile, data: bytes) -> Inner | None:
    """Copies the network of a model into memory; None if its head is not one that ``graft train`` writes.

    Args:
        model: what is in the file.
        data: the file's bytes.
    """
    try:
        with editing(model.path):
            network = FlatNetwork(data[: model.network_bytes] if model.network_bytes else data)
            shape = head_shape(network)
            kernel, bias = head_numbers(network)
            changed = network.with_output(shape.source)
    except ModelError:
        return None
    handle = os.memfd_create("graft-bottleneck")
    with os.fdopen(os.dup(handle), "wb") as file:
        file.write(changed)
    return Inner(Path(f"/proc/self/fd/{handle}"), model.card, kernel, bias)


class InnerNetwork:
    """The network of a model up to its bottleneck, opened. Threads must not share it."""

    def __init__(self, inner: Inner) -> None:
        """Opens the copy; raises ModelError if that fails."""
        self._inner = inner
        self._runner: Runner = open_model(inner.path)

    @property
    def spec(self) -> TensorSpec:
        """The tensor of the bottleneck."""
        return self._runner.output

    def stored(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """The bottleneck ``[D]`` for pixels ``[S,S,3]`` in the numbers of the network, int8 or float32.

        Raises:
            ModelError: the network fails.
        """
        card = self._inner.card
        bottleneck: NDArray[Any] = self._runner(to_input(pixels, self._runner.input, card.mean, card.std))[0]
        return bottleneck

    def logits(self, pixels: NDArray[np.uint8]) -> Array:
        """The values of the head ``[K]`` before the softmax, which no rounding to the steps of a score cuts off."""
        bottleneck = dequantize(self.stored(pixels), self.spec)
        return (bottleneck @ self._inner.kernel + self._inner.bias).astype(np.float32)
