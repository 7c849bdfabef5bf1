"""The facts about an image file that are known before its pixels are decoded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Header:
    """The facts about an image file.

    Attributes:
        kind: the format, as Pillow names it: ``JPEG``, ``PNG``, ``WEBP``, ``BMP``, ``GIF``, ``AVIF`` or ``HEIF``.
        width: the width in pixels, as stored.
        height: the height in pixels, as stored.
        depth: the bytes that a decoded pixel takes, until it is RGB.
        orientation: the EXIF orientation, 1 to 8; 1 for upright.
        parts: what the decoder gets: the file without metadata, which would take memory and time.
        extra: bytes that the decoder takes in addition, such as the coefficients of a progressive JPEG.
        ended: whether the end marker of a JPEG is there; True for other formats.
        restarts: whether a JPEG may have restart markers.
        key: the transparent grey value of a PNG with 16 bits; None for none.
        bits: the number of significant bits of a PNG with 16 bits of grey; 16 if the file does not give it.
        inverted: whether a CMYK JPEG stores 255 for no ink, as Adobe's programs do.
        unusual: whether the picture needs a rule that ordinary ones do not, so that ``UNUSUAL_VERSION`` counts for it.
    """

    kind: str
    width: int
    height: int
    depth: int
    parts: tuple[memoryview | bytes, ...]
    orientation: int = 1
    extra: int = 0
    ended: bool = True
    restarts: bool = False
    key: int | None = None
    bits: int = 16
    inverted: bool = True
    unusual: bool = False

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.width * self.height

    @property
    def data(self) -> bytes:
        """The file without metadata."""
        return b"".join(self.parts)
