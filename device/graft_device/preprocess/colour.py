"""Turns decoded pixels of every mode into RGB, and what is transparent into white.

Large pictures are converted in strips, so that no second copy of the whole picture with alpha is needed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from graft_device.preprocess.headers import Header

STRIP_PIXELS = 1 << 19
"""The pixels of a strip."""

_WHITE = (255, 255, 255, 255)
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
_WIDE_BITS, _SHOWN_BITS = 16, 8


def to_rgb(image: Image.Image, header: Header | None = None) -> Image.Image:
    """Converts a decoded picture to RGB.

    Args:
        image: the picture, in any mode of Pillow.
        header: what the file says beyond the mode; None for a picture that is not from a file.
    """
    if image.mode == "CMYK" and header is not None and not header.inverted:
        return _in_strips(image, lambda strip: ImageChops.invert(strip).convert("RGB"))
    if image.mode.startswith("I"):
        return _in_strips(image, _grey(image, header))
    if header is not None and header.kind == "BMP" and image.mode == "RGBA" and _is_clear(image):
        return _in_strips(image, lambda strip: Image.merge("RGB", strip.split()[:3]))
    _narrow_key(image, header)
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if "transparency" in image.info or image.mode in _ALPHA_MODES:
        return _in_strips(image, _on_white)
    return _in_strips(image, lambda strip: strip.convert("RGB"))


def _is_clear(image: Image.Image) -> bool:
    """Whether the alpha of every pixel is 0: the program that wrote the file left these bytes unused."""
    return image.getchannel("A").getextrema() == (0, 0)


def _in_strips(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    """Converts a picture strip by strip."""
    width, height = image.size
    rows = max(1, STRIP_PIXELS // width)
    if rows >= height:
        return convert(image)
    whole = Image.new("RGB", image.size)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        whole.paste(convert(image.crop(box)), box)
    return whole


def _on_white(image: Image.Image) -> Image.Image:
    straight = image.convert("LA") if image.mode == "La" else image
    return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), straight.convert("RGBA")).convert("RGB")


def _grey(image: Image.Image, header: Header | None) -> Callable[[Image.Image], Image.Image]:
    """The conversion of grey with more than 8 bits; its transparent value becomes white."""
    shift = _WIDE_BITS - _SHOWN_BITS
    if header is not None and header.bits < _WIDE_BITS and _is_unscaled(image, header.bits):
        shift = header.bits - _SHOWN_BITS
    key = None if header is None else header.key

    def convert(strip: Image.Image) -> Image.Image:
        wide = np.asarray(strip).astype(np.int32)
        clipped = np.clip(wide, 0, (1 << _WIDE_BITS) - 1)
        shown = clipped >> shift if shift >= 0 else clipped << -shift
        if key is not None:
            shown[wide == key] = 255
        return Image.fromarray(shown.astype(np.uint8)).convert("RGB")

    return convert


def _is_unscaled(image: Image.Image, bits: int) -> bool:
    """Whether a picture stores values of so many bits as they are, where PNG wants them scaled to 16 bits.

    A scaled value repeats its high bits in the low ones, or has zeros there.
    """
    wide: NDArray[np.uint16] = np.asarray(image).astype(np.uint16)
    spare = _WIDE_BITS - bits
    if int(wide.max()) >= 1 << bits:
        return False
    low = wide & ((1 << spare) - 1)
    return not bool(((low == 0) | (low == wide >> (_WIDE_BITS - spare))).all())


def _narrow_key(image: Image.Image, header: Header | None) -> None:
    """Reduces the transparent colour of a PNG with 16 bits to 8 bits, like its pixels."""
    key = image.info.get("transparency")
    if header is not None and header.kind == "PNG" and header.unusual and isinstance(key, tuple) and max(key) > 255:  # noqa: PLR2004
        image.info["transparency"] = tuple(value >> 8 for value in key)
