from __future__ import annotations

import ast
import hashlib
import io
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.samples import cameras
from benchmarks.samples.cameras import CAMERAS, taken
from benchmarks.samples.others import coral, mean_shift
from benchmarks.samples.photos import drawn, read_photos, through_camera
from tests.support.host_data import image, image_bytes

_DIGEST = "5" * 64


def _photos(root: Path, each: int) -> Path:
    for label in ("cats", "dogs"):
        (root / label).mkdir(parents=True)
        for seed in range(each):
            name, data = f"{seed}.jpg", image_bytes(seed + 100 * (label == "dogs"), "JPEG", width=64, height=48)
            (root / label / name).write_bytes(data)
    return root


@pytest.mark.parametrize("name", CAMERAS)
def test_a_camera_takes_the_same_photo_of_the_same_scene(name: str) -> None:
    scene = image(1, 90, 70)
    photo = taken(name, scene, _DIGEST)
    assert photo == taken(name, image(1, 90, 70), _DIGEST)
    assert photo != taken(name, scene, "6" * 64)  # noise or aim
    with Image.open(io.BytesIO(photo)) as opened:
        assert (opened.format, opened.mode) == ("JPEG", "RGB")


def test_five_cameras_take_different_photos() -> None:
    shown = [np.asarray(Image.open(io.BytesIO(taken(name, image(1, 90, 70), _DIGEST))).resize((32, 32)), np.float64)
             for name in CAMERAS]  # fmt: skip
    assert len(shown) == 5
    pairs = [(a, b) for a in range(5) for b in range(a)]
    assert min(np.abs(shown[a] - shown[b]).mean() for a, b in pairs) > 5


def test_cameras_share_nothing_with_camera_copies() -> None:
    """Copies have to help with cameras that they do not know."""
    tree = ast.parse(Path(cameras.__file__).read_text())
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert not [module for module in modules if module and module.startswith("graft")]


def test_a_draw_has_no_photo_and_no_near_duplicate_twice(tmp_path: Path) -> None:
    dataset = read_photos(_photos(tmp_path / "photos", 20), tmp_path / "cache", 2)
    first, second = (next(p for p in dataset.photos if p.label == label) for label in (0, 1))
    # In each class two photos of one group, to be found on one side only.
    photos = tuple(
        replace(photo, group=twin.digest) if photo.label == twin.label and photo.digest[0] in "01234567" else photo
        for photo in dataset.photos
        for twin in [first if photo.label == 0 else second]
    )
    dataset = replace(dataset, photos=photos)
    camera = through_camera("hazy", dataset, tmp_path / "hazy", 2)
    assert [photo.label for photo in camera] == [photo.label for photo in photos]
    for seed in range(10):
        draw = drawn(dataset, camera, 8, 4, 2, seed)
        parts = [{photo.place for photo in part} for part in (draw.sources, draw.targets, draw.tests)]
        assert all(not one & other for one, other in combinations(parts, 2))
        assert [sum(photo.label == label for photo in draw.sources) for label in (0, 1)] == [8, 8]
        assert {photo.path for photo in draw.unlabelled} <= {photo.path for photo in draw.targets}
        assert all("hazy" in str(photo.path) for photo in [*draw.targets, *draw.tests])
        fewer = drawn(dataset, camera, 8, 2, 2, seed)
        assert fewer.sources == draw.sources
        assert {photo.path for photo in fewer.targets} <= {photo.path for photo in draw.targets}


def test_photos_that_a_camera_took_are_not_taken_again(tmp_path: Path) -> None:
    dataset = read_photos(_photos(tmp_path / "photos", 3), tmp_path / "cache", 2)
    camera = through_camera("dim", dataset, tmp_path / "dim", 2)
    assert camera[0].digest == hashlib.sha256(camera[0].path.read_bytes()).hexdigest()
    camera[0].path.write_bytes(image_bytes(7, "JPEG"))
    again = through_camera("dim", dataset, tmp_path / "dim", 2)
    assert again[0].digest != camera[0].digest
    assert again[1:] == camera[1:]


def test_coral_gives_the_source_the_mean_and_the_spread_of_the_target() -> None:
    random = np.random.default_rng(0)
    source = (random.normal(0, [1, 2, 4], (4000, 3)) + 5).astype(np.float32)
    mixed = random.normal(0, 1, (4000, 3)) @ np.array([[3, 1, 0], [0, 2, 1], [0, 0, 1]])
    target = mixed.astype(np.float32) - 2
    moved = coral(source, target)
    assert moved.mean(axis=0) == pytest.approx(target.mean(axis=0), abs=0.01)
    ridge = source.var(axis=0).mean()
    assert np.linalg.norm(np.cov(moved.T) - np.cov(target.T)) < np.linalg.norm(np.cov(source.T) - np.cov(target.T))
    assert np.trace(np.cov(moved.T)) < np.trace(np.cov(target.T)) + 3 * ridge
    assert mean_shift(source, target).mean(axis=0) == pytest.approx(target.mean(axis=0), abs=0.01)
