"""Model files that are damaged or made to do harm."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.model import CARD_NAME, LABELS_NAME
from graft_device.model.golden import GOLDEN_NAME, Golden
from graft_host.support import flatbuffer
from tests.support.device_models import make_card, network

if TYPE_CHECKING:
    from pathlib import Path

NETWORK = network()
CARD = json.loads(make_card().to_json())


def card_text(**changes: Any) -> bytes:
    """A card's text with fields changed."""
    return json.dumps({**CARD, **changes}).encode()


def card_with(value: str, *keys: str) -> bytes:
    """A card's text with one value, given as it is written in JSON, at the place that the keys lead to."""
    changed = json.loads(json.dumps(CARD))
    inner = changed
    for key in keys[:-1]:
        inner = inner.setdefault(key, {})
    inner[keys[-1]] = "PLACE"
    return json.dumps(changed).replace('"PLACE"', value).encode()


def write_files(path: Path, files: dict[str, bytes], net: bytes = NETWORK, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """Writes a network with a zip of files behind it; labels and card are right unless given."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as packed:
        for name, data in {LABELS_NAME: b"red\ngreen\nblue\n", CARD_NAME: card_text(), **files}.items():
            packed.writestr(name, data)
    path.write_bytes(net + memory.getvalue())
    return path


def write_bomb(path: Path, name: str, size: int, declared: int | None = None) -> Path:
    """Writes a model one of whose entries unpacks to ``size`` zeros, which its directory may declare to be fewer."""
    packed = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1 << 20)
    data = b"".join([packed.compress(block) for _ in range(size >> 20)]) + packed.flush()
    entries = {LABELS_NAME: b"red\ngreen\nblue\n", CARD_NAME: card_text()}
    parts, directory, offset = [NETWORK], [], len(NETWORK)
    for entry, content in {**entries, name: data}.items():
        method, stored = (8, content) if entry == name else (0, content)
        length = (size if declared is None else declared) if entry == name else len(content)
        crc = 0 if entry == name else zlib.crc32(content)
        fields = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 33, crc, len(stored), length, len(entry), 0)
        parts += [b"PK\x03\x04", fields, entry.encode(), stored]
        extra = struct.pack("<HHHII", 0, 0, 0, 0, offset - len(NETWORK))
        directory.append(b"PK\x01\x02" + struct.pack("<H", 20) + fields + extra + entry.encode())
        offset += 4 + len(fields) + len(entry) + len(stored)
    listing = b"".join(directory)
    end = struct.pack("<HHHHIIH", 0, 0, len(directory), len(directory), len(listing), offset - len(NETWORK), 0)
    path.write_bytes(b"".join([*parts, listing, b"PK\x05\x06", end]))
    return path


def write_with_checksum(path: Path, net: bytes) -> Path:
    """Writes a network with labels, card and its right checksum, as somebody who means harm would."""
    golden = Golden(len(net), hashlib.sha256(net).hexdigest(), ())
    return write_files(path, {GOLDEN_NAME: golden.to_json().encode()}, net)


def write_crasher(path: Path) -> Path:
    """Writes a model whose network crashes an interpreter."""
    return write_with_checksum(path, NETWORK[:8] + b"\xff" * (len(NETWORK) - 8))


def write_hungry(path: Path, gigabytes: int = 8) -> Path:
    """Writes a model of a few kilobytes whose network takes gigabytes when it is opened."""
    return write_with_checksum(path, _with_matrix([gigabytes * 1000, 250_000], 0))


def write_slow(path: Path) -> Path:
    """Writes a model whose network computes for minutes."""
    return write_with_checksum(path, _with_matrix([2500, 2500], 400))


def _with_matrix(shape: list[int], products: int) -> bytes:
    """The network, and beside it a float32 matrix that is multiplied by itself so many times."""
    model = flatbuffer.unpack(NETWORK, "a network")
    graph, codes = model.subgraphs[0], schema.BuiltinOperator

    def add_tensor(name: bytes, dims: list[int], kind: int, data: bytes = b"") -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, np.array(dims, np.int32), kind, 0
        if data:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data, np.uint8)
            model.buffers.append(buffer)
            tensor.buffer = len(model.buffers) - 1
        graph.tensors.append(tensor)
        return len(graph.tensors) - 1

    def add_operator(code: int, inputs: list[int], output: int, kind: int, options: Any) -> None:
        entry = schema.OperatorCodeT()
        entry.builtinCode, entry.deprecatedBuiltinCode, entry.version = code, code, 1
        model.operatorCodes.append(entry)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes) - 1
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        graph.operators.append(operator)

    dims = add_tensor(b"dims", [2], schema.TensorType.INT32, np.array(shape, "<i4").tobytes())
    value = add_tensor(b"value", [], schema.TensorType.FLOAT32, np.array(0.5, "<f4").tobytes())
    matrix = add_tensor(b"matrix", shape, schema.TensorType.FLOAT32)
    options = schema.BuiltinOptions
    add_operator(codes.FILL, [dims, value], matrix, options.FillOptions, schema.FillOptionsT())
    last = matrix
    for number in range(products):
        product = add_tensor(b"product %d" % number, shape, schema.TensorType.FLOAT32)
        kind = options.BatchMatMulOptions
        add_operator(codes.BATCH_MATMUL, [last, matrix], product, kind, schema.BatchMatMulOptionsT())
        last = product
    axes = add_tensor(b"both", [2], schema.TensorType.INT32, np.array([0, 1], "<i4").tobytes())
    mean = add_tensor(b"mean", [], schema.TensorType.FLOAT32)
    add_operator(codes.MEAN, [last, axes], mean, options.ReducerOptions, schema.ReducerOptionsT())
    total = add_tensor(b"total", [1, 3], schema.TensorType.FLOAT32)
    add_operator(codes.ADD, [int(graph.outputs[0]), mean], total, options.AddOptions, schema.AddOptionsT())
    graph.outputs = np.array([total], np.int32)
    return flatbuffer.pack(model)
