"""Decodes photos in a child process, which can be ended: no photo can hold up, crash or fill its parent."""

from __future__ import annotations

import json
import os
import select
import subprocess
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import PhotoError
from graft_device.preprocess.budget import Limits
from graft_device.preprocess.opening import read_photo
from graft_device.preprocess.protocol import NO_MEMORY, REFUSED, REPLY, REQUEST, SIDES
from graft_device.preprocess.resizing import RESIZE_RULES
from graft_device.system.child import command

LONGEST_S = 120.0
"""Seconds that a photo may take where nobody waits for it with a time limit of their own."""

_SLICE_MS = 50
_CHUNK = 1 << 16


class AbandonedError(Exception):
    """Nobody waits for the photo any more, so the child process was ended."""


class DecodingProcess:
    """A child process that decodes one photo after the other. Several threads may not use it at the same time.

    It is started with the first photo, and again after it was ended.
    """

    def __init__(self, limits: Limits, longest_s: float = LONGEST_S) -> None:
        """Creates the process's description; ``start`` or the first photo starts it.

        Args:
            limits: what one photo may take.
            longest_s: how long one photo may take, in seconds.
        """
        self._limits = limits
        self._longest_s = longest_s
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The number of the process; None before it is started and after it was ended."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Starts the process if it does not run, and does not wait until it is ready."""
        self._running()

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close(pipe)

    def preprocess(
        self, source: str | bytes | os.PathLike[str], size: int, rule: str, wanted: Callable[[], bool]
    ) -> NDArray[np.uint8]:
        """Reads a photo and resizes it for the network, as ``preprocess`` does.

        Args:
            source: a path, or the bytes of an image file.
            size: the width and height S of the network's input in pixels.
            rule: ``squash`` or ``crop``.
            wanted: called several times a second; returns whether the result is still wanted.

        Returns:
            RGB pixels ``[S,S,3]``, uint8.

        Raises:
            PhotoError: the photo cannot be read, is over the limits, or takes too long.
            MemoryError: there is not enough memory.
            AbandonedError: the result is no longer wanted.
        """
        body = self._reply(source, size, RESIZE_RULES.index(rule), wanted)
        return np.frombuffer(body, np.uint8).reshape(size, size, 3)

    def decode(self, source: str | bytes | os.PathLike[str], wanted: Callable[[], bool]) -> NDArray[np.uint8]:
        """Reads a photo as it is, upright.

        Args:
            source: a path, or the bytes of an image file.
            wanted: called several times a second; returns whether the result is still wanted.

        Returns:
            RGB pixels ``[H,W,3]``, uint8.

        Raises:
            PhotoError: the photo cannot be read, is over the limits, or takes too long.
            MemoryError: there is not enough memory.
            AbandonedError: the result is no longer wanted.
        """
        body = self._reply(source, 0, 0, wanted)
        height, width = SIDES.unpack_from(body)
        return np.frombuffer(body, np.uint8, offset=SIDES.size).reshape(height, width, 3)

    def _reply(self, source: str | bytes | os.PathLike[str], size: int, rule: int, wanted: Callable[[], bool]) -> bytes:
        data = source if isinstance(source, bytes) else read_photo(source)
        limits = self._limits
        request = REQUEST.pack(size, rule, limits.pixels, limits.memory or 0, len(data))
        kind, body = self._answer(request, data, wanted)
        if kind == NO_MEMORY:
            raise MemoryError
        if kind == REFUSED:
            raise PhotoError(*json.loads(body))
        return body

    def _answer(self, request: bytes, data: bytes, wanted: Callable[[], bool]) -> tuple[int, bytes]:
        try:
            return _exchange(self._running(), (request, data), wanted, self._longest_s)
        except (AbandonedError, PhotoError):
            self.close()
            raise
        except (OSError, EOFError):
            self.close()
            raise PhotoError("cannot be decoded (it crashes the decoder, or takes too much memory)") from None
        except BaseException:
            self.close()
            raise

    def _running(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = _started()
            return self._process


def _started() -> subprocess.Popen[bytes]:
    """Starts the child process; raises MemoryError if the system does not allow another one."""
    one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        process = subprocess.Popen(
            command("graft_device.preprocess.decoding_worker"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, **one_thread},
        )
    except OSError as error:
        raise MemoryError from error
    assert process.stdin is not None  # noqa: S101  both are pipes
    assert process.stdout is not None  # noqa: S101
    os.set_blocking(process.stdin.fileno(), False)
    os.set_blocking(process.stdout.fileno(), False)
    return process


def _exchange(
    process: subprocess.Popen[bytes], parts: tuple[bytes, ...], wanted: Callable[[], bool], longest_s: float
) -> tuple[int, bytes]:
    """Writes a request and reads the reply. Raises EOFError or OSError if the process ends."""
    assert process.stdin is not None  # noqa: S101  both are pipes
    assert process.stdout is not None  # noqa: S101
    to_write = [memoryview(part) for part in parts if part]
    reply = bytearray()
    until = time.monotonic() + longest_s
    poll = select.poll()
    poll.register(process.stdout.fileno(), select.POLLIN)
    poll.register(process.stdin.fileno(), select.POLLOUT)
    while len(reply) < REPLY.size or len(reply) < REPLY.size + REPLY.unpack_from(reply)[1]:
        if not wanted():
            raise AbandonedError
        if time.monotonic() > until:
            raise PhotoError(f"takes too long to decode (more than {longest_s:g} seconds)")
        for number, _ in poll.poll(_SLICE_MS):
            if number == process.stdout.fileno():
                received = os.read(number, _CHUNK)
                if not received:
                    raise EOFError
                reply += received
            elif to_write:
                written = os.write(number, to_write[0][:_CHUNK])
                to_write[0] = to_write[0][written:]
                if not to_write[0]:
                    del to_write[0]
            else:
                poll.unregister(number)
    return reply[0], bytes(reply[REPLY.size :])


def _close(pipe: object) -> None:
    """Closes a pipe, whatever is left in its buffer."""
    try:
        pipe.close()  # type: ignore[attr-defined]
    except OSError:
        return
