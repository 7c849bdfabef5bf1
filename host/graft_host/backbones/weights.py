"""Backbone weights: where they come from, what they hold, and how they are told apart."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from graft_device.errors import ExportError, WeightsError
from graft_host.backbones.graph_2015.graph import read_graph
from graft_host.backbones.inception_v3 import ConvWeights, check_layers, check_reach, random_weights
from graft_host.backbones.keras_h5 import convolution_names, read_layers
from graft_host.support.destination import Source
from graft_host.support.isolated import call_quietly

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAMED = ("imagenet", "random")
_CHOICES = f"{', '.join(NAMED)} or the path of a Keras notop .h5 file or of the 2015 graph (.pb)"


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
        last_pool: what the pooling branch of mixed10 takes: ``avg``, or ``max`` as in the 2015 graph.
        layout: of the file: ``keras``, or ``graph`` for the 2015 graph.
    """

    name: str
    path: Path | None
    fingerprint: str
    seed: int = 0
    mean: float = 127.5
    std: float = 127.5
    last_pool: str = "avg"
    layout: str = "keras"

    @property
    def pretrained(self) -> bool:
        """False for random weights, which have seen no photo."""
        return self.path is not None


def find_weights(spec: str, seed: int = 0) -> WeightsSource:
    """Finds weights by what ``--weights`` says.

    Args:
        spec: ``imagenet``, ``random``, or the path of a Keras notop ``.h5`` file or of the 2015 graph.
        seed: what ``random`` is drawn from.

    Raises:
        WeightsError: there is no such file, it is neither HDF5 nor the 2015 graph, or ImageNet's cannot be downloaded.
    """
    if spec == "random":
        return WeightsSource("random", None, f"random:{seed}", seed)
    known = known_backbones()
    if spec == "imagenet":
        return _identified(_imagenet_file(known["imagenet"]), known, "imagenet")
    path = Path(os.path.expanduser(spec))  # noqa: PTH111  Path's own fails where there is no such user
    return _identified(path, known, path.name)


def check_tap(source: WeightsSource, tap: str) -> None:
    """Makes sure that the weights reach as far as the tap.

    Raises:
        WeightsError: they don't, with the last tap that they hold; or the file is not Inception-v3.
    """
    if source.path is None:
        return
    of_graph = source.layout == "graph"
    found = len(read_graph(source.path).layers if of_graph else convolution_names(source.path))
    check_reach(source.path, found, tap)


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
        return random_weights(shapes, source.seed)
    check_tap(source, tap)
    if source.layout == "keras":
        return read_layers(source.path, shapes)
    layers = read_graph(source.path).layers[: len(shapes)]
    check_layers(source.path, layers, shapes)
    return layers


def known_backbones() -> dict[str, dict[str, Any]]:
    """The entries of ``models/backbones.toml``."""
    installed = Path(__file__).with_name("backbones.toml")
    path = installed if installed.is_file() else Path(__file__).parents[3] / "models" / "backbones.toml"
    with path.open("rb") as file:
        entries: dict[str, dict[str, Any]] = tomllib.load(file)
    return entries


def imagenet_path() -> Path:
    """Where Keras keeps its own copy of the ImageNet weights, present or not."""
    home = os.environ.get("KERAS_HOME")
    folder = os.path.expanduser(home or "~/.keras")  # noqa: PTH111  Path's own fails where there is no home
    return Path(folder) / "models" / str(known_backbones()["imagenet"]["file"])


def _identified(path: Path, known: dict[str, dict[str, Any]], name: str) -> WeightsSource:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise WeightsError(f"{path} is not a file: give {_CHOICES}")
        with path.open("rb") as file:
            digest, old_digest = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            while block := file.read(1 << 20):
                digest.update(block)
                old_digest.update(block)
    except (FileNotFoundError, ValueError) as error:
        raise WeightsError(f"no such weights file: {path}; give {_CHOICES}") from error
    except OSError as error:
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}") from error
    found = digest.hexdigest()
    sums = {found, old_digest.hexdigest()}
    entry = next((n for n, e in known.items() if sums & {e.get("sha256"), e.get("md5")}), name)
    if not h5py.is_hdf5(os.fspath(path)):
        graph = read_graph(path)
        return WeightsSource(entry, path, found, 0, graph.mean, graph.std, graph.last_pool, "graph")
    scale = known.get(entry, {})
    return WeightsSource(entry, path, found, mean=float(scale.get("mean", 127.5)), std=float(scale.get("std", 127.5)))


def _imagenet_file(entry: dict[str, Any]) -> Path:
    path = imagenet_path()
    if path.is_file():
        return path
    home, part = path.parents[1], path.with_name(f"{path.name}.part")
    try:
        if str(home).startswith("~"):
            raise ExportError("there is no home folder to keep them in; name one in $KERAS_HOME")
        home.mkdir(parents=True, exist_ok=True)
        if not os.access(home, os.W_OK):
            raise ExportError(f"{home} cannot be written to")  # Keras would take /tmp instead
        # Under the name that counts only when it is whole: an interrupted download is begun again.
        call_quietly(
            "graft_host.backbones.download", {"file": part.name, "origin": entry["source"], "md5": entry["md5"]}
        )
        part.replace(path)
    except (ExportError, OSError) as error:
        raise WeightsError(
            f"the ImageNet weights are neither at {path} nor could they be downloaded ({error}); "
            f"put {entry['file']} from {entry['source']} there, or give --weights FILE or --weights random"
        ) from error
    return path


def weights_source(spec: str) -> list[Source]:
    """The file behind ``--weights``, if there is one."""
    if spec == "random":
        return []
    path = imagenet_path() if spec == "imagenet" else Path(os.path.expanduser(spec))  # noqa: PTH111  as above
    return [Source("weights", path)]
