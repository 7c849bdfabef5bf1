"""Reads Inception-v3 as Google released it in 2015: the frozen graph ``tensorflow_inception_graph.pb``.

Another name of the file is ``classify_image_graph_def.pb``. The reader follows the wires from the joins of the branches
back to the pixels, so it reads the numbers that TensorFlow would compute with. It refuses a graph that computes
something other than Inception-v3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from graft_device.errors import WeightsError
from graft_device.system.plain import open_plain
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS
from graft_host.backbones.inception_v3.graph_2015.branches import FARTHEST, Branch, floats, source, trace_branches
from graft_host.backbones.inception_v3.graph_2015.graphdef import GraphError, Node, read_nodes, shown
from graft_host.backbones.inception_v3.graph_2015.wire import WireError
from graft_host.backbones.inception_v3.layer_weights import ConvWeights
from graft_host.support.mapped import mapped

_ADVICE = (
    "give tensorflow_inception_graph.pb (classify_image_graph_def.pb) of inception-2015-12-05.tgz, "
    "or a Keras notop .h5 file"
)
_LARGEST = 1 << 31  # protobuf's own limit

# Szegedy et al. 2015 (arXiv 1512.00567), with the widths of the release. A block's branches in the order in which they
# are joined: kernel and filters of each step, "/2" for steps of 2 and "/v" for steps of 1 without padding; pooling is
# over 3 x 3. A branch that forks is listed twice, and the stem is listed before each branch of the first block.
_STEM = "3x3x32/2 3x3x32/v 3x3x64 max/2 1x1x80 3x3x192/v max/2 "
_FINE = "1x1x64, 1x1x48 5x5x64, 1x1x64 3x3x96 3x3x96, avg 1x1x%d"
_MIDDLE = "1x1x192, 1x1x{0} 1x7x{0} 7x1x192, 1x1x{0} 7x1x{0} 1x7x{0} 7x1x{0} 1x7x192, avg 1x1x192"
_COARSE = "1x1x320, 1x1x384 1x3x384, 1x1x384 3x1x384, 1x1x448 3x3x384 1x3x384, 1x1x448 3x3x384 3x1x384, {pool} 1x1x192"
_BLOCKS = {
    "mixed/join": _STEM + (_FINE % 32).replace(", ", f", {_STEM}"),
    "mixed_1/join": _FINE % 64,
    "mixed_2/join": _FINE % 64,
    "mixed_3/join": "3x3x384/2, 1x1x64 3x3x96 3x3x96/2, max/2",
    "mixed_4/join": _MIDDLE.format(128),
    "mixed_5/join": _MIDDLE.format(160),
    "mixed_6/join": _MIDDLE.format(160),
    "mixed_7/join": _MIDDLE.format(192),
    "mixed_8/join": "1x1x192 3x3x320/2, 1x1x192 1x7x192 7x1x192 3x3x192/2, max/2",
    "mixed_9/join": _COARSE.format(pool="avg"),
    "mixed_10/join": _COARSE,
}
_OTHER_NETWORKS = {
    "conv2d0": "Inception v1 (the file in inception5h.zip has the same name)",
    "mixed3a": "Inception v1 (the file in inception5h.zip has the same name)",
    "MobilenetV": "MobileNet",
    "InceptionV3/": "Inception-v3 as TF-slim lays it out",
}
_BEFORE_SCALING = {"ResizeBilinear", "ExpandDims", "Cast"}  # these leave pixels between 0 and 255
_PIXELS = {"DecodeJpeg", "Placeholder", "PlaceholderWithDefault"}


@dataclass(frozen=True)
class Graph:
    """The contents of a graph of 2015.

    Attributes:
        layers: its convolutions in Keras's order of creation, up to the last join that it has.
        mean: subtracted from pixels (0 to 255).
        std: what pixels are divided by after that.
        last_pool: what the pooling branch of mixed10 takes: ``avg``, or ``max`` as in the release. It is ``avg`` for a
            graph that ends before.
    """

    layers: list[ConvWeights]
    mean: float
    std: float
    last_pool: str


def read_graph(path: Path) -> Graph:
    """Reads a frozen graph that is laid out like the release, whole or cut off after any of its joins.

    Kernels are read-only views of the file, which is read where they are used. ``check_layers`` checks their numbers.

    Args:
        path: the ``.pb`` file.

    Raises:
        WeightsError: it is another network or another kind of file, damaged or cut short.
    """
    try:
        if path.stat().st_size >= _LARGEST:
            raise GraphError("is larger than a graph can be")
        with open_plain(path) as file:
            return _read(read_nodes(mapped(file)))
    except GraphError as error:
        raise WeightsError(f"{path} {error}", _ADVICE) from error
    except WireError as error:
        raise WeightsError(f"{path} is damaged ({error})", _ADVICE) from error
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}") from error


def _read(nodes: dict[str, Node]) -> Graph:
    if "mixed/join" not in nodes:
        raise GraphError(_another_network(nodes))
    start = trace_branches(nodes, nodes["mixed/join"])[0].start
    mean, std = _scaling(nodes, start)
    layers: dict[str, ConvWeights] = {}
    width, pool = 3, "avg"
    for (name, block), convolutions in zip(_BLOCKS.items(), CONVOLUTIONS.values()):
        join = nodes.get(name)
        if join is None:
            break
        branches = trace_branches(nodes, join)
        pool = "max" if "max" in branches[-1].kinds.split() else "avg"
        _check_block(name, branches, block.format(pool=pool), start)
        width = sum(_check_width(branch, width) for branch in branches)
        layers |= {step.name: step.layer for branch in branches for step in branch.steps if step.layer}
        if len(layers) != convolutions:
            raise GraphError(f"is not Inception-v3: it has {len(layers)} convolutions up to {name}, not {convolutions}")
        start = join
    return Graph(list(layers.values()), mean, std, pool)


def _another_network(nodes: dict[str, Node]) -> str:
    for prefix, network in _OTHER_NETWORKS.items():
        if any(name.startswith(prefix) for name in nodes):
            return f"is {network}, not the Inception-v3 graph of 2015"
    names = [shown(name) for name in nodes]
    return f"is a graph of another network (from {names[0]} to {names[-1]}), not Inception-v3 of 2015"


def _check_block(name: str, branches: list[Branch], block: str, start: Node) -> None:
    """Checks that the branches of a join are those of Inception-v3."""
    expected = block.split(", ")
    for number, (branch, kinds) in enumerate(zip_longest(branches, expected), 1):
        if branch is None or kinds is None:
            raise GraphError(f"is not Inception-v3: {name} joins {len(branches)} branches, not {len(expected)}")
        if branch.start.name != start.name:
            raise GraphError(
                f"is not Inception-v3: branch {number} of {name} starts at {shown(branch.start.name)} "
                f"({shown(branch.start.op)}), not at {shown(start.name)}"
            )
        if branch.kinds != kinds:
            raise GraphError(f"is not Inception-v3: branch {number} of {name} is {shown(branch.kinds)}, not {kinds}")


def _check_width(branch: Branch, width: int) -> int:
    """Checks the input channels of each kernel of a branch, and returns the number of channels at its end."""
    for step in branch.steps:
        if step.layer is not None:
            inputs, outputs = step.layer.kernel.shape[2:]
            if inputs != width:
                raise GraphError(f"is not Inception-v3: {shown(step.name)} takes {inputs} channels, not {width}")
            width = outputs
    return width


def _scaling(nodes: dict[str, Node], node: Node) -> tuple[float, float]:
    """Mean and deviation that pixels are scaled by, before the first step of the first branch."""
    difference = source(nodes, node, 0) if node.op == "Mul" else node
    if node.op != "Mul" or difference.op != "Sub":
        where = f"its branches start at {shown(node.name)} ({shown(node.op)})"
        raise GraphError(f"is not as it was released: {where}, not at pixels scaled by Sub and Mul")
    pixels = source(nodes, difference, 0)
    for _ in range(FARTHEST):
        if pixels.op not in _BEFORE_SCALING:
            break
        pixels = source(nodes, pixels, 0)
    if pixels.op not in _PIXELS:
        raise GraphError(f"does not start with pixels, but with {shown(pixels.name)} ({shown(pixels.op)})")
    mean, factor = floats(nodes, difference, 1), floats(nodes, node, 1)
    if mean.size != 1 or factor.size != 1 or not math.isfinite(mean.item()) or not 0 < factor.item() < math.inf:
        raise GraphError(f"is damaged: {shown(node.name)} does not scale pixels by one number")
    return float(mean.item()), 1 / float(factor.item())
