"""Which of several copies is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image, ImageFilter

from graft_host.studio.remedies.better import Better, better, sharpness
from graft_host.studio.remedies.found import FoundPhoto
from tests.support.host_data import image


def _found(path: Path, level: float) -> FoundPhoto:
    with Image.open(path) as opened:
        width, height = opened.size
    return FoundPhoto(
        id=path.name, digest=path.name, label="cat", width=width, height=height, size=path.stat().st_size,
        changed=path.stat().st_mtime, sharpness=level,
    )  # fmt: skip


def _best(folder: Path, pictures: dict[str, tuple[Image.Image, int]]) -> Better:
    """The better one of pictures by name, each with the quality that it is saved with."""
    paths = []
    for name, (picture, quality) in pictures.items():
        paths.append(folder / name)
        picture.save(paths[-1], quality=quality)
    return better([_found(path, level) for path, level in zip(paths, sharpness(paths), strict=True)])


@pytest.fixture
def picture() -> Image.Image:
    noise = Image.effect_noise((480, 360), 60).convert("RGB")
    return Image.blend(image(7, 480, 360), noise, 0.4)


def test_the_larger_of_two_copies_is_kept(tmp_path: Path, picture: Image.Image) -> None:
    pictures = {"a.jpg": (picture.resize((240, 180)), 95), "b.jpg": (picture, 95)}
    assert _best(tmp_path, pictures) == Better("b.jpg", "larger")


def test_a_blurred_copy_is_not_kept(tmp_path: Path, picture: Image.Image) -> None:
    pictures = {"a.jpg": (picture.filter(ImageFilter.GaussianBlur(3)), 95), "b.jpg": (picture, 95)}
    assert _best(tmp_path, pictures) == Better("b.jpg", "sharper")


def test_more_pixels_do_not_help_a_blurred_copy(tmp_path: Path, picture: Image.Image) -> None:
    blurred = picture.filter(ImageFilter.GaussianBlur(4)).resize((960, 720))
    assert _best(tmp_path, {"a.jpg": (blurred, 95), "b.jpg": (picture, 95)}) == Better("b.jpg", "sharper")


def test_of_copies_of_one_size_the_less_compressed_is_kept(tmp_path: Path, picture: Image.Image) -> None:
    assert _best(tmp_path, {"a.jpg": (picture, 85), "b.jpg": (picture, 95)}) == Better("b.jpg", "fuller")


def test_of_files_that_differ_in_nothing_the_oldest_is_kept(tmp_path: Path, picture: Image.Image) -> None:
    for name, changed in (("a copy.jpg", 2000), ("b.jpg", 1000)):
        picture.save(tmp_path / name)
        os.utime(tmp_path / name, (changed, changed))
    assert better([_found(tmp_path / name, 0.0) for name in ("a copy.jpg", "b.jpg")]) == Better("b.jpg", "same")
