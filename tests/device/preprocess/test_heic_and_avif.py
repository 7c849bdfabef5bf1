"""HEIC and AVIF photos, as phones make them."""

from __future__ import annotations

import io
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device.outputs.uncertain_store import UncertainStore
from graft_device.preprocess import PhotoError, check_header, load, preprocess, read_header
from graft_device.ranking import Prediction
from tests.support.heic import heic

TURNED = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
"""An EXIF block whose orientation is 6."""

BRANDS = [b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"heim"]

heif = pytest.importorskip("pi_heif")


def scene(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """Red on the left; green above blue on the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = 200, 30, 30
    pixels[: height // 2, width // 2 :] = 30, 200, 30
    pixels[height // 2 :, width // 2 :] = 30, 30, 200
    return pixels


def avif(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    features = pytest.importorskip("PIL.features")
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, "AVIF", quality=95, **options)
    return memory.getvalue()


@pytest.mark.parametrize("brand", BRANDS)
def test_a_heic_photo_of_any_brand(brand: bytes) -> None:
    data = heic(scene(), brand=brand)
    assert check_header(data) == (96, 64)
    assert np.abs(np.asarray(load(data)).astype(int) - scene()).mean() < 4


@pytest.mark.parametrize("exif", [b"", TURNED])
def test_the_container_turns_a_heic_photo_and_exif_does_not_turn_it_again(exif: bytes) -> None:
    found = np.asarray(load(heic(scene(), rotation=1, exif=exif))).astype(int)
    assert np.abs(found - np.rot90(scene())).mean() < 4
    assert load(heic(scene(), exif=exif)).size == (96, 64)


def test_the_primary_picture_counts() -> None:
    found = np.asarray(load(heic(scene(), scene()[::-1], primary=1))).astype(int)
    assert np.abs(found - scene()[::-1]).mean() < 4


def test_a_grid_of_tiles() -> None:
    found = np.asarray(load(heic(scene(), grid=(2, 3)))).astype(int)
    assert found.shape == (128, 288, 3)
    assert np.abs(found - np.tile(scene(), (2, 3, 1))).mean() < 4


def test_an_avif_photo_and_its_orientation() -> None:
    assert np.abs(np.asarray(load(avif(scene()))).astype(int) - scene()).mean() < 4
    exif = Image.Exif()
    exif[0x0112] = 6
    assert load(avif(scene(), exif=exif)).size == (64, 96)
    assert load(avif(np.dstack([scene(), np.zeros((64, 96), np.uint8)]))).getpixel((5, 5)) == (255, 255, 255)


def test_a_photo_that_claims_too_many_pixels_is_not_decoded() -> None:
    data = heic(scene(), claimed=(20_000, 20_000))
    with pytest.raises(PhotoError, match=r"^too large to decode \(20000 x 20000"):
        check_header(data)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_photos_cut_short(kind: str, share: float) -> None:
    data = heic(scene()) if kind == "heic" else avif(np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8))
    with pytest.raises(PhotoError):
        preprocess(data[: int(len(data) * share)], 32)


def test_damaged_photos_only_ever_raise_photo_errors() -> None:
    rng = np.random.default_rng(0)
    for whole in (heic(scene()), avif(scene())):
        for _ in range(150):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 3):
                data[place] ^= int(rng.integers(1, 256))
            try:
                answer = str(preprocess(bytes(data), 16).shape)
            except PhotoError as error:
                answer = str(error)
            assert answer.isprintable()


def test_where_nothing_reads_them_the_error_names_brand_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "photo.heic").write_bytes(heic(scene(), brand=b"mif1"))
    (tmp_path / "photo.avif").write_bytes(avif(scene()))
    program = """
        import sys
        sys.modules["pi_heif"] = None
        from PIL import AvifImagePlugin
        AvifImagePlugin.SUPPORTED = False
        from graft_device.preprocess import PhotoError, load
        for path in sys.argv[1:]:
            try:
                load(path)
            except PhotoError as error:
                print(error)
    """
    paths = [str(tmp_path / "photo.heic"), str(tmp_path / "photo.avif")]
    command = [sys.executable, "-c", textwrap.dedent(program), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    nothing, old = done.stdout.splitlines()
    assert nothing.startswith("a HEIC photo (brand 'mif1'), and what reads it is not installed; ")
    assert nothing.endswith("; run: pip install 'graftkit[heif]', or convert it to JPEG")
    assert old.startswith("an AVIF photo (brand 'avif'), which the installed Pillow cannot read; ")
    assert old.endswith("; run: pip install 'pillow>=11.3', or convert it to JPEG")


def test_the_limits_hold_for_them_too() -> None:
    assert read_header(heic(scene())).extra > 0
    assert read_header(avif(scene())).extra > 0


def test_kept_photos_have_the_suffix_of_their_kind(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, 10_000_000)
    for data, suffix in ((heic(scene(), brand=b"mif1"), ".heic"), (avif(scene()), ".avif")):
        kept = store.save(data, "2026-01-31T12:00:01.250Z", "cats", [Prediction("cats", 0.6)])
        assert kept is not None
        assert (kept.suffix, kept.read_bytes()) == (suffix, data)
