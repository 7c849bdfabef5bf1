from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graft_host.photos.augment import BRIGHTNESS, MIN_CROP_SIDE, variant
from tests.support.host_data import image

_DIGEST = "5" * 64


def _ramp(width: int = 200, height: int = 160) -> Image.Image:
    """Red is the column, green is the row, and blue is constant."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    pixels[..., 1] = np.arange(height)[:, np.newaxis]
    pixels[..., 2] = 100
    return Image.fromarray(pixels)


def _pixels(shown: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(shown, np.float64)


def test_a_variant_is_always_the_same_for_the_same_content_index_and_seed() -> None:
    shown = image(1, 60, 50)
    assert variant(shown, _DIGEST, 1, 0) == variant(image(1, 60, 50), _DIGEST, 1, 0)
    others = [variant(shown, _DIGEST, 2, 0), variant(shown, _DIGEST, 1, 1), variant(shown, "6" * 64, 1, 0)]
    assert all(other != variant(shown, _DIGEST, 1, 0) for other in others)


def test_variants_are_the_same_for_ever() -> None:
    # Recorded when it was written: cached bottlenecks of variants are keyed by content, index and seed alone.
    shown = variant(_ramp(), _DIGEST, 3, 7)
    corners = shown.getpixel((0, 0)), shown.getpixel((shown.width - 1, shown.height - 1))
    assert (shown.size, *corners) == ((166, 147), (204, 4, 118), (8, 177, 118))


def test_a_variant_is_a_crop_perhaps_mirrored_and_brighter_or_darker() -> None:
    mirrored, factors, widths, heights, lefts = [], [], [], [], []
    for index in range(1, 121):
        shown = variant(_ramp(), _DIGEST, index, 0)
        pixels = _pixels(shown)
        factor = pixels[..., 2].mean() / 100
        columns, rows = pixels[0, :, 0] / factor, pixels[:, 0, 1] / factor
        mirrored.append(columns[0] > columns[-1])
        factors.append(factor)
        widths.append(shown.width / 200)
        heights.append(shown.height / 160)
        lefts.append(min(columns[0], columns[-1]))
        # Neighbouring columns stay neighbours, and so do rows, which are never turned upside down.
        assert abs(abs(columns[-1] - columns[0]) - (shown.width - 1)) < 3
        assert abs(rows[-1] - rows[0] - (shown.height - 1)) < 3
    assert 40 < sum(mirrored) < 80
    low, high = BRIGHTNESS
    assert low - 0.01 <= min(factors) < low + 0.1
    assert high - 0.1 < max(factors) <= high + 0.01
    for sides in (widths, heights):
        assert MIN_CROP_SIDE - 0.01 <= min(sides) < MIN_CROP_SIDE + 0.05
        assert 0.95 < max(sides) <= 1
    assert min(lefts) < 3
    assert max(lefts) > 15


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 1000), st.integers(0, 2**64))
def test_every_size_and_seed_gives_rgb(width: int, height: int, index: int, seed: int) -> None:
    shown = variant(image(0, width, height), _DIGEST, index, seed)
    assert shown.mode == "RGB"
    assert 1 <= shown.width <= width
    assert 1 <= shown.height <= height


def test_the_photo_itself_is_not_changed() -> None:
    shown = image(3)
    before = shown.tobytes()
    variant(shown, _DIGEST, 1, 0)
    assert shown.tobytes() == before


@pytest.mark.parametrize("seed", range(5))
def test_a_white_photo_is_never_made_darker_than_three_quarters(seed: int) -> None:
    pixels = _pixels(variant(Image.new("RGB", (50, 50), "white"), _DIGEST, 1, seed))
    assert pixels.min() == pixels.max()
    assert pixels.min() >= int(255 * BRIGHTNESS[0])
