"""Follows the wires of a frozen convolutional network: which steps lead to a join of branches, with their weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.inception_v3.graph_2015.graphdef import GraphError, Node, shown
from graft_host.backbones.inception_v3.layer_weights import EPSILON, ConvWeights

FARTHEST = 100
"""Longer than any path between two joins, so that wires in a circle are noticed."""

_POOLS = {"AvgPool": "avg", "MaxPool": "max"}
_WINDOWS = {"1x1x1x1 SAME": "", "1x1x1x1 VALID": "/v", "1x2x2x1 VALID": "/2"}
_CHANNELS = 3
_KERNEL_AXES = 4


@dataclass(frozen=True)
class Step:
    """One step of a branch: a convolution with its batch norm and ReLU, or a pooling.

    Attributes:
        name: of its last node.
        kind: kernel height x width x filters, or ``avg`` or ``max`` over 3 x 3; then nothing for steps of 1 with
            padding, ``/v`` for steps of 1 without, ``/2`` for steps of 2 without.
        layer: the weights of a convolution.
    """

    name: str
    kind: str
    layer: ConvWeights | None = None


@dataclass(frozen=True)
class Branch:
    """The path to one input of a join.

    Attributes:
        start: the node before the first step: the previous join, or the node that scales pixels.
        steps: in the order in which they are computed.
    """

    start: Node
    steps: list[Step]

    @property
    def kinds(self) -> str:
        """The kinds of all steps, separated by spaces."""
        return " ".join(step.kind for step in self.steps)


def trace_branches(nodes: dict[str, Node], join: Node) -> list[Branch]:
    """Follows all inputs of a join back to where its block starts.

    Args:
        nodes: the graph, by name.
        join: a ``Concat``.

    Raises:
        GraphError: it does not join channels, or a branch contains something that Inception-v3 does not have.
    """
    if join.op != "Concat" or source(nodes, join, 0).tensor().tolist() != _CHANNELS or not join.inputs[1:]:
        raise GraphError(f"is not Inception-v3: {shown(join.name)} does not join channels")
    return [_branch(nodes, join, place) for place in range(1, len(join.inputs))]


def source(nodes: dict[str, Node], node: Node, place: int) -> Node:
    """The node that an input of a node comes from; nodes that only pass it on are skipped.

    Args:
        nodes: the graph, by name.
        node: whose input.
        place: which input, from 0.

    Raises:
        GraphError: there is none.
    """
    for _ in range(FARTHEST):
        name = node.inputs[place] if place < len(node.inputs) else ""
        if name not in nodes:
            raise GraphError(f"is damaged: {shown(node.name)} takes {shown(name) or 'nothing'}, which is not there")
        node, place = nodes[name], 0
        if node.op != "Identity":
            return node
    raise GraphError(f"is damaged: what leads to {shown(node.name)} goes in a circle")


def floats(nodes: dict[str, Node], node: Node, place: int) -> NDArray[np.float32]:
    """The constant that an input of a node is, float32."""
    return source(nodes, node, place).tensor().astype(np.float32, copy=False)


def _branch(nodes: dict[str, Node], join: Node, place: int) -> Branch:
    steps: list[Step] = []
    node = source(nodes, join, place)
    for _ in range(FARTHEST):
        if node.op == "Relu":
            step, before = _convolution(nodes, node)
        elif node.op in _POOLS:
            step, before = Step(node.name, _pooling(node)), node
        else:
            return Branch(node, steps[::-1])
        steps.append(step)
        node = source(nodes, before, 0)
    raise GraphError(f"is not Inception-v3: what leads to {shown(join.name)} goes in a circle")


def _convolution(nodes: dict[str, Node], relu: Node) -> tuple[Step, Node]:
    """The convolution and batch norm before a ReLU, as one step, and the node of the convolution."""
    norm = source(nodes, relu, 0)
    if norm.op != "BatchNormWithGlobalNormalization":
        what = f"{shown(relu.name)} follows a {shown(norm.op)}, not a batch norm"
        raise GraphError(f"is not as it was released, or was changed by a tool: {what}")
    if norm.flag("scale_after_normalization"):  # the network that takes the weights has no gamma
        raise GraphError(f"is not as it was released: {shown(norm.name)} scales by its gamma")
    if np.float32(norm.number("variance_epsilon")) != EPSILON:
        what = f"{shown(norm.name)} adds {norm.number('variance_epsilon'):.6g} to variances"
        raise GraphError(f"is not as it was released: {what}, not {EPSILON}")
    conv = source(nodes, norm, 0)
    if conv.op != "Conv2D":
        raise GraphError(f"is not Inception-v3: {shown(norm.name)} follows a {shown(conv.op)}, not a convolution")
    kernel = floats(nodes, conv, 1)
    if kernel.ndim != _KERNEL_AXES:
        raise GraphError(f"is not Inception-v3: the kernel of {shown(conv.name)} is {list(kernel.shape)}")
    mean, variance, beta = (floats(nodes, norm, place) for place in (1, 2, 3))
    height, width, _, filters = kernel.shape
    window = _window(conv)
    if (height, width, window) == (1, 1, "/v"):
        window = ""  # there is nothing to pad
    return Step(relu.name, f"{height}x{width}x{filters}{window}", ConvWeights(kernel, beta, mean, variance)), conv


def _pooling(node: Node) -> str:
    size = "x".join(map(str, node.integers("ksize")))
    return _POOLS[node.op] + ("" if size == "1x3x3x1" else size) + _window(node)


def _window(node: Node) -> str:
    """How a window moves: as in ``Step.kind``, or in other words if it moves otherwise."""
    moves = f"{'x'.join(map(str, node.integers('strides')))} {node.text('padding')}"
    if node.text("data_format") in {"", "NHWC"} and set(node.integers("dilations")) <= {1}:
        return _WINDOWS.get(moves, f"/{moves}")
    return "/?"
