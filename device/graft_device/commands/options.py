"""The options and arguments that several commands share."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import math
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from graft_device import console
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.model import ModelFile


class RuntimeChoice(str, Enum):
    """The values of ``--runtime``."""

    AUTO = "auto"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


def note_checksum(model: "ModelFile", name: Optional[Path] = None) -> None:
    """Prints a note if the model has no checksum of its network; ``name`` replaces the model's path in it."""
    from graft_device.model import without_checksum

    line = without_checksum(model, name)
    if line is not None:
        console.mention(f"note: {printable(line)}")


def in_store(path: Path) -> Path:
    """The store's current model if the path is a store of ``graft-device install``; otherwise the path itself."""
    current = path / "current" / "model.tflite"
    return current if current.is_file() else path


def finite(number: Optional[float]) -> Optional[float]:
    """The callback of every numeric option: nan and inf, which Typer's ranges accept, are usage errors."""
    if number is not None and not math.isfinite(number):
        raise typer.BadParameter(f"{number} is not a finite number")
    return number


ModelArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MODEL",
        help="A .tflite file that 'graft train' wrote, or a store for its current model.",
        callback=in_store,
        readable=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results and nothing else.")]
RuntimeOption = Annotated[RuntimeChoice, typer.Option(help="TFLite runtime to use.")]
ThreadsOption = Annotated[Optional[int], typer.Option(min=1, help="Cores to use.  [default: all]")]
