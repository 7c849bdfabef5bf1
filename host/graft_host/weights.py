"""Backbone weights: where they come from, what they hold, and how they are told apart."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import WeightsError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TAPS = tuple(f"mixed{i}" for i in range(11))

# How many convolutions, in Keras's order of creation, a network up to each tap has.
_CONVOLUTIONS = dict(zip(TAPS, (12, 19, 26, 30, 40, 50, 60, 70, 76, 85, 94), strict=True))

NAMED = ("imagenet", "random")


@dataclass(frozen=True)
class ConvWeights:
    """One convolution and its batch norm, inference statistics, no gamma.

    Attributes:
        kernel: float32 ``[height, width, in, out]``.
        beta: float32 ``[out]``; likewise ``mean`` and ``variance``.
    """

    kernel: NDArray[np.float32]
    beta: NDArray[np.float32]
    mean: NDArray[np.float32]
    variance: NDArray[np.float32]


@dataclass(frozen=True)
class WeightsSource:
    """Weights that have been found, not yet read.

    Attributes:
        name: ``imagenet``, ``random``, a known file's name in ``models/backbones.toml``, or the file's own name.
        path: the file; None for ``random``.
        fingerprint: SHA-256 of the file, or ``random:SEED``.
        seed: for ``random``.
        mean: subtracted from pixels (0 to 255) before …
        std: … they are divided by this.
    """

    name: str
    path: Path | None
    fingerprint: str
    seed: int = 0
    mean: float = 127.5
    std: float = 127.5

    @property
    def pretrained(self) -> bool:
        """False for random weights, which have seen no photo."""
        return self.path is not None


def find_weights(spec: str, seed: int = 0) -> WeightsSource:
    """Finds weights by what ``--weights`` says.

    Args:
        spec: ``imagenet``, ``random``, or the path of a Keras notop ``.h5`` file.
        seed: what ``random`` is drawn from.

    Raises:
        WeightsError: there is no such file, or ImageNet's cannot be downloaded.
    """
    if spec == "random":
        return WeightsSource("random", None, f"random:{seed}", seed)
    known = known_backbones()
    if spec == "imagenet":
        return _identified(_imagenet_file(known["imagenet"]), known, "imagenet")
    path = Path(spec).expanduser()
    if not path.is_file():
        names = ", ".join(NAMED)
        raise WeightsError(f"no such weights file: {spec}; give {names} or the path of a Keras notop .h5 file")
    return _identified(path, known, path.name)


def check_tap(source: WeightsSource, tap: str) -> None:
    """Makes sure that the weights reach as far as the tap.

    Raises:
        WeightsError: they don't, with the last tap that they hold; or the file is not Inception-v3.
    """
    if source.path is not None:
        _check_reach(source.path, len(_file_convolutions(source.path)), tap)


def read_weights(source: WeightsSource, tap: str, shapes: list[tuple[int, ...]]) -> list[ConvWeights]:
    """Reads the convolutions up to a tap.

    Args:
        source: from ``find_weights``.
        tap: the last layer that is needed.
        shapes: the kernel shapes that the network expects, in Keras's order of creation.

    Raises:
        WeightsError: the file does not fit the network.
    """
    if source.path is None:
        return _random_weights(shapes, source.seed)
    check_tap(source, tap)
    return _from_file(source.path, shapes)


def known_backbones() -> dict[str, dict[str, Any]]:
    """The entries of ``models/backbones.toml``."""
    installed = Path(__file__).with_name("backbones.toml")
    path = installed if installed.is_file() else Path(__file__).parents[2] / "models" / "backbones.toml"
    with path.open("rb") as file:
        return tomllib.load(file)


def imagenet_path() -> Path:
    """Where Keras keeps its own copy of the ImageNet weights, present or not."""
    home = os.environ.get("KERAS_HOME")
    folder = Path(home).expanduser() if home else Path.home() / ".keras"
    return folder / "models" / str(known_backbones()["imagenet"]["file"])


def _identified(path: Path, known: dict[str, dict[str, Any]], name: str) -> WeightsSource:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256") if sys.version_info >= (3, 11) else _digest(file)
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}") from error
    found = digest.hexdigest()
    entry = next((n for n, e in known.items() if e.get("sha256") == found), name)
    scale = known.get(entry, {})
    return WeightsSource(
        entry, path, found, mean=float(scale.get("mean", 127.5)), std=float(scale.get("std", 127.5))
    )


def _digest(file: Any) -> Any:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest


def _imagenet_file(entry: dict[str, Any]) -> Path:
    path = imagenet_path()
    if path.is_file():
        return path
    from graft_host.isolated import call_quietly

    try:
        call_quietly("graft_host.download", {"file": entry["file"], "origin": entry["source"], "md5": entry["md5"]})
    except Exception as error:
        raise WeightsError(
            f"the ImageNet weights are neither at {path} nor could they be downloaded ({error}); "
            f"put {entry['file']} from {entry['source']} there, or give --weights FILE or --weights random"
        ) from error
    return path


def _check_reach(path: Path, found: int, tap: str) -> None:
    reached = [name for name, needed in _CONVOLUTIONS.items() if needed <= found]
    if not reached:
        raise WeightsError(f"{path} holds {found} convolutions, too few for Inception-v3's first tap, mixed0")
    if _CONVOLUTIONS[tap] > found:
        raise WeightsError(f"{path} ends at {reached[-1]}, before {tap}: use --tap {reached[-1]} or an earlier one")


def _file_convolutions(path: Path) -> list[str]:
    import h5py

    try:
        with h5py.File(path, "r") as file:
            names = [_text(name) for name in file.attrs.get("layer_names", ())]
    except OSError as error:
        raise WeightsError(f"{path} is not a Keras .h5 weights file, or is cut short ({error})") from error
    if not names:
        raise WeightsError(
            f"{path} is not in Keras's notop layout (no layer_names); "
            "save the network's weights in the legacy HDF5 format, or use --weights imagenet"
        )
    return sorted((n for n in names if re.fullmatch(r"conv2d(_\d+)?", n)), key=_number)


def _from_file(path: Path, shapes: list[tuple[int, ...]]) -> list[ConvWeights]:
    import h5py

    layers: list[ConvWeights] = []
    try:
        with h5py.File(path, "r") as file:
            names = [_text(name) for name in file.attrs["layer_names"]]
            norms = sorted((n for n in names if n.startswith("batch_normalization")), key=_number)
            for conv, norm in zip(_file_convolutions(path), norms, strict=False):
                (kernel,) = _arrays(file[conv], "kernel")
                layers.append(ConvWeights(kernel, *_arrays(file[norm], "beta", "moving_mean", "moving_variance")))
                if len(layers) == len(shapes):
                    break
    except (OSError, KeyError, ValueError) as error:
        raise WeightsError(f"{path} cannot be read as Keras weights ({error})") from error
    _check_shapes(path, layers, shapes)
    return layers


def _arrays(group: Any, *wanted: str) -> list[NDArray[np.float32]]:
    """The arrays of one layer by the last part of their names (``conv2d_1/kernel:0`` is ``kernel``)."""
    found = {}
    for name in group.attrs["weight_names"]:
        text = _text(name)
        found[text.rsplit("/", 1)[-1].split(":")[0]] = np.asarray(group[text], np.float32)
    return [found[name] for name in wanted]


def _check_shapes(path: Path, layers: list[ConvWeights], shapes: list[tuple[int, ...]]) -> None:
    if len(layers) < len(shapes):
        raise WeightsError(f"{path} holds {len(layers)} of {len(shapes)} convolutions with their batch norms")
    for index, (layer, shape) in enumerate(zip(layers, shapes, strict=True)):
        if layer.kernel.shape != shape:
            raise WeightsError(
                f"{path} is not Inception-v3: convolution {index} is {list(layer.kernel.shape)}, "
                f"the network's is {list(shape)}"
            )
        if not all(np.isfinite(a).all() for a in (layer.kernel, layer.beta, layer.mean, layer.variance)):
            raise WeightsError(f"{path} is damaged: convolution {index} holds numbers that are not finite")


def _random_weights(shapes: list[tuple[int, ...]], seed: int) -> list[ConvWeights]:
    """He et al. 2015 (normal, variance 2 / fan-in), which keeps activations at one scale through ReLUs."""
    rng = np.random.default_rng(seed)
    layers = []
    for shape in shapes:
        deviation = np.sqrt(2 / np.prod(shape[:3]))
        kernel = rng.normal(0, deviation, shape).astype(np.float32)
        zeros, ones = np.zeros(shape[3], np.float32), np.ones(shape[3], np.float32)
        layers.append(ConvWeights(kernel, zeros, zeros, ones))
    return layers


def _number(name: str) -> int:
    tail = name.rsplit("_", 1)[-1]
    return int(tail) if tail.isdigit() else 0


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
