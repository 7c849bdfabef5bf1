"""A network camera that speaks RTSP (RFC 2326), with JPEGs in RTP (RFC 2435) over the same TCP connection."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import time

from PIL import Image

from tests.support.device_models import picture
from tests.support.ports import free_port

_CLOCK = 90_000
_SIDE = 64
_PAYLOAD = 1200
_SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"


class RtspCamera:
    """The camera. It refuses UDP, as many firewalls do.

    Attributes:
        colour: of its frames.
        hangs: what it does not answer any more: ``OPTIONS``, ``DESCRIBE``, ``SETUP``, ``PLAY``; or ``frames``, which
            stop after the first ten; empty for nothing.
        authorized: whether it lets anybody in.
        opened: how many connections there were.
    """

    def __init__(self) -> None:
        self.colour = "red"
        self.hangs = ""
        self.authorized = True
        self.opened = 0
        self.port = free_port()
        self.url = f"rtsp://127.0.0.1:{self.port}/live"
        self._listener: socket.socket | None = None
        self._clients: list[socket.socket] = []

    def plug(self) -> None:
        """Starts to listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def unplug(self) -> None:
        """Closes the port and all connections."""
        for end in (self._listener, *self._clients):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._listener, self._clients = None, []

    def __enter__(self) -> RtspCamera:
        self.plug()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.opened += 1
                self._clients.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client.makefile("rb") as requests:
            while line := requests.readline():
                method = line.split()[0].decode(errors="replace")
                fields: dict[str, str] = {}
                while (field := requests.readline().decode().strip()) != "":
                    name, _, value = field.partition(":")
                    fields[name.strip().lower()] = value.strip()
                if method == self.hangs:
                    self._hang(client)
                    return
                client.sendall(self._answer(method, fields).encode())
                if method == "PLAY":
                    self._play(client)
                    return

    def _answer(self, method: str, fields: dict[str, str]) -> str:
        head, body = "200 OK", ""
        more = {"CSeq": fields.get("cseq", "0")}
        if method == "OPTIONS":
            more["Public"] = "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN"
        elif not self.authorized:
            head, more["WWW-Authenticate"] = "401 Unauthorized", 'Basic realm="cam"'
        elif method == "DESCRIBE":
            body = _SDP
            more |= {"Content-Type": "application/sdp", "Content-Length": str(len(body))}
        elif method == "SETUP":
            transport = fields["transport"]
            if "RTP/AVP/TCP" not in transport:
                head = "461 Unsupported Transport"
            more |= {"Transport": "RTP/AVP/TCP;unicast;interleaved=0-1", "Session": "1"}
        else:
            more["Session"] = "1"
        return f"RTSP/1.0 {head}\r\n" + "".join(f"{name}: {value}\r\n" for name, value in more.items()) + f"\r\n{body}"

    def _play(self, client: socket.socket) -> None:
        number = 0
        for frame in range(1_000_000):
            if self.hangs == "frames" and frame == 10:
                self._hang(client)
                return
            for packet in _packets(self.colour, number, frame * _CLOCK // 25):
                client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
                number += 1
            time.sleep(0.02)

    def _hang(self, client: socket.socket) -> None:
        """Keeps the connection, and sends nothing."""
        while client.fileno() >= 0 and self._listener is not None:
            time.sleep(0.05)


def _packets(colour: str, number: int, timestamp: int) -> list[bytes]:
    """The packets of one frame: a JPEG without its headers, its tables in the first packet (RFC 2435, section 3.1)."""
    buffer = io.BytesIO()
    picture(colour).resize((_SIDE, _SIDE), Image.Resampling.NEAREST).save(buffer, "JPEG", quality=75, subsampling=2)
    tables, scan = _parts(buffer.getvalue())
    pieces = [scan[at : at + _PAYLOAD] for at in range(0, len(scan), _PAYLOAD)]
    packets = []
    for place, piece in enumerate(pieces):
        last = place == len(pieces) - 1
        rtp = struct.pack(">BBHII", 0x80, 26 | (last << 7), (number + place) & 0xFFFF, timestamp & 0xFFFFFFFF, 7)
        at = place * _PAYLOAD
        jpeg = struct.pack(">B3sBBBB", 0, at.to_bytes(3, "big"), 1, 255, _SIDE // 8, _SIDE // 8)
        quantization = struct.pack(">BBH", 0, 0, len(tables)) + tables if place == 0 else b""
        packets.append(rtp + jpeg + quantization + piece)
    return packets


def _parts(jpeg: bytes) -> tuple[bytes, bytes]:
    """The quantization tables of a baseline JPEG, and its scan."""
    tables, at = b"", 2
    while jpeg[at + 1] != 0xDA:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if jpeg[at + 1] == 0xDB:
            segment = jpeg[at + 4 : at + 2 + length]
            tables += b"".join(segment[start + 1 : start + 65] for start in range(0, len(segment), 65))
        at += 2 + length
    return tables, jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") : -2]
