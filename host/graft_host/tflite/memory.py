"""Writes what a model file remembers of its photos, so that a board can learn a class with it."""

from __future__ import annotations

import numpy as np

from graft_device.learning.remembered import (
    NEGATIVE,
    Array,
    Labels,
    Remembered,
    kept_rows,
    means_of,
    pack_means,
    pack_photos,
)
from graft_device.model.memory import Part
from graft_host.support import flatbuffer

_STEPS = 255


def memory_entry(
    backbone: bytes,
    train: tuple[Array, Labels],
    validation: tuple[Array, Labels],
    negatives: Array | None,
    classes: int,
    *,
    fitted: bool,
    photos: bool,
) -> bytes:
    """The entry ``memory.bin`` of a model's zip.

    Args:
        backbone: the flatbuffer that gave the bottlenecks.
        train: bottlenecks ``[N,D]`` and labels ``[N]`` of the photos that were trained on, without copies.
        validation: of the photos that were held out from training.
        negatives: bottlenecks ``[M,D]`` of photos that are of none of the classes; None if there are none.
        classes: the number K of classes.
        fitted: whether the backbone was fitted to the photos of ``train``.
        photos: whether each photo's bottleneck is stored; otherwise the means of the classes are.
    """
    bottlenecks = np.concatenate([train[0], validation[0]])
    labels = np.concatenate([train[1], validation[1]])
    parts = _parts(backbone, bottlenecks)
    if not photos:
        return pack_means(parts, means_of(bottlenecks, labels, classes))
    unfitted = np.ones(len(labels), bool)
    unfitted[: len(train[1])] = not fitted
    if negatives is not None and len(negatives):
        bottlenecks = np.concatenate([bottlenecks, negatives])
        labels = np.concatenate([labels, np.full(len(negatives), NEGATIVE)])
        unfitted = np.concatenate([unfitted, np.ones(len(negatives), bool)])
    rows = kept_rows(labels, bottlenecks.shape[1])
    return pack_photos(parts, Remembered(bottlenecks[rows], labels[rows], unfitted[rows]))


def _parts(backbone: bytes, bottlenecks: Array) -> tuple[Part, ...]:
    """The taps with the steps of their int8 numbers; where a network computes with floats, with steps that fit."""
    graph = flatbuffer.unpack(backbone, "the backbone").subgraphs[0]
    parts, place = [], 0
    for output in graph.outputs:
        tensor = graph.tensors[output]
        length = int(tensor.shape[1])
        scales = getattr(tensor.quantization, "scale", None)
        if scales is not None and len(scales):
            part = Part(length, float(scales[0]), int(tensor.quantization.zeroPoint[0]))
        else:
            part = _fitting(bottlenecks[:, place : place + length])
        parts.append(part)
        place += length
    return tuple(parts)


def _fitting(values: Array) -> Part:
    """Steps for the range of some numbers, which includes 0."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = max((high - low) / _STEPS, 1e-12)
    return Part(values.shape[1], scale, int(np.clip(round(-128 - low / scale), -128, 127)))
