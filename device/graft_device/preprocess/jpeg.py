"""Reads the structure of a JPEG file (ITU-T T.81): its size, its scans, its orientation.

The decoder gets only the segments that it needs. Each scan takes it time for all pixels, even if the scan is empty, so
the scans are counted first.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from graft_device.errors import PhotoError
from graft_device.preprocess.headers import Header
from graft_device.preprocess.limits import MAX_PARTS, MAX_SCANNED, MAX_SCANS
from graft_device.preprocess.orientation import from_exif, from_xmp

SIGNATURE = b"\xff\xd8\xff"

DAMAGED = "the image is cut short or damaged"

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # not a stuffed byte, a restart or a fill byte
_SOI, _EOI, _SOS, _RESTARTS, _TEM, _COMMENT = 0xD8, 0xD9, 0xDA, 0xDD, 0x01, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_APP, _APP_LAST = 0xE0, 0xEF
_EXIF, _XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_BLOCK, _BLOCK_BYTES = 8, 128
_CMYK = 4


@dataclass
class _Frame:
    """The frame header, and what the scans so far have transmitted."""

    width: int
    height: int
    progressive: bool
    sampling: dict[int, tuple[int, int]]
    scans: int = 0
    first_components: int = 0
    missing_bits: dict[int, list[int]] = field(default_factory=dict)

    @property
    def buffered(self) -> int:
        """The bytes of the coefficients, which the decoder holds if there are several scans."""
        if not self.progressive and self.first_components == len(self.sampling):
            return 0
        across = max((h for h, _ in self.sampling.values()), default=1)
        down = max((v for _, v in self.sampling.values()), default=1)
        blocks = 0
        for h, v in self.sampling.values():
            blocks += -(-self.width * h // (across * _BLOCK)) * -(-self.height * v // (down * _BLOCK))
        return blocks * _BLOCK_BYTES

    @property
    def complete(self) -> bool:
        """Whether all bits of all coefficients have been transmitted."""
        return len(self.missing_bits) == len(self.sampling) and not any(map(any, self.missing_bits.values()))


def read(data: bytes) -> Header:
    """Reads the structure of a JPEG.

    Raises:
        PhotoError: the file is damaged, or its scans would take too long.
    """
    scan = _Structure(data)
    frame = scan.frame
    if frame is None or not frame.scans:
        raise PhotoError(DAMAGED)
    if not scan.ended and not frame.complete:
        raise PhotoError("the image is cut short")
    colours = len(frame.sampling)
    inverted = scan.adobe or colours != _CMYK
    return Header(
        kind="JPEG",
        width=frame.width,
        height=frame.height,
        depth=1 if colours == 1 else 4,
        parts=(*scan.kept, *(() if scan.ended else (b"\xff\xd9",))),
        orientation=scan.exif or scan.xmp or 1,
        extra=frame.buffered,
        ended=scan.ended,
        restarts=scan.restarts,
        inverted=inverted,
        unusual=not inverted or (scan.exif is None and scan.xmp not in {None, 1}),
    )


class _Structure:
    """Walks through the segments of a file."""

    def __init__(self, data: bytes) -> None:
        self.kept: list[memoryview | bytes] = [b"\xff\xd8"]
        self.frame: _Frame | None = None
        self.exif: int | None = None
        self.xmp: int | None = None
        self.adobe = False
        self.ended = False
        self.restarts = False
        self._view = memoryview(data)
        self._walk(data)

    def _walk(self, data: bytes) -> None:
        place = 2
        scans_from = None
        for _ in range(MAX_PARTS):
            match = _MARKER.search(data, place)
            if match is None:
                break
            marker, start, place = match[1][0], match.start(), match.end()
            if marker == _EOI:
                self.ended = True
                break
            if marker in {_SOI, _TEM}:
                continue
            end = place + int.from_bytes(data[place : place + 2], "big")
            body = self._view[place + 2 : end]
            if end > len(data):
                break
            self.restarts |= marker == _RESTARTS
            if marker == _SOS:
                self._add_scan(body)
                scans_from = start if scans_from is None else scans_from
            elif scans_from is None and self._is_needed(marker, body):
                self.kept.append(self._view[start:end])
            place = max(end, place + 2)
        else:
            raise PhotoError(f"damaged, with more than {MAX_PARTS:,} segments")
        if scans_from is not None:
            self.kept.append(self._view[scans_from : place if self.ended else _without_filler(data)])

    def _is_needed(self, marker: int, body: memoryview) -> bool:
        """Whether the decoder needs a segment in front of the pixels; notes what it contains."""
        if marker in _FRAMES:
            self._set_frame(marker, body)
        if marker == _APP + 1:
            if self.exif is None and bytes(body[:6]) == _EXIF:
                self.exif = from_exif(body)
            elif self.xmp is None and bytes(body[: len(_XMP)]) == _XMP:
                self.xmp = from_xmp(body)
        if marker == _APP + 14 and bytes(body[:5]) == b"Adobe":
            self.adobe = True
            return True
        jfif = marker == _APP and bytes(body[:5]) == b"JFIF\0"
        return jfif or not (marker == _COMMENT or _APP <= marker <= _APP_LAST)

    def _set_frame(self, marker: int, body: memoryview) -> None:
        try:
            height, width, count = struct.unpack_from(">HHB", body, 1)
            components = [struct.unpack_from("BB", body, 6 + 3 * index) for index in range(count)]
        except struct.error as error:
            raise PhotoError(DAMAGED) from error
        sampling = {name: (factors >> 4 or 1, factors & 15 or 1) for name, factors in components}
        if self.frame is None:
            self.frame = _Frame(width, height, marker in _PROGRESSIVE, sampling)

    def _add_scan(self, body: memoryview) -> None:
        frame = self.frame
        if frame is None or not body or len(body) < 4 + 2 * body[0]:
            raise PhotoError(DAMAGED)
        frame.scans += 1
        pixels = frame.width * frame.height
        if frame.scans > MAX_SCANS or frame.scans * pixels > max(MAX_SCANNED, 16 * pixels):
            raise PhotoError(
                f"takes too long to decode (a JPEG of {frame.width} x {frame.height} pixels with more than "
                f"{frame.scans - 1} scans)",
                "save it again as a JPEG that is not progressive",
            )
        names = [body[1 + 2 * index] for index in range(body[0])]
        frame.first_components = frame.first_components or len(names)
        first, last, bits = body[1 + 2 * len(names)], min(body[2 + 2 * len(names)], 63), body[3 + 2 * len(names)] & 15
        for name in names:
            missing = frame.missing_bits.setdefault(name, [16] * 64)
            missing[first : last + 1] = [bits] * (last + 1 - first)


def _without_filler(data: bytes) -> int:
    """The end of a file without the zeros, or bytes of erased flash memory, that fill it up."""
    end = data.rstrip(b"\xff")
    if end.endswith(bytes(4)):  # a scan may end in zeros, but hardly in four
        end = end.rstrip(b"\0").rstrip(b"\xff")
    return len(end)
