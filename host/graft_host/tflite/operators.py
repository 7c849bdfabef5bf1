"""Lists the operators of a ``.tflite``, and whether the oldest runtime that graftkit supports has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from graft_device.errors import ExportError
from graft_host.support import flatbuffer

OLDEST_RUNTIME = "tflite-runtime 2.14.0"

# What tflite-runtime 2.14.0 registers, found by offering it every operator in every version, which
# tests/host/tflite/test_operators.py repeats: version 1 of the builtin numbers up to this one, except the gaps.
LAST_BUILTIN = 161
BUILTIN_GAPS = frozenset({29, 31, 32, 51, 127})

# The newest versions of the operators that have several.
NEWEST_VERSIONS = {
    name: version
    for version, names in {
        2: "DEPTH_TO_SPACE DIV EXP FAKE_QUANT FLOOR_MOD GELU GREATER L2_NORMALIZATION LEAKY_RELU LESS_EQUAL "
        "LOG_SOFTMAX RANGE REDUCE_PROD RSQRT SELECT_V2 SIGN SPACE_TO_DEPTH SPLIT_V SQUARED_DIFFERENCE SQUEEZE SUM "
        "WHERE",
        3: "ARG_MAX ARG_MIN AVERAGE_POOL_2D BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN BROADCAST_TO "
        "EMBEDDING_LOOKUP FLOOR_DIV GREATER_EQUAL LESS LOGISTIC MAX_POOL_2D MEAN MIRROR_PAD NOT_EQUAL QUANTIZE "
        "REDUCE_MAX REDUCE_MIN RELU RELU6 REVERSE_V2 RNN SOFTMAX SPARSE_TO_DENSE TANH TILE TOPK_V2 "
        "UNIDIRECTIONAL_SEQUENCE_RNN",
        4: "BATCH_MATMUL BATCH_TO_SPACE_ND CONCATENATION EQUAL FILL GATHER_ND LSTM MAXIMUM MINIMUM PACK PAD PADV2 "
        "RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SELECT SPACE_TO_BATCH_ND SPLIT SVDF TRANSPOSE_CONV "
        "UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK",
        5: "ABS ADD CAST DEQUANTIZE SUB",
        6: "GATHER SLICE TRANSPOSE",
        7: "CONV_2D DEPTHWISE_CONV_2D MUL",
        8: "STRIDED_SLICE",
        10: "FULLY_CONNECTED",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True)
class Operator:
    """An operator of a model.

    Attributes:
        name: as in the schema, such as ``CONV_2D``.
        version: of the operator.
        count: number of uses in the model.
        supported: whether the oldest runtime has this version.
    """

    name: str
    version: int
    count: int
    supported: bool


def operators(model: Any) -> list[Operator]:
    """Lists the operators of a ``schema.ModelT``, in the order of their codes."""
    uses = Counter(int(node.opcodeIndex) for graph in model.subgraphs for node in graph.operators)
    return [
        Operator(flatbuffer.operator_name(code), int(code.version), uses[index], _supported(code))
        for index, code in enumerate(model.operatorCodes)
    ]


def check_versions(model: Any) -> None:
    """Raises ExportError if tflite-runtime 2.14.0 would refuse an operator; the message names it."""
    unknown = [f"{op.name} version {op.version}" for op in operators(model) if not op.supported]
    if unknown:
        raise ExportError(
            f"boards could not run this model, because {OLDEST_RUNTIME} does not support {', '.join(unknown)}",
            "train again with --recalibrate, or choose another --quantize",
        )


def _supported(code: Any) -> bool:
    number = flatbuffer.builtin(code)
    if number > LAST_BUILTIN or number in BUILTIN_GAPS:
        return False
    first = 2 if flatbuffer.operator_name(code) == "BROADCAST_TO" else 1
    return first <= int(code.version) <= NEWEST_VERSIONS.get(flatbuffer.operator_name(code), 1)
