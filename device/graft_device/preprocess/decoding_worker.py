"""The child process of ``DecodingProcess``: reads photos from standard input and writes pixels to standard output."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from graft_device.errors import PhotoError
from graft_device.preprocess.budget import Limits, check
from graft_device.preprocess.opening import read_header
from graft_device.preprocess.protocol import NO_MEMORY, PIXELS, REFUSED, REPLY, REQUEST, SIDES
from graft_device.preprocess.resizing import RESIZE_RULES, decode, fit

_RESERVE = 64 << 20
_SAFETY = 1.5


def main() -> None:
    """Answers requests until standard input ends. The parent ends this process; signals for both do not."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while len(request := source.read(REQUEST.size)) == REQUEST.size:
        size, rule, pixels, memory, length = REQUEST.unpack(request)
        kind, body = _answer(source, length, size, RESIZE_RULES[rule], Limits(pixels, memory or None))
        sink.write(REPLY.pack(kind, len(body)) + body)
        sink.flush()


def _answer(source: BinaryIO, length: int, size: int, rule: str, limits: Limits) -> tuple[int, bytes]:
    try:
        data = source.read(length)
        with _at_most(limits.memory):
            header = read_header(data)
            check(header, size, rule, limits)
            if not size:
                whole = decode(header)
                return PIXELS, SIDES.pack(whole.height, whole.width) + whole.tobytes()
            return PIXELS, fit(decode(header, size, rule), size, rule).tobytes()
    except PhotoError as error:
        if isinstance(error.__cause__, MemoryError):
            return NO_MEMORY, b""
        return REFUSED, json.dumps([error.what, error.remedy]).encode()
    except MemoryError:
        return NO_MEMORY, b""


@contextlib.contextmanager
def _at_most(memory: int | None) -> Iterator[None]:
    """Limits this process's memory, in case a decoder takes more than was computed; without /proc it does not."""
    import resource

    try:
        used = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        memory = None
    before, most = resource.getrlimit(resource.RLIMIT_DATA)
    if memory is not None:
        wanted = used + int(memory * _SAFETY) + _RESERVE
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if most < 0 else min(wanted, most), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (before, most))
