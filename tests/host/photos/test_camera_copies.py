from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from graft_host.photos.camera_copies import SHORTER_SIDE, camera_copy
from tests.support.host_data import image

_DIGEST = "5" * 64
_COPIES = 60


def _levels(shown: Image.Image) -> NDArray[np.float64]:
    return np.asarray(shown, np.float64)


def _scene(width: int = 320, height: int = 320) -> Image.Image:
    """Stripes of colours and of light and dark, as sharp as pixels allow."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width) // 4 % 2 * 200 + 20
    pixels[..., 1] = (np.arange(height) // 8 % 2 * 160 + 40)[:, np.newaxis]
    pixels[..., 2] = np.linspace(60, 200, width)
    return Image.fromarray(pixels)


def test_a_copy_is_always_the_same_for_the_same_content_index_and_seed() -> None:
    copy = camera_copy(_scene(), _DIGEST, 1, 0)
    assert copy == camera_copy(_scene(), _DIGEST, 1, 0)
    others = [camera_copy(_scene(), digest, index, seed) for digest, index, seed in
              [(_DIGEST, 2, 0), (_DIGEST, 1, 1), ("6" * 64, 1, 0)]]  # fmt: skip
    assert all(other != copy for other in others)


def test_copies_are_the_same_for_ever() -> None:
    # Recorded when it was written: cached bottlenecks of copies are keyed by content, index and seed alone.
    # A decoder of JPEG may round differently by a level, so the pixels themselves are not compared.
    copy = _levels(camera_copy(_scene(), _DIGEST, 3, 7))
    assert copy.shape == (147, 147, 3)
    assert copy.mean(axis=(0, 1)) == pytest.approx([61.94, 60.16, 56.47], abs=0.3)
    assert copy[::40, ::40, 1].ravel() == pytest.approx(
        [9, 16, 13, 18, 59, 61, 66, 63, 56, 60, 66, 62, 37, 31, 28, 43], abs=3
    )


def test_copies_have_every_fault_in_some_strength() -> None:
    """Seen in the copies alone: sizes, brightness, tints, loss of colour, noise and loss of detail."""
    grey = Image.new("RGB", (320, 320), (128, 128, 128))
    plain = [_levels(camera_copy(grey, _DIGEST, index, 0)) for index in range(1, _COPIES + 1)]
    sides = [copy.shape[0] for copy in plain]
    assert SHORTER_SIDE[0] <= min(sides) < 130
    assert 220 < max(sides) <= SHORTER_SIDE[1]
    means = np.array([copy.mean(axis=(0, 1)) for copy in plain])
    assert means.mean(axis=1).min() < 60
    assert means.mean(axis=1).max() > 140
    tints = means.max(axis=1) - means.min(axis=1)
    assert tints.min() < 5
    assert tints.max() > 25
    noise = np.array([copy.mean(axis=2).std() for copy in plain])
    assert noise.min() < 1
    assert noise.max() > 3
    scenes = [_levels(camera_copy(_scene(), _DIGEST, index, 0)) for index in range(1, _COPIES + 1)]
    detail = [np.abs(np.diff(copy[:, :, 0], axis=1)).mean() / copy[:, :, 0].mean() for copy in scenes]
    assert min(detail) < max(detail) / 4


def test_some_copies_of_a_coloured_photo_lose_most_of_their_colour_and_most_keep_it() -> None:
    orange = Image.new("RGB", (320, 320), (230, 120, 30))
    copies = [_levels(camera_copy(orange, _DIGEST, index, 0)).mean(axis=(0, 1)) for index in range(1, _COPIES + 1)]
    ratios = np.array([copy.min() / copy.max() for copy in copies])
    assert 2 <= int((ratios > 0.7).sum()) <= _COPIES * 0.3
    assert int((ratios < 0.6).sum()) >= _COPIES * 0.5


def test_the_light_and_dark_parts_stay_where_they_are() -> None:
    halves = Image.new("RGB", (320, 320), (40, 40, 40))
    halves.paste((220, 220, 220), (160, 0, 320, 320))
    for index in range(1, 20):
        copy = _levels(camera_copy(halves, _DIGEST, index, 0)).mean(axis=(0, 2))
        middle = len(copy) // 2
        assert copy[: middle - 6].max() < copy[middle + 6 :].min()


@settings(max_examples=40)
@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    mode=st.sampled_from(["RGB", "L", "RGBA", "P", "1", "LA", "CMYK"]),
    index=st.integers(1, 100),
    seed=st.integers(0, 2**63),
)
def test_an_image_of_any_size_and_mode_has_a_copy(width: int, height: int, mode: str, index: int, seed: int) -> None:
    digest = hashlib.sha256(f"{width} {height}".encode()).hexdigest()
    copy = camera_copy(image(1, width, height).convert(mode), digest, index, seed)
    assert copy.mode == "RGB"
    assert min(copy.size) <= max(min(width, height, SHORTER_SIDE[1]), 1)
    assert max(copy.size) <= max(width, height)
    if min(width, height) >= SHORTER_SIDE[1]:
        assert min(copy.size) >= SHORTER_SIDE[0]


@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 3), (6000, 4000)])
def test_a_tiny_a_huge_and_a_narrow_image_have_copies_of_bounded_size(size: tuple[int, int]) -> None:
    copy = camera_copy(Image.new("RGB", size, (90, 120, 200)), _DIGEST, 1, 0)
    assert max(copy.size) <= 2048
