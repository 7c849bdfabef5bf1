"""Writes a model's float network for use elsewhere, as Keras or SavedModel."""

from __future__ import annotations

import errno
import importlib.util
import io
import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from graft_device.errors import ExportError, ModelError, os_reason
from graft_device.model import CARD_NAME, LABELS_NAME, ModelFile, read_checked
from graft_device.model.archive import opened_archive
from graft_device.model.reader import MOST_CARD_BYTES
from graft_device.system.plain import read_plain
from graft_device.system.strict_json import parse_json
from graft_host.backbones.provenance import weights_of
from graft_host.backbones.registry import to_request
from graft_host.diagnosis.layers import find_head
from graft_host.export.staging import put_in_place, staging
from graft_host.heads.head import Array
from graft_host.support import flatbuffer
from graft_host.support.destination import EXPORT, RunInput, check_replaceable, check_sources
from graft_host.support.isolated import JobError, call_quietly
from graft_host.support.reporter import Reporter

FORMATS = ("keras", "saved-model")

_NEEDED = ("tensorflow", "keras")
_INSTALL = "install it: pip install 'graftkit[tensorflow]'"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

_EXTRA = "assets.extra"
"""The folder of a SavedModel for files that TensorFlow ignores."""

_NUMBERS = {schema.TensorType.FLOAT32: "<f4", schema.TensorType.INT8: "<i1", schema.TensorType.INT32: "<i4"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A float network on disk.

    Attributes:
        path: the ``.keras`` file, or the SavedModel's folder.
        format: one of ``FORMATS``.
        bytes: size of everything that was written.
        labels: in the order of the output.
        image_size: the input side S.
    """

    path: Path
    format: str
    bytes: int
    labels: tuple[str, ...]
    image_size: int

    def to_json(self) -> dict[str, Any]:
        """The files that were written, and the input and output of the network, as plain values."""
        size, classes = self.image_size, len(self.labels)
        return {
            "export": str(self.path),
            "format": self.format,
            "bytes": self.bytes,
            "labels": list(self.labels),
            "input": {"name": "image", "shape": [None, size, size, 3], "dtype": "float32", "range": [0, 255]},
            "output": {"name": "probabilities", "shape": [None, classes], "dtype": "float32"},
        }


def export(
    model: Path,
    output: Path,
    kind: str,
    weights: str | None = None,
    *,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Exported:
    """Writes the float network of a model, from pixels to probabilities, with its labels and model card.

    The backbone is built from its float weights. The head is that of the file, so for an int8 file it has the rounding
    that it was shipped with. The network does not recognize unknown photos.

    Args:
        model: a ``.tflite`` file that ``graft train`` wrote.
        output: the ``.keras`` file or the folder to write.
        kind: one of ``FORMATS``.
        weights: the value of ``--weights``; None to find them by the model card.
        overwrite: whether an earlier export is replaced.
        reporter: receives a note and the progress of a download of weights; None for none.

    Raises:
        ModelError: graftkit did not write the file.
        WeightsError: the weights that it was made of cannot be found.
        ExportError: the format is not offered, TensorFlow is not installed, or the output cannot be written.
    """
    if kind not in FORMATS:
        raise ExportError(f"no such format: {kind}", f"choose {' or '.join(FORMATS)}")
    if not all(map(importlib.util.find_spec, _NEEDED)):
        raise ExportError(f"exporting as {kind} needs TensorFlow, which is not installed", _INSTALL)
    known = read_checked(model)
    read = [RunInput("model", model)]
    _check_place(output, kind, read, overwrite=overwrite)
    kernel, bias = read_head(model)
    source = weights_of(known, weights, reporter)
    read += [RunInput("weights", source.path)] if source.path else []
    check_sources(output, EXPORT, read)
    target = output.resolve()  # a link stays a link
    request: dict[str, Any] = {
        "weights": to_request(source),
        "tap": known.card.tap,
        "image_size": known.card.image_size,
        "format": kind,
    }
    try:
        with staging(target) as folder:
            (folder / "head.npz").write_bytes(_packed(kernel, bias))
            product = folder / ("export.keras" if kind == "keras" else "export")
            request |= {"head": str(folder / "head.npz"), "output": str(product)}
            _build(model, request)
            _add_extras(product, known, kind)
            size = sum(path.stat().st_size for path in (product, *product.rglob("*")) if path.is_file())
            _check_place(output, kind, read, overwrite=overwrite)  # it may have changed meanwhile
            put_in_place(product, target)
    except OSError as error:
        raise ExportError(
            f"cannot write {output}: {os_reason(error)}",
            f"free some space in {target.parent}, or give another name with -o",
        ) from error
    return Exported(path=output, format=kind, bytes=size, labels=known.labels, image_size=known.card.image_size)


def _packed(kernel: Array, bias: Array) -> bytes:
    """The head as an ``.npz``, made in memory because NumPy prints a traceback if the disk is full."""
    buffer = io.BytesIO()
    np.savez(buffer, kernel=kernel, bias=bias)
    return buffer.getvalue()


def _build(model: Path, request: dict[str, Any]) -> None:
    """Builds the network; raises OSError if the disk was full, ExportError if it failed in another way."""
    try:
        call_quietly("graft_host.export.keras_export", request)
    except JobError as error:
        if error.errno in _NO_ROOM:
            raise OSError(error.errno, os.strerror(error.errno)) from error
        raise ExportError(f"{model} could not be exported: {error.what}", error.remedy) from error
    except ExportError as error:
        raise ExportError(f"{model} could not be exported: {error.what}", error.remedy) from error


def read_head(path: Path) -> tuple[Array, Array]:
    """The head of a model file as it was shipped.

    Returns:
        Kernel ``[D,K]`` and bias ``[K]``, float32; of an int8 file the numbers that its integers represent.

    Raises:
        ModelError: the file has no head that can be distinguished from its backbone.
    """
    model = flatbuffer.unpack(read_plain(path), str(path))
    head = find_head(model, str(path))
    try:
        kernel, bias = _constant(model, head.weights), _constant(model, head.bias)
        if kernel.ndim != 2 or bias.shape != kernel.shape[:1]:  # noqa: PLR2004  [K,D] and [K]
            raise ValueError(f"{kernel.shape} and {bias.shape}")
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ValueError("not finite")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ModelError(f"{path} has a head that cannot be read", "copy it again") from error
    return np.ascontiguousarray(kernel.T), bias


def _constant(model: Any, index: int) -> Array:
    tensor = model.subgraphs[0].tensors[index]
    stored = np.frombuffer(np.asarray(model.buffers[tensor.buffer].data, np.uint8).tobytes(), _NUMBERS[tensor.type])
    numbers = stored.reshape(tensor.shape).astype(np.float64)
    if tensor.type != schema.TensorType.FLOAT32:
        numbers = (numbers - int(tensor.quantization.zeroPoint[0])) * float(tensor.quantization.scale[0])
    return numbers.astype(np.float32)


def _check_place(output: Path, kind: str, read: Sequence[RunInput], *, overwrite: bool) -> None:
    """Raises ExportError unless the export may be written there; only an earlier export is ever replaced."""
    if not output.parent.is_dir():
        raise ExportError(f"no such folder: {output.parent}", f"run: mkdir -p {output.parent}")
    if kind == "keras" and output.suffix != ".keras":
        raise ExportError(f"{output} does not end with .keras, as Keras requires", "give another name with -o")
    check_sources(output, EXPORT, read)
    if not output.exists():
        return
    if kind == "keras" and not output.is_file():
        raise ExportError(f"{output} is not a regular file", "give another name with -o")
    if kind == "saved-model" and not _is_ours(output):
        raise ExportError(f"{output} is not a SavedModel that 'graft export' wrote", "give another name with -o")
    if not overwrite:
        raise ExportError(f"{output} exists", "give another name with -o, or --overwrite")
    if kind == "keras":
        check_replaceable(output, EXPORT)


def _is_ours(folder: Path) -> bool:
    return (folder / "saved_model.pb").is_file() and (folder / _EXTRA / CARD_NAME).is_file()


def _add_extras(product: Path, model: ModelFile, kind: str) -> None:
    """Puts labels and card into the zip that a ``.keras`` file is, or into a SavedModel's folder for extras."""
    labels = "".join(f"{label}\n" for label in model.labels).encode()
    with opened_archive(model.path) as archive:
        card = parse_json(archive.read(CARD_NAME, MOST_CARD_BYTES).decode("utf-8"))
    card["exported"] = _description(model, kind)
    extras = {LABELS_NAME: labels, CARD_NAME: (json.dumps(card, indent=2, ensure_ascii=False) + "\n").encode()}
    if kind == "keras":
        with zipfile.ZipFile(product, "a") as archive:
            for name, data in extras.items():
                archive.writestr(name, data)
    else:
        (product / _EXTRA).mkdir()
        for name, data in extras.items():
            (product / _EXTRA / name).write_bytes(data)


def _description(model: ModelFile, kind: str) -> dict[str, str]:
    size, classes = model.card.image_size, len(model.labels)
    return {
        "format": kind,
        "input": f"image: RGB pixels, 0 to 255, float32 [N,{size},{size},3]; normalization is inside",
        "output": f"probabilities: float32 [N,{classes}] in the order of {LABELS_NAME}",
        "unknown": "this network does not recognize photos unlike those it was trained on; the .tflite does",
    }
