"""Reads Protobuf's wire format: https://protobuf.dev/programming-guides/encoding/.

Nothing is copied. Fields of bytes are views of the message.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

Value = Union[int, memoryview]

_VARINT, _DELIMITED = 0, 2
_FIXED = {1: 8, 5: 4}
_MORE = 0x80


class WireError(ValueError):
    """Bytes are not a message."""


class CutShortError(WireError):
    """A message ends within a field."""


def fields(data: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message in their order.

    Args:
        data: the message.

    Yields:
        Field number, and the varint or the bytes.

    Raises:
        WireError: the message is damaged.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if kind == _DELIMITED:
            size, at = _varint(data, at)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise WireError(f"a field of unknown kind {kind}")
        if size > len(data) - at:
            raise CutShortError("a field is longer than what is left")
        yield number, data[at : at + size]
        at += size


def repeated(data: memoryview, number: int) -> list[Value]:
    """All values of a field."""
    return [value for field, value in fields(data) if field == number]


def single(data: memoryview, number: int) -> Value | None:
    """The value of a field, of which the last one counts; None if there is none."""
    values = repeated(data, number)
    return values[-1] if values else None


def integers(data: memoryview, number: int) -> Iterator[int]:
    """The values of a list of signed integers, packed or one by one."""
    for value in repeated(data, number):
        if isinstance(value, int):
            yield signed(value)
            continue
        at = 0
        while at < len(value):
            integer, at = _varint(value, at)
            yield signed(integer)


def signed(value: Value | None) -> int:
    """A varint as a signed integer of 64 bits; 0 for None."""
    if isinstance(value, memoryview):
        raise WireError("bytes where an integer should be")
    value = value or 0
    return value - (1 << 64) if value >> 63 else value


def message(value: Value | None) -> memoryview:
    """A value as bytes or a message; empty for None."""
    if isinstance(value, int):
        raise WireError("an integer where bytes should be")
    return memoryview(b"") if value is None else value


def text(value: Value | None) -> str:
    """A value as characters; empty for None."""
    return bytes(message(value)).decode(errors="replace")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):  # at most ten bytes, seven bits in each
        if at == len(data):
            raise CutShortError("a number goes on behind the end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & _MORE:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise WireError("a number of more than ten bytes")
