"""The messages between the studio and the process that runs a model: plain values as JSON, and bytes beside them."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

_LENGTHS = struct.Struct(">IQ")
_LONGEST_HEADER = 1 << 24
_LONGEST_BODY = 1 << 30


def packed(header: dict[str, Any], body: bytes = b"") -> bytes:
    """A message as bytes."""
    text = json.dumps(header).encode()
    return b"".join([_LENGTHS.pack(len(text), len(body)), text, body])


def read_message(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Reads a message; raises EOFError where the other side has ended, or sends something else."""
    text_length, body_length = _LENGTHS.unpack(_exactly(stream, _LENGTHS.size))
    if text_length > _LONGEST_HEADER or body_length > _LONGEST_BODY:
        raise EOFError("a message that is too long")
    text, body = _exactly(stream, text_length), _exactly(stream, body_length)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EOFError("no message") from error
    if not isinstance(header, dict):
        raise EOFError("no message")
    return header, body


def _exactly(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise EOFError("the other side has ended")
    return data
