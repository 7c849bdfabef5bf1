"""Has the float network of a model built with Keras and saved, in a process of its own."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graft_device.errors import ExportError
from graft_device.model import LABELS_NAME, ModelFile
from graft_device.system.plain import read_plain
from graft_host.backbones.family import WeightsSource
from graft_host.backbones.in_tensorflow.weights_request import to_request
from graft_host.export.format import Source
from graft_host.export.shipped_head import read_head
from graft_host.heads.head import Array
from graft_host.networks.parameters import Parameters, named_arrays
from graft_host.support import flatbuffer
from graft_host.support.outside.isolated import JobError, call_quietly
from graft_host.tflite.tuned_tail import tuned_parameters

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def build(source: Source, kind: str, head: Path, product: Path) -> None:
    """Writes the float network from pixels to probabilities. Its head is that of the file, and so is a fine-tuned tail.

    Args:
        source: with weights.
        kind: ``keras`` or ``saved-model``.
        head: where the head and the tail are kept while the network is built.
        product: the file or folder to write.

    Raises:
        OSError: the disk is full.
        ModelError: the file has no head that can be read.
        ExportError: it failed in another way.
    """
    assert source.weights is not None  # noqa: S101  formats that call this use weights
    model = source.model
    kernel, bias = read_head(model.path)
    tail = named_arrays(tail_of(source.weights, model))
    head.write_bytes(_packed({"kernel": kernel, "bias": bias, **tail}))
    request: dict[str, Any] = {
        "weights": to_request(source.weights),
        "tap": model.card.tap,
        "image_size": model.card.image_size,
        "format": kind,
        "head": str(head),
        "output": str(product),
    }
    try:
        call_quietly("graft_host.export.keras_export", request)
    except JobError as error:
        if error.errno in _NO_ROOM:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise ExportError(f"{model.path} could not be exported: {error.what}", error.remedy) from error
    except ExportError as error:
        raise ExportError(f"{model.path} could not be exported: {error.what}", error.remedy) from error


def tail_of(weights: WeightsSource, model: ModelFile) -> dict[str, Parameters]:
    """The parameters of a model's fine-tuned tail, as the file has them; empty if it was not fine-tuned.

    Raises:
        ExportError: the file does not have the tail that its card describes.
    """
    if model.card.fine_tuned_behind is None:
        return {}
    network = weights.family.network(weights, weights.family.taps_of(model.card.tap), model.card.image_size)
    name = str(model.path)
    return tuned_parameters(flatbuffer.unpack(read_plain(model.path), name), model.card, network, name)


def _packed(arrays: Mapping[str, Array]) -> bytes:
    """Arrays as an ``.npz``, made in memory because NumPy prints a traceback if the disk is full."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def description(model: ModelFile, kind: str) -> dict[str, str]:
    """What the card of an export contains about the float network."""
    size, classes = model.card.image_size, len(model.labels)
    return {
        "format": kind,
        "input": f"image: RGB pixels, 0 to 255, float32 [N,{size},{size},3]; normalization is inside",
        "output": f"probabilities: float32 [N,{classes}] in the order of {LABELS_NAME}",
        "unknown": "this network does not recognize photos unlike those it was trained on; the .tflite does",
    }
