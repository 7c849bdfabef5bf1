"""Changes a network without changing what it computes: faster, or ready for int8."""

from __future__ import annotations

from dataclasses import replace

from graft_host.networks.layers import (
    LINEAR,
    Addition,
    AveragePool,
    Concatenation,
    Convolution,
    Depthwise,
    Layer,
    Network,
    Rectification,
    Requantization,
)


def pools_behind_convolutions(network: Network) -> Network:
    """Moves each average pool behind the 1 x 1 convolution that alone reads it.

    The two commute, because the weights of a mean add up to one and the convolution is the same at every position. The
    pool then works on the convolution's filters, which are fewer than its channels, and TFLite's int8 pool is slow. The
    activation moves with it: it comes last either way.

    Args:
        network: in which a pool and its convolution keep their names, so parameters stay those of the same layers.
    """
    swapped = movable_pools(network)
    names = {pool: convolution.name for pool, convolution in swapped.items()}
    layers: list[Layer] = []
    for layer in network.layers:
        if layer.name in names.values():
            continue
        if isinstance(layer, AveragePool) and layer.name in swapped:
            convolution = swapped[layer.name]
            shape = (*network[layer.inputs[0]].shape[:2], convolution.shape[-1])
            layers.append(replace(convolution, inputs=layer.inputs, shape=shape, activation=LINEAR))
            inputs = (convolution.name,)
            layers.append(replace(layer, inputs=inputs, shape=convolution.shape, activation=convolution.activation))
        else:
            layers.append(layer)
    behind = {convolution: pool for pool, convolution in names.items()}
    return _renamed_inputs(Network(tuple(layers), network.outputs), behind, skip=set(names))


def movable_pools(network: Network) -> dict[str, Convolution]:
    """The convolution behind which ``pools_behind_convolutions`` moves a pool, for each such pool by its name."""
    return {
        pool.name: convolution
        for pool in network.layers
        if isinstance(pool, AveragePool) and (convolution := _only_reader(network, pool)) is not None
    }


def ready_for_int8(network: Network) -> Network:
    """Takes activations off pools, and inserts a ``Requantization`` wherever an input cannot take a join's scale.

    An int8 join needs one scale for all its inputs. A convolution that only the join reads writes in that scale; a pool
    has the scale of its own input, and what others read too should keep the scale that suits it. So a scale never
    depends on what comes after a tap.
    """
    network = _activations_apart(network)
    layers: list[Layer] = []
    for layer in network.layers:
        if not isinstance(layer, Concatenation):
            layers.append(layer)
            continue
        inputs = []
        for name in layer.inputs:
            source = network[name]
            if _chooses_scale(source) and network.readers(name) == (layer,) and name not in network.outputs:
                inputs.append(name)
                continue
            copy = f"{name}/{layer.name}"
            if copy not in inputs:  # a join may read a layer more than once
                layers.append(Requantization(name=copy, inputs=(name,), shape=source.shape))
            inputs.append(copy)
        layers.append(replace(layer, inputs=tuple(inputs)))
    return Network(tuple(layers), network.outputs)


def _only_reader(network: Network, pool: AveragePool) -> Convolution | None:
    """The 1 x 1 convolution that alone reads a pool; None if there is none, or if the pool has more to do."""
    readers = network.readers(pool.name)
    if len(readers) != 1 or pool.activation != LINEAR or pool.name in network.outputs:
        return None
    (reader,) = readers
    if isinstance(reader, Convolution) and reader.size == (1, 1) and reader.stride == 1:
        return reader
    return None


def _chooses_scale(layer: Layer) -> bool:
    return isinstance(layer, (Convolution, Depthwise, Addition, Rectification))


def _activations_apart(network: Network) -> Network:
    """Replaces each average pool with an activation by one without, and a ``Rectification`` with the pool's name."""
    layers: list[Layer] = []
    for layer in network.layers:
        if isinstance(layer, AveragePool) and layer.activation != LINEAR and _alone_reads_linear(network, layer):
            pool = replace(layer, name=f"{layer.name}/linear", activation=LINEAR)
            rectification = Rectification(
                name=layer.name, inputs=(pool.name,), shape=layer.shape, activation=layer.activation
            )
            layers += [pool, rectification]
        else:
            layers.append(layer)
    return Network(tuple(layers), network.outputs)


def _alone_reads_linear(network: Network, pool: AveragePool) -> bool:
    """Whether a pool is the only reader of a convolution without activation."""
    source = network[pool.inputs[0]]
    alone = network.readers(source.name) == (pool,) and source.name not in network.outputs
    return isinstance(source, Convolution) and source.activation == LINEAR and alone


def _renamed_inputs(network: Network, names: dict[str, str], skip: set[str]) -> Network:
    """Replaces names of inputs, except in the layers of ``skip``."""

    def renamed(name: str) -> str:
        return names.get(name, name)

    layers = tuple(
        layer if layer.name in skip else replace(layer, inputs=tuple(map(renamed, layer.inputs)))
        for layer in network.layers
    )
    return Network(layers, tuple(map(renamed, network.outputs)))
