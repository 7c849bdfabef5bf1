"""The shape of an export format, and what it is given and returns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_host.support.outside.packages import Packages

if TYPE_CHECKING:
    from graft_device.model import ModelFile
    from graft_host.backbones.family import WeightsSource
    from graft_host.support.destination import OutputKind

INPUT, OUTPUT = "image", "probabilities"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What is exported.

    Attributes:
        model: a ``.tflite`` file that ``graft train`` wrote.
        weights: the float weights of its backbone; None where the format does not use them.
        float_network: whether the float network was asked for although the file is int8.
    """

    model: ModelFile
    weights: WeightsSource | None = None
    float_network: bool = False


@dataclass(frozen=True, kw_only=True)
class Image:
    """The input of an exported network: RGB pixels from 0 to 255, of one photo or several.

    Attributes:
        size: the width and height S in pixels.
        dtype: of a pixel: ``float32`` or ``uint8``.
        batch: the number of photos; None where any will do.
        channels_first: whether the shape is ``[N,3,S,S]``; ``[N,S,S,3]`` otherwise.
    """

    size: int
    dtype: str = "float32"
    batch: int | None = None
    channels_first: bool = False

    @property
    def shape(self) -> tuple[int | None, ...]:
        """The shape of the tensor, None for a batch of any size."""
        if self.channels_first:
            return self.batch, 3, self.size, self.size
        return self.batch, self.size, self.size, 3

    @property
    def text(self) -> str:
        """The input in words."""
        order = ", channels first" if self.channels_first else ""
        return f"{self.dtype}, {self.size} x {self.size} RGB pixels, 0 to 255{order}"


@dataclass(frozen=True, kw_only=True)
class Product:
    """What a format wrote into the staging folder.

    Attributes:
        path: the file or folder that is put in place.
        image: the input of the network.
    """

    path: Path
    image: Image


def any_name(_: Path) -> None:
    """The check of a format whose exports may have any name."""


def any_model(_: Source) -> None:
    """The check of a format that takes every model."""


def no_steps(_: Source, __: Path) -> str:
    """Nothing to do after the export."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Format:
    """A value of ``--format``.

    What needs more than the standard library is imported inside the functions: the command line reads the formats too.

    Attributes:
        name: the value on the command line.
        help: the description in ``--help``, one clause without a full stop.
        folder: whether the export is a folder; a file otherwise.
        suffix: the end of a file's name; empty where any will do.
        suffix_reason: the end of the sentence that the name does not end so, such as "as Keras requires".
        packages: what must be installed; None where ``graftkit[host]`` is enough.
        kind: how an earlier export is recognised; nothing else is replaced.
        check_name: raises ExportError if the export cannot have this name.
        check: raises GraftError if the model cannot be exported so; called before weights are looked for.
        takes_float: whether ``--float`` makes a difference.
        uses_weights: whether the float weights of the backbone are needed.
        write: writes the export into an empty folder and returns it; raises OSError if the disk is full.
        next_steps: what to do with the export of a model at a place, as lines for a person; empty for nothing.
    """

    name: str
    help: str
    folder: bool = False
    suffix: str = ""
    suffix_reason: str = ""
    packages: Packages | None = None
    kind: OutputKind
    check_name: Callable[[Path], None] = any_name
    check: Callable[[Source], None] = any_model
    takes_float: bool = False
    uses_weights: bool
    write: Callable[[Source, Path], Product]
    next_steps: Callable[[Source, Path], str] = no_steps


def output_json(labels: tuple[str, ...], batch: int | None) -> dict[str, Any]:
    """The output of an exported network as plain values: probabilities in the order of the labels."""
    return {"name": OUTPUT, "shape": [batch, len(labels)], "dtype": "float32"}


def input_json(image: Image) -> dict[str, Any]:
    """The input of an exported network as plain values."""
    return {"name": INPUT, "shape": list(image.shape), "dtype": image.dtype, "range": [0, 255]}
