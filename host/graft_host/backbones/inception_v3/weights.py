"""Weights files of Inception-v3: Keras's notop layout, and the graph of 2015."""

from __future__ import annotations

import os
from collections.abc import Iterator

import h5py

from graft_host.backbones.family import Family, WeightsFile, WeightsSource
from graft_host.backbones.inception_v3.convolutions import check_reach
from graft_host.backbones.inception_v3.graph_2015.graph import read_graph
from graft_host.backbones.inception_v3.keras_h5 import convolution_names, read_layers
from graft_host.backbones.inception_v3.layer_weights import ConvWeights, check_layers, folded, random_weights
from graft_host.backbones.known_weights import known_weights
from graft_host.networks.layers import Network
from graft_host.networks.parameters import Parameters


def identify(family: Family, file: WeightsFile) -> WeightsSource:
    """The weights in a file, with the scaling and the last pooling that they were trained with.

    Raises:
        WeightsError: it is neither HDF5 nor the 2015 graph.
    """
    known, path = known_weights(), file.path
    sums = {file.sha256, file.md5}
    name = next((n for n, entry in known.items() if sums & {entry.get("sha256"), entry.get("md5")}), file.name)
    if h5py.is_hdf5(os.fspath(path)):
        scale = known.get(name, {})
        mean, std = float(scale.get("mean", family.mean)), float(scale.get("std", family.std))
        return WeightsSource(family=family, name=name, path=path, fingerprint=file.sha256, mean=mean, std=std)
    graph = read_graph(path)
    check_layers(path, graph.layers, [layer.kernel.shape for layer in graph.layers])
    return WeightsSource(
        family=family, name=name, path=path, fingerprint=file.sha256, mean=graph.mean, std=graph.std,
        last_pool=graph.last_pool, layout="graph",
    )  # fmt: skip


def check_tap(source: WeightsSource, tap: str) -> None:
    """Raises WeightsError unless a file's weights reach the tap; names the last tap that they reach."""
    if source.path is None:
        return
    of_graph = source.layout == "graph"
    count = len(read_graph(source.path).layers if of_graph else convolution_names(source.path))
    check_reach(source.path, count, tap)


def read_parameters(source: WeightsSource, network: Network) -> dict[str, Parameters]:
    """Reads the convolutions of a network from ``layers.describe``, and folds their batch norms in.

    Raises:
        WeightsError: the file does not fit the network.
    """
    layers = network.convolutions
    shapes: list[tuple[int, ...]] = [
        (*layer.size, network[layer.inputs[0]].shape[-1], layer.shape[-1]) for layer in layers
    ]
    tap = network[network.outputs[-1]].inputs[0]
    read = read_weights(source, tap, shapes)
    return {layer.name: folded(weights) for layer, weights in zip(layers, read, strict=True)}


def read_weights(source: WeightsSource, tap: str, shapes: list[tuple[int, ...]]) -> Iterator[ConvWeights]:
    """Reads the convolutions up to a tap, one after the other.

    Args:
        source: from ``find_weights``.
        tap: the last layer that is needed.
        shapes: the kernel shapes that the network expects, in Keras's order of creation.

    Yields:
        The layers, whose arrays may be read-only.

    Raises:
        WeightsError: the file does not fit the network.
    """
    if source.path is None:
        yield from random_weights(shapes, source.seed)
        return
    check_tap(source, tap)
    if source.layout == "keras":
        yield from read_layers(source.path, shapes)
        return
    layers = read_graph(source.path).layers[: len(shapes)]
    check_layers(source.path, layers, shapes)
    yield from layers
