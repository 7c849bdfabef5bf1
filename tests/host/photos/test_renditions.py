from __future__ import annotations

import hashlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graft_device.errors import PhotoError
from graft_device.preprocess import preprocess
from graft_host.photos.matching import SIDE, measured
from graft_host.photos.renditions import CameraCopy, Decoded, Matched, Original, Rendition, Variant, renditions
from tests.support.host_data import image, image_bytes

_PLACE = measured([np.asarray(image(8, SIDE, SIDE))], [np.asarray(image(9, SIDE, SIDE))], "d" * 64)
_KINDS: dict[str, Rendition] = {
    "original": Original(),
    "variant": Variant(1, 0),
    "camera": CameraCopy(1, 0),
    "matched": Matched(_PLACE, 1, 0),
}


def _decoded(data: bytes, rule: str = "squash") -> Decoded:
    return Decoded(data, hashlib.sha256(data).hexdigest(), rule)


@settings(max_examples=40)
@given(
    width=st.integers(1, 400),
    height=st.integers(1, 400),
    kind=st.sampled_from([("PNG", "RGB"), ("PNG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "1"), ("JPEG", "L"),
                          ("JPEG", "RGB"), ("JPEG", "CMYK"), ("WEBP", "RGB"), ("BMP", "RGB"), ("GIF", "P")]),
    rule=st.sampled_from(["squash", "crop"]),
    side=st.integers(64, 300),
    name=st.sampled_from(list(_KINDS)),
)  # fmt: skip
def test_any_photo_has_every_rendition_at_every_size(
    width: int, height: int, kind: tuple[str, str], rule: str, side: int, name: str
) -> None:
    file = io.BytesIO()
    image(3, width, height).convert(kind[1]).save(file, kind[0])
    pixels = _KINDS[name].pixels(_decoded(file.getvalue(), rule), side)
    assert pixels.shape == (side, side, 3)
    assert pixels.dtype == np.uint8


@pytest.mark.parametrize("name", _KINDS)
@pytest.mark.parametrize("size", [(1, 1), (6000, 2), (3, 4000)])
def test_tiny_and_narrow_photos_have_every_rendition(name: str, size: tuple[int, int]) -> None:
    data = image_bytes(1, "PNG", width=size[0], height=size[1])
    assert _KINDS[name].pixels(_decoded(data), 96).shape == (96, 96, 3)


@pytest.mark.parametrize("name", _KINDS)
def test_a_photo_that_cannot_be_decoded_is_an_error_of_the_photo(name: str) -> None:
    with pytest.raises(PhotoError, match="cut short"):
        _KINDS[name].pixels(_decoded(image_bytes(5, "JPEG", width=300, height=300)[:-900]), 96)


@pytest.mark.parametrize("name", ["camera", "matched"])
def test_a_copy_is_the_same_for_every_input_side(name: str) -> None:
    data = image_bytes(4, "JPEG", width=900, height=700)
    small, large = (_KINDS[name].pixels(_decoded(data), side) for side in (64, 256))
    shrunk = np.asarray(Image.fromarray(large).resize((64, 64), Image.Resampling.BILINEAR), np.float64)
    assert np.abs(shrunk - small).mean() < 2
    other = np.asarray(Image.fromarray(preprocess(data, 64)), np.float64)
    assert np.abs(other - small).mean() > 4


def test_the_order_of_renditions_does_not_change_them() -> None:
    data = image_bytes(4, "JPEG", width=900, height=700)
    shown = renditions(variants=2, camera_copies=2, place=_PLACE, seed=3)
    decoded = _decoded(data)
    forwards = [each.pixels(decoded, 96) for each in shown]
    backwards = [each.pixels(decoded, 96) for each in reversed(shown)]
    alone = [each.pixels(_decoded(data), 96) for each in shown]
    for one, other, lonely in zip(forwards, reversed(backwards), alone, strict=True):
        assert np.array_equal(one, other)
        assert np.array_equal(one, lonely)
    assert np.array_equal(forwards[0], preprocess(data, 96))


def test_keys_of_different_renditions_differ() -> None:
    other = measured([np.asarray(image(8, SIDE, SIDE))], [np.asarray(image(9, SIDE, SIDE))], "e" * 64)
    shown = [
        *renditions(variants=3, camera_copies=3, place=_PLACE, seed=1),
        *renditions(variants=1, camera_copies=1, seed=2),
        Matched(_PLACE, 1, 2), Matched(_PLACE, 2, 1), Matched(other, 1, 1),
    ]  # fmt: skip
    keys = [each.key(photo) for photo in ("a" * 64, "a" * 64 + "+u1") for each in shown]
    assert len(set(keys)) == len(keys) - 2  # the photo itself is in both groups
