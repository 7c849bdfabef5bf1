"""Finds out whether milliseconds of a network say little about boards: depthwise layers under tflite-runtime on x86."""

from __future__ import annotations

import platform
import struct
from collections.abc import Iterable
from pathlib import Path

from graft_device.system.plain import read_plain

_DEPTHWISE_CONV_2D = 4
_X86 = frozenset({"x86_64", "amd64", "i386", "i586", "i686"})

# Fields of the tables Model and OperatorCode in TFLite's schema.fbs, by place.
_OPERATOR_CODES = 1
_DEPRECATED_BUILTIN = 0
_BUILTIN = 3


def slow_depthwise(paths: Iterable[Path], runtime: str, machine: str | None = None) -> tuple[str, ...]:
    """A warning if one of some networks is much slower than a board would let expect; empty if none is.

    tflite-runtime 2.14.0 has no fast int8 depthwise convolution for x86: one of 5 x 5 with 3.3 million multiplications
    takes 6 ms there, and less than 0.1 ms under LiteRT.

    Args:
        paths: of the networks.
        runtime: the runtime that was timed.
        machine: the processor's architecture; this machine's when None.
    """
    if runtime != "tflite-runtime" or (machine or platform.machine()).lower() not in _X86:
        return ()
    if not any(has_depthwise(read_plain(path)) for path in paths):
        return ()
    warning = (
        "tflite-runtime is slow at depthwise layers on x86, and boards are not; time the network with LiteRT: "
        "pip install ai-edge-litert"
    )
    return (warning,)


def has_depthwise(network: bytes) -> bool:
    """Whether a ``.tflite`` has a depthwise convolution; False for what is not a ``.tflite``."""
    try:
        model = _at(network, 0)
        vector = _field(network, model, _OPERATOR_CODES)
        if vector is None:
            return False
        first = _at(network, vector)
        (count,) = struct.unpack_from("<I", network, first)
        return any(
            _builtin(network, _at(network, first + 4 * place)) == _DEPTHWISE_CONV_2D for place in range(1, count + 1)
        )
    except struct.error:
        return False


def _builtin(network: bytes, code: int) -> int:
    """The number of an operator; files before schema 3a have it in the deprecated field alone."""
    deprecated, newer = _field(network, code, _DEPRECATED_BUILTIN), _field(network, code, _BUILTIN)
    numbers = [network[deprecated] if deprecated is not None else 0]
    if newer is not None:
        numbers.append(struct.unpack_from("<i", network, newer)[0])
    return max(numbers)


def _at(network: bytes, place: int) -> int:
    """What an offset of a flatbuffer points to."""
    return int(place + struct.unpack_from("<I", network, place)[0])


def _field(network: bytes, table: int, number: int) -> int | None:
    """Where a field of a flatbuffer's table is; None if it has its default."""
    entries = table - struct.unpack_from("<i", network, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", network, entries)[0]:
        return None
    (offset,) = struct.unpack_from("<H", network, entries + 4 + 2 * number)
    return table + offset if offset else None
