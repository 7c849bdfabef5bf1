"""Writes the float32 network that a quantized model is compared with, in the form that the model has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graft_device.errors import ExportError
from graft_device.model import ModelCard
from graft_host.backbones.family import WeightsSource
from graft_host.diagnosis.layers import Layer, convolution_scales, line_up
from graft_host.networks.equalization import recovered_factors, with_factors
from graft_host.networks.float_file import write_float32
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters
from graft_host.networks.rewrites import pools_behind_convolutions
from graft_host.tflite.tuned_tail import tuned_parameters

_FORMS: tuple[Callable[[Network], Network], ...] = (pools_behind_convolutions, lambda described: described)
"""How files have the description of a backbone: as graftkit writes it, and as TensorFlow's converter did before."""


@dataclass(frozen=True)
class Reference:
    """A float32 network and the layers that a quantized file has of it.

    Attributes:
        network: the network, whose tensors in ``file`` have the names of its layers.
        layers: the quantized file's layers, in the order of ``network.layers``.
        file: the flatbuffer.
    """

    network: Network
    layers: tuple[Layer, ...]
    file: bytes


def write_reference(fused: Any, card: ModelCard, weights: WeightsSource, name: str) -> Reference:
    """Writes the float32 network of a model. A fine-tuned tail has the kernels of the file, which are int8.

    Args:
        fused: the model, a ``schema.ModelT``.
        card: its model card.
        weights: that it was made of.
        name: name of the model in errors.

    Raises:
        ModelError: the model has no head.
        WeightsError: the weights do not fit the network.
        ExportError: the model has another network.
    """
    described = weights.family.network(weights, weights.family.taps_of(card.tap), card.image_size)
    network, layers = _form(fused, described, name)
    parameters = {
        **weights.family.read_parameters(weights, described),
        **tuned_parameters(fused, card, described, name),
    }
    return Reference(network, layers, write_float32(network, _with_factors_of(fused, network, layers, parameters)))


def _with_factors_of(
    fused: Any, network: Network, layers: Sequence[Layer], parameters: Mapping[str, Parameters]
) -> dict[str, Parameters]:
    """The parameters with the factors on channels that the model has, so that its layers hold the same numbers."""
    scales = {
        described.name: scales
        for described, layer in zip(network.layers, layers, strict=True)
        if described.name in parameters and (scales := convolution_scales(fused, layer)) is not None
    }
    filters = {layer: found.filters for layer, found in scales.items()}
    inputs = {layer: found.source for layer, found in scales.items()}
    return with_factors(network, parameters, recovered_factors(network, parameters, filters, inputs))


def _form(fused: Any, described: Network, name: str) -> tuple[Network, tuple[Layer, ...]]:
    """The first form of a network that a model has."""
    errors = []
    for form in _FORMS:
        network = form(described)
        try:
            return network, line_up(fused, network, name)
        except ExportError as error:
            errors.append(error)
    raise errors[0]
