"""Photos, models and backbones that several benchmarks need, made once per run in the scratch folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from benchmarks.settings import Settings
from benchmarks.turns import ContenderError, finished
from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import Photo, scan

_JPEG = {".jpg", ".jpeg"}


def jpegs(settings: Settings, count: int) -> list[Path]:
    """A number of JPEGs, taken from the classes in turn; if there are too few, they are repeated."""
    folders = sorted(path for path in settings.photos.iterdir() if path.is_dir())
    by_class = [sorted(path for path in folder.iterdir() if path.suffix.lower() in _JPEG) for folder in folders]
    paths = [path for group in zip_longest(*by_class) for path in group if path is not None]
    if not paths:
        raise ContenderError("there is no JPEG among the photos")
    return [paths[index % len(paths)] for index in range(count)]


def cache(settings: Settings) -> Path:
    """The folder of graftkit's cache for this run."""
    return settings.scratch / "cache"


def model(settings: Settings) -> Path:
    """An int8 model that ``graft train`` makes from the photos."""
    path = settings.scratch / "model.tflite"
    if not path.exists():
        graft = Path(sys.executable).with_name("graft")
        options = ["--weights", settings.weights, "--tap", settings.tap, "--image-size", str(settings.image_size)]
        command = [str(graft), "train", str(settings.photos), "-o", str(path), *options]
        finished([*command, "--cache", str(cache(settings))], "graft train")
    return path


def backbone(settings: Settings, kind: str = "int8") -> Backbone:
    """The model's backbone, or the same network with another quantization."""
    if kind == "int8":
        model(settings)  # whose backbone it is
    return _converted(settings, settings.weights, settings.tap, settings.image_size, kind)


def small_backbone(settings: Settings) -> Backbone:
    """An int8 backbone that takes one or two milliseconds for a photo."""
    tap, size = settings.growth_backbone
    return _converted(settings, "random", tap, size, "int8")


def described(backbone: Backbone, weights: str) -> dict[str, Any]:
    """A backbone as plain values for another process, which passes them to ``opened``."""
    spec = backbone.spec
    return {
        "path": str(backbone.path),
        "weights": weights if spec.weights.path is not None else "random",
        "tap": spec.tap,
        "image_size": spec.image_size,
        "quantization": spec.quantization,
    }


def opened(description: dict[str, Any]) -> Backbone:
    """The backbone that the result of ``described`` describes."""
    path = Path(description["path"])
    spec = BackboneSpec(
        weights=find_weights(description["weights"]),
        tap=description["tap"],
        image_size=description["image_size"],
        quantization=description["quantization"],
        resize="squash",
    )
    return Backbone(spec=spec, path=path, fingerprint=path.stem, reused=True)


def _converted(settings: Settings, weights: str, tap: str, size: int, kind: str) -> Backbone:
    spec = BackboneSpec(weights=find_weights(weights), tap=tap, image_size=size, quantization=kind, resize="squash")
    return quantized_backbone(spec, _photos(settings), cache(settings), settings.cores)


def _photos(settings: Settings) -> Sequence[Photo]:
    return scan(settings.photos, settings.cores).photos
