"""Real models of a few hundred kilobytes: Inception-v3 up to mixed0 at 75 pixels, random weights, a fixed head."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from graft_device.model import ModelCard, read_model
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import Head
from graft_host.tflite.fuse import fuse
from graft_host.tflite.metadata import attach
from tests.support.host_data import image, photo

if TYPE_CHECKING:
    from pathlib import Path

    from graft_device.model import ModelFile
    from graft_host.photos.dataset import Photo

TAP, SIZE, SEED = "mixed0", 75, 3
LABELS = ("cats", "dogs", "owls")
FEATURES = 256  # of mixed0


def write_model(path: Path, kind: str, cache: Path, calibration: list[Photo]) -> ModelFile:
    """Writes a complete model whose backbone is calibrated on some photos; converts it with TensorFlow."""
    weights = find_weights("random", SEED)
    backbone = quantized_backbone(
        BackboneSpec(weights=weights, tap=TAP, image_size=SIZE, quantization=kind, resize="squash"),
        calibration,
        cache,
        2,
    )
    rng = np.random.default_rng(0)
    head = Head(rng.normal(0, 3, (FEATURES, len(LABELS))).astype(np.float32), np.array([0.3, -0.1, 0.2], np.float32))
    bottlenecks = rng.uniform(0, 0.3, (60, FEATURES)).astype(np.float32)
    card = ModelCard(
        kit_version="0.1.0",
        backbone={
            "name": "inception_v3",
            "weights": "random",
            "weights_fingerprint": weights.fingerprint,
            "fingerprint": backbone.fingerprint,
        },
        tap=TAP,
        image_size=SIZE,
        resize="squash",
        quantization=kind,
        mean=weights.mean,
        std=weights.std,
        training={"split": {"seed": 0, "test_percent": 40, "validation_percent": 10}},
    )
    path.write_bytes(attach(fuse(backbone.path.read_bytes(), head, bottlenecks), LABELS, card))
    return read_model(path)


def write_bright_and_dim(folder: Path, count: int = 12) -> tuple[list[Photo], list[Photo]]:
    """Writes photos to ``bright/`` and the same photos with a sixth of the light to ``dim/``."""
    by_light: dict[str, list[Photo]] = {"bright": [], "dim": []}
    for name, photos in by_light.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = np.asarray(image(index, 90, 80))
            path = folder / name / f"{index}.png"
            Image.fromarray(pixels if name == "bright" else pixels // 6).save(path)
            photos.append(photo(path, index % 2))
    return by_light["bright"], by_light["dim"]
