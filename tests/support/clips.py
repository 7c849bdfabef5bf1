"""Short videos and a "camera" on a loopback port, made with PyAV."""

from __future__ import annotations

import io
import itertools
import socket
import struct
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.device_models import COLOURS
from tests.support.ports import free_port

av: Any = pytest.importorskip("av", reason="PyAV is not installed")
FPS = 25
SIZE = (96, 64)


def clip(
    colours: list[str],
    kind: str = "mp4",
    codec: str = "mpeg4",
    size: tuple[int, int] = SIZE,
    rate: int = FPS,
    start_s: float = 0.0,
    numbered: bool = False,
) -> bytes:
    """A video with one frame per colour and 25 frames per second, whose timestamps begin at ``start``.

    If it is ``numbered``, each frame shows its number in eight black and white bars, so that no two of them are equal.
    """
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind, options={"output_ts_offset": str(start_s)}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.gop_size = 5
        for number, colour in enumerate(colours):
            pixels = np.full((size[1], size[0], 3), COLOURS[colour], np.uint8)
            for bit in range(8 if numbered else 0):
                pixels[: size[1] // 2, bit * size[0] // 8 : (bit + 1) * size[0] // 8] = 255 * (number >> bit & 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def write_clip(path: Path, colours: list[str], **options: Any) -> Path:
    """Writes such a video to a file."""
    path.write_bytes(clip(colours, **options))
    return path


def write_video(path: Path, frames: Iterable[NDArray[np.uint8]], size: tuple[int, int], rate: int) -> Path:
    """Writes RGB frames ``[H,W,3]`` of a width and height to an MP4, of good quality."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def turned(data: bytes) -> bytes:
    """An MP4 with the flag of a phone's video that it must be rotated by 90 degrees clockwise."""
    at = data.index(b"tkhd") + 4 + 40
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, SIZE[1] << 16, 0, 1 << 30)
    return data[:at] + matrix + data[at + 36 :]


class Camera:
    """A replacement for a camera that can be unplugged: sends a video to each client on a loopback port.

    ``play`` sends the frames at the pace of a camera; None sends them at once and closes.
    """

    def __init__(self, data: bytes, pace_s: float | None = None, port: int | None = None) -> None:
        self.opened = 0
        self._data = data
        self._pace_s = pace_s
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", port or free_port()))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"tcp://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def unplug(self) -> None:
        """Closes the port and all connections."""
        for end in (self._listener, *self._clients):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                end.close()

    def __enter__(self) -> Camera:
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.opened += 1
            self._clients.append(client)
            threading.Thread(target=self._send, args=(client,), daemon=True).start()

    def _send(self, client: socket.socket) -> None:
        packet = 188 * 7
        pieces = [self._data[at : at + packet] for at in range(0, len(self._data), packet)]
        try:
            if self._pace_s is None:
                client.sendall(self._data)
                self._clients.remove(client)
                client.shutdown(socket.SHUT_RDWR)
                client.close()
                return
            for piece in itertools.cycle(pieces):
                client.sendall(piece)
                time.sleep(self._pace_s)
        except OSError:
            return
