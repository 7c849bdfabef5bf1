"""Changes bytes as damage and attackers do: bits, lengths, cuts, copies, and pieces of other inputs."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_BYTES = 1 << 20
"""No mutated input grows over this, so that the time of one input stays bounded."""

_INTERESTING = (0, 1, -1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Applies one to eight random changes.

    Args:
        data: the input to change.
        others: inputs that pieces may be taken from.
        rng: the source of all choices; the same state gives the same result.
    """
    changed = bytearray(data)
    for _ in range(1 + int(rng.random() ** 3 * 8)):
        rng.choice(_CHANGES)(changed, others, rng)
    return bytes(changed[:MAX_BYTES])


def nasty_text(rng: random.Random) -> bytes:
    """A value that programs often read wrongly."""
    return rng.choice(
        (b"", b"-1", b"0", b"1e999", b"NaN", b"9" * 5000, b"0x10", b" 1", b"+1", b"\x00", b"\xff\xfe", b"../../x",
         b"%00", "ﬀ\u202e\u0301".encode(), b"a" * 70000, b"'\"", b"\r\n", b"\t", b"true", b"null", b"[" * 3000)
    )  # fmt: skip


def _flip_bit(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set_byte(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.choice((0, 0xFF, 0x80, 0x7F, rng.randrange(256)))


def _set_number(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    """Writes an edge value in 2, 4 or 8 bytes, of either order."""
    size, code = rng.choice(((2, "H"), (4, "I"), (8, "Q")))
    if len(data) >= size:
        at = rng.randrange(len(data) - size + 1)
        value = (rng.choice(_INTERESTING) + rng.choice((0, 0, 1, -1, len(data)))) % (1 << 8 * size)
        data[at : at + size] = struct.pack(rng.choice("<>") + code, value)


def _add_to_number(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if len(data) >= 4:
        at = rng.randrange(len(data) - 3)
        value = int.from_bytes(data[at : at + 4], "little") + rng.randint(-40, 40)
        data[at : at + 4] = (value % (1 << 32)).to_bytes(4, "little")


def _cut(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    if data:
        del data[rng.randrange(len(data)) :]


def _remove(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, end = _piece(data, rng)
    del data[start:end]


def _repeat(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, end = _piece(data, rng)
    data[end:end] = data[start:end] * rng.choice((1, 2, 16))


def _insert(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.choice((rng.randbytes(rng.randint(1, 64)), bytes(rng.randint(1, 512)), nasty_text(rng)))


def _splice(data: bytearray, others: Sequence[bytes], rng: random.Random) -> None:
    if others:
        other = rng.choice(others)
        start, end = _piece(other, rng)
        at = rng.randrange(len(data) + 1)
        data[at : at + rng.choice((0, end - start))] = other[start:end]


def _swap(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    start, end = _piece(data, rng)
    piece = data[start:end]
    del data[start:end]
    at = rng.randrange(len(data) + 1)
    data[at:at] = piece


def _piece(data: bytes | bytearray, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((1, 2, 4, 16, 64, 512, 4096)))


_CHANGES: tuple[Callable[[bytearray, Sequence[bytes], random.Random], None], ...] = (
    _flip_bit, _flip_bit, _flip_bit, _set_byte, _set_byte, _set_number, _set_number, _add_to_number,
    _cut, _remove, _repeat, _insert, _splice, _swap,
)  # fmt: skip
