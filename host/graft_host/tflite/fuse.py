"""Fuses backbone and head into one network, by editing the backbone's flatbuffer."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_host.heads.head import Array, Head
from graft_host.heads.novelty import FARTHEST, SHARPNESS, Likeness, Novelty, Spread
from graft_host.support import flatbuffer
from graft_host.tflite.graph_editor import HEAD_BIAS, HEAD_WEIGHTS, JOINED, OUTPUT_NAME, GraphEditor
from graft_host.tflite.head_quantization import quantize_head
from graft_host.tflite.operators import check_versions


def fuse(
    backbone: bytes, head: Head, bottlenecks: Array, name: str = "the backbone", novelty: Novelty | None = None
) -> bytes:
    """Appends a head to a converted backbone, whose buffers are not changed; see ``fused_model``.

    Returns:
        A flatbuffer from the backbone's input to float32 probabilities ``[1,K]``.
    """
    return flatbuffer.pack(fused_model(backbone, head, bottlenecks, name, novelty))


def fused_model(
    backbone: bytes, head: Head, bottlenecks: Array, name: str = "the backbone", novelty: Novelty | None = None
) -> Any:
    """Appends a head to a converted backbone, whose buffers are not changed.

    On the int8 bottleneck of one tap the head's weights are int8 too. From the logits on everything is float32, so that
    the scores are not rounded to 256 steps. Several taps have several scales, so that everything from their bottlenecks
    on is float32.

    Args:
        backbone: a flatbuffer whose outputs are the bottlenecks ``[1,D]`` of its taps, int8 or float32.
        head: a head for these bottlenecks side by side.
        bottlenecks: the bottlenecks ``[N,ΣD]`` on which the int8 ranges are chosen.
        name: the backbone's name in error messages.
        novelty: shrinks the logits of unknown photos; None to leave all logits unchanged.

    Returns:
        A ``schema.ModelT`` from the backbone's input to float32 probabilities ``[1,K]``.

    Raises:
        ExportError: the backbone does not fit the head, or an operator is too new for tflite-runtime 2.14.0.
    """
    model = flatbuffer.unpack(backbone, name)
    graph = GraphEditor(model, name)
    length, classes = len(head.kernel), len(head.bias)
    graph.check_bottlenecks(length)
    if len(graph.outputs) == 1 and graph.quantized:
        (source,) = graph.outputs
        logits = graph.add_dequantize(_append_int8_logits(graph, head, bottlenecks), "head/float_logits", classes)
        if novelty is not None:
            source = graph.add_dequantize(source, "novelty/bottleneck", length)
    else:
        source = _float_bottleneck(graph, length)
        logits = _append_float_logits(graph, source, head)
    if novelty is not None:
        logits = _append_novelty(graph, source, logits, novelty, classes)
    output = graph.activation(OUTPUT_NAME, classes, np.float32)
    graph.add_softmax(logits, output, version=1)
    graph.set_output(output)
    graph.name_ends()
    check_versions(model)
    return model


def _float_bottleneck(graph: GraphEditor, length: int) -> int:
    """The bottlenecks side by side in float32, ``[1, length]``."""
    sources = list(graph.outputs)
    if graph.quantized:
        lengths = [int(bottleneck.shape[1]) for bottleneck in graph.bottlenecks]
        sources = [
            graph.add_dequantize(source, f"{JOINED.decode()}_{place}", lengths[place])
            for place, source in enumerate(sources)
        ]
    return graph.add_join(sources, JOINED.decode(), length) if len(sources) > 1 else sources[0]


def _append_int8_logits(graph: GraphEditor, head: Head, bottlenecks: Array) -> int:
    (source,), (bottleneck,) = graph.outputs, graph.bottlenecks
    input_scale = float(bottleneck.quantization.scale[0])
    quantized = quantize_head(head, bottlenecks, input_scale)
    scale = quantized.weight_scale
    weights = graph.constant(HEAD_WEIGHTS.decode(), quantized.weights, scale)
    bias = graph.constant(HEAD_BIAS.decode(), quantized.bias, input_scale * scale)
    logits = graph.activation(
        "head/logits", len(quantized.bias), np.int8, quantized.output_scale, quantized.output_zero_point
    )
    graph.add_fully_connected([source, weights, bias], logits, version=4)
    return logits


def _append_float_logits(graph: GraphEditor, source: int, head: Head) -> int:
    weights = graph.constant(HEAD_WEIGHTS.decode(), np.ascontiguousarray(head.kernel.T))
    bias = graph.constant(HEAD_BIAS.decode(), head.bias)
    logits = graph.activation("head/logits", len(head.bias), np.float32)
    graph.add_fully_connected([source, weights, bias], logits, version=1)
    return logits


def _append_novelty(graph: GraphEditor, source: int, logits: int, novelty: Novelty, classes: int) -> int:
    """Appends exp(-c · RELU6(a · distance - a · start)) · logits, which equals ``novelty.shrink``.

    With likeness to photos of none of the classes it is exp(-c · RELU6(RELU6(a · distance - a · start) + RELU6(a ·
    likeness))) · logits.
    """
    operators, options = schema.BuiltinOperator, schema.BuiltinOptions
    slope = SHARPNESS * (6 / FARTHEST)
    if novelty.spread.root:
        source = _append_roots(graph, source, len(novelty.spread.mean))
    terms, weights = _append_squares(graph, source, novelty.spread, np.float32(slope / novelty.start))
    weight = graph.constant("novelty/weight", weights)
    start = graph.constant("novelty/start", np.array([-slope], np.float32))
    back = graph.constant("novelty/back", np.array([[-FARTHEST / 6]], np.float32))
    beyond = graph.activation("novelty/beyond", 1, np.float32)
    graph.add_fully_connected([terms, weight, start], beyond, version=1, relu6=True)
    if novelty.likeness is not None:
        beyond = _append_likeness(graph, source, beyond, novelty.likeness, slope)
    exponent = graph.activation("novelty/exponent", 1, np.float32)
    graph.add(operators.MUL, 1, [beyond, back], exponent, options.MulOptions, schema.MulOptionsT())
    factor = graph.activation("novelty/factor", 1, np.float32)
    graph.add(operators.EXP, 1, [exponent], factor, options.ExpOptions, schema.ExpOptionsT())
    shrunk = graph.activation("novelty/logits", classes, np.float32)
    graph.add(operators.MUL, 1, [logits, factor], shrunk, options.MulOptions, schema.MulOptionsT())
    return shrunk


def _append_squares(graph: GraphEditor, source: int, spread: Spread, unit: np.float32) -> tuple[int, Array]:
    """Appends the squares that a distance is the sum of.

    Returns:
        The tensor of the squares ``[1,M]``, and their weights ``[1,M]`` in the distance times ``unit``.
    """
    operators, options = schema.BuiltinOperator, schema.BuiltinOptions
    length = len(spread.mean)
    mean = graph.constant("novelty/mean", spread.mean[np.newaxis])
    squares = graph.activation("novelty/squares", length, np.float32)
    graph.add(
        operators.SQUARED_DIFFERENCE, 1, [source, mean], squares,
        options.SquaredDifferenceOptions, schema.SquaredDifferenceOptionsT(),
    )  # fmt: skip
    weights = (spread.weight * unit)[np.newaxis]
    if spread.directions is None:
        return squares, weights
    count = len(spread.directions)
    scaled = spread.directions * np.sqrt(unit)
    directions = graph.constant("novelty/directions", scaled)
    offset = graph.constant("novelty/offset", -(scaled.astype(np.float64) @ spread.mean).astype(np.float32))
    parts = graph.activation("novelty/parts", count, np.float32)
    graph.add_fully_connected([source, directions, offset], parts, version=1)
    inside = graph.activation("novelty/inside", count, np.float32)
    graph.add(operators.MUL, 1, [parts, parts], inside, options.MulOptions, schema.MulOptionsT())
    terms = graph.add_join([squares, inside], "novelty/terms", length + count)
    return terms, np.concatenate([weights, np.full((1, count), -1, np.float32)], axis=1)


def _append_likeness(graph: GraphEditor, source: int, beyond: int, likeness: Likeness, slope: float) -> int:
    """Appends what likeness to photos of none of the classes adds to the exponent."""
    weight = graph.constant("novelty/likeness_weight", (likeness.weight * np.float32(slope))[np.newaxis])
    start = graph.constant("novelty/likeness_start", np.array([slope * likeness.bias], np.float32))
    alike = graph.activation("novelty/likeness", 1, np.float32)
    graph.add_fully_connected([source, weight, start], alike, version=1, relu6=True)
    both = graph.activation("novelty/both", 1, np.float32)
    graph.add_sum(beyond, alike, both)
    return both


def _append_roots(graph: GraphEditor, source: int, length: int) -> int:
    """Appends square roots; numbers below 0, which the bottlenecks of a root have not had, count as 0."""
    operators, options = schema.BuiltinOperator, schema.BuiltinOptions
    positive = graph.activation("novelty/positive", length, np.float32)
    graph.add(operators.RELU, 1, [source], positive, options.NONE, None)
    roots = graph.activation("novelty/roots", length, np.float32)
    graph.add(operators.SQRT, 1, [positive], roots, options.NONE, None)
    return roots
