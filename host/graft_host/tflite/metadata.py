"""Adds labels, model card and TFLite Metadata to a model file.

Card and labels are a zip after the flatbuffer. The standard metadata buffer inside the flatbuffer names the labels, so
that MediaPipe, the Task Library and Android Studio open the file as an image classifier. The field numbers below are
those of TensorFlow Lite Support's ``metadata_schema.fbs``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import Builder

from graft_device.model import CARD_NAME, LABELS_NAME, ModelCard
from graft_device.model.packing import pack_zip
from graft_host.backbones.registry import title_of_card
from graft_host.support import flatbuffer

METADATA_NAME = b"TFLITE_METADATA"
_IDENTIFIER = b"M001"
_MIN_PARSER_VERSION = "1.0.0"
_AXIS_LABELS = 2  # AssociatedFileType.TENSOR_AXIS_LABELS
_RGB = 1  # ColorSpaceType.RGB
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2  # union ContentProperties
_NORMALIZATION = 1  # union ProcessUnitOptions


def attach(network: bytes, labels: Sequence[str], card: ModelCard) -> bytes:
    """Makes the artifact: a fused flatbuffer with its metadata, followed by the archive."""
    return add_metadata(network, card) + archive(labels, card)


def add_metadata(network: bytes, card: ModelCard) -> bytes:
    """Adds the standard metadata to a fused flatbuffer; it contains none of the card's test results."""
    model = flatbuffer.unpack(network, "the fused model")
    insert_metadata(model, card)
    return flatbuffer.pack(model)


def insert_metadata(model: Any, card: ModelCard) -> None:
    """Adds the standard metadata to a ``schema.ModelT``; it contains none of the card's test results."""
    quantized = model.subgraphs[0].tensors[model.subgraphs[0].inputs[0]].type == schema.TensorType.UINT8
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(_metadata(card, quantized=quantized), np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers) - 1
    model.metadata = [entry]


def archive(labels: Sequence[str], card: ModelCard, extras: Mapping[str, bytes] | None = None) -> bytes:
    """Makes the zip that follows the flatbuffer.

    Args:
        labels: the labels in the order of the output, none with a line break.
        card: the model card.
        extras: contents of further files, by name.

    Returns:
        A zip with ``labels.txt`` and ``graft.json``; the same labels and card always give the same bytes.
    """
    texts = {LABELS_NAME: "".join(f"{label}\n" for label in labels), CARD_NAME: card.to_json()}
    return pack_zip({**{name: text.encode() for name, text in texts.items()}, **(extras or {})})


def _metadata(card: ModelCard, *, quantized: bool) -> bytes:
    builder = Builder(1024)
    graph = _table(
        builder,
        9,
        {
            2: _tables(builder, [_input_metadata(builder, card, quantized=quantized)]),
            3: _tables(builder, [_output_metadata(builder)]),
        },
    )
    title = title_of_card(card.backbone.get("name"))
    fields = {
        0: builder.CreateString("image classifier"),
        1: builder.CreateString(f"{title} up to {card.tap} with a head trained by graftkit {card.kit_version}"),
        2: builder.CreateString("1"),
        3: _tables(builder, [graph]),
        7: builder.CreateString(_MIN_PARSER_VERSION),
    }
    builder.Finish(_table(builder, 8, fields), _IDENTIFIER)
    return bytes(builder.Output())


def _input_metadata(builder: Builder, card: ModelCard, *, quantized: bool) -> int:
    properties = _image_properties(builder, card.image_size)
    fields = {
        0: builder.CreateString("image"),
        1: builder.CreateString(f"RGB photo, {card.image_size} x {card.image_size}"),
        3: _content(builder, _IMAGE_PROPERTIES, properties),
        5: _stats(builder, card, quantized=quantized),
    }
    if not quantized:
        options = _table(builder, 2, {0: _floats(builder, [card.mean]), 1: _floats(builder, [card.std])})
        fields[4] = _tables(builder, [_union(builder, 2, _NORMALIZATION, options)])
    return _table(builder, 7, fields)


def _output_metadata(builder: Builder) -> int:
    labels = _labels_file(builder)
    fields = {
        0: builder.CreateString("probability"),
        1: builder.CreateString("Probability of each label"),
        3: _content(builder, _FEATURE_PROPERTIES, _table(builder, 0, {})),
        5: _table(builder, 2, {0: _floats(builder, [1.0]), 1: _floats(builder, [0.0])}),
        6: _tables(builder, [labels]),
    }
    return _table(builder, 7, fields)


def _labels_file(builder: Builder) -> int:
    # Part of every model file: another text would change the bytes of all files.
    name, description = builder.CreateString(LABELS_NAME), builder.CreateString("Labels, one a line")
    builder.StartObject(5)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependUOffsetTRelativeSlot(1, description, 0)
    builder.PrependInt8Slot(2, _AXIS_LABELS, 0)
    return int(builder.EndObject())


def _image_properties(builder: Builder, size: int) -> int:
    builder.StartObject(2)
    builder.PrependUint32Slot(0, size, 0)
    builder.PrependUint32Slot(1, size, 0)
    default_size = builder.EndObject()
    builder.StartObject(2)
    builder.PrependInt8Slot(0, _RGB, 0)
    builder.PrependUOffsetTRelativeSlot(1, default_size, 0)
    return int(builder.EndObject())


def _stats(builder: Builder, card: ModelCard, *, quantized: bool) -> int:
    low, high = (0.0, 255.0) if quantized else ((0 - card.mean) / card.std, (255 - card.mean) / card.std)
    return _table(builder, 2, {0: _floats(builder, [high]), 1: _floats(builder, [low])})


def _content(builder: Builder, kind: int, properties: int) -> int:
    return _union(builder, 3, kind, properties)


def _union(builder: Builder, fields: int, kind: int, value: int) -> int:
    """A table whose first two fields are a union: its type and its value."""
    builder.StartObject(fields)
    builder.PrependUint8Slot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(1, value, 0)
    return int(builder.EndObject())


def _table(builder: Builder, fields: int, offsets: dict[int, int]) -> int:
    builder.StartObject(fields)
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())


def _tables(builder: Builder, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Builder, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
