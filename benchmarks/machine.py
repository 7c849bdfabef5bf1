"""Describes the machine, versions, weights and photos of a run."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks.settings import Settings
from graft_device.system.machine import read_hardware
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.dataset import scan

_PACKAGES = ("ai-edge-litert", "tflite-runtime", "tensorflow", "keras", "numpy", "scipy", "pillow", "scikit-learn")
_ONNX_PACKAGES = ("onnxruntime", "onnx", "tf2onnx")
_QUANTIZER_PACKAGES = ("ai-edge-quantizer",)


def description(settings: Settings) -> list[str]:
    """Describes machine, versions, date, weights and photos as lines of Markdown, without paths of this machine."""
    found = find_weights(settings.weights)
    weights = found.name if found.pretrained else "random"
    return [
        hardware_line(settings.cores),
        versions_line(settings.onnx, settings.quantizer),
        dated(),
        f"- Backbone: Inception-v3 up to `{settings.tap}` at {settings.image_size}, weights {weights}.",
        f"- Photos: {_photos(settings)}.",
    ]


def hardware_line(cores: int) -> str:
    """The machine, of which a run may use some cores."""
    hardware = read_hardware()
    memory = f"{hardware.memory_mb / 1000:.0f} GB of memory" if hardware.memory_mb else "memory unknown"
    features = f" ({', '.join(hardware.features)})" if hardware.features else ""
    processor, system = hardware.cpu or platform.machine(), hardware.system or platform.system()
    kernel = hardware.kernel or platform.release()
    return f"- Machine: {processor}{features}, {cores} cores, {memory}, {system}, kernel {kernel}."


def versions_line(onnx: Path | None = None, quantizer: Path | None = None) -> str:
    """The versions of Python and of packages.

    Args:
        onnx: the folder in which onnxruntime and its converter are installed; None to use this environment's.
        quantizer: the folder in which ai-edge-quantizer is installed; None to use this environment's.
    """
    return f"- Python {platform.python_version()}, {', '.join(_versions(onnx, quantizer))}."


def dated() -> str:
    """Today's date in UTC."""
    return f"- Date: {datetime.now(timezone.utc):%Y-%m-%d}."


def _versions(onnx: Path | None, quantizer: Path | None) -> list[str]:
    versions = [f"{name} {number}" for name in _PACKAGES if (number := _version(name))]
    for folder, names in ((onnx, _ONNX_PACKAGES), (quantizer, _QUANTIZER_PACKAGES)):
        found = {name: _version(name) for name in names}
        if folder is not None and folder.is_dir():
            found |= {package.name: package.version for package in distributions(path=[str(folder)])}
        versions += [f"{name} {number}" for name in names if (number := found[name])]
    return versions


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _photos(settings: Settings) -> str:
    photos = scan(settings.photos, settings.cores).photos
    sizes = [_size(photo.path) for photo in photos]
    width, height, length = (median(values) for values in zip(*sizes, strict=True))
    return f"{len(photos)} of {settings.photos.name}, median {width:.0f} x {height:.0f} pixels, {length / 1e3:.0f} kB"


def _size(path: Path) -> tuple[int, int, int]:
    with Image.open(path) as image:
        return *image.size, path.stat().st_size
