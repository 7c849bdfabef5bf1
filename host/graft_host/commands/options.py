"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from graft_device.commands.options import finite


def above_zero(value: float | None) -> float | None:
    """The callback of options that limit what is always more than 0, so that a limit of 0 is a usage error."""
    if value is not None and finite(value) == 0:
        raise typer.BadParameter("0 can never be met: give more")
    return value


class Tap(str, Enum):
    """The values of ``--tap``."""

    MIXED0 = "mixed0"
    MIXED1 = "mixed1"
    MIXED2 = "mixed2"
    MIXED3 = "mixed3"
    MIXED4 = "mixed4"
    MIXED5 = "mixed5"
    MIXED6 = "mixed6"
    MIXED7 = "mixed7"
    MIXED8 = "mixed8"
    MIXED9 = "mixed9"
    MIXED10 = "mixed10"


class Quantization(str, Enum):
    """The values of ``--quantize``."""

    INT8 = "int8"
    DYNAMIC = "dynamic"
    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Resize(str, Enum):
    """The values of ``--resize``."""

    SQUASH = "squash"
    CROP = "crop"


class Optimizer(str, Enum):
    """The values of ``--optimizer``."""

    LBFGS = "lbfgs"
    SGD = "sgd"


class ClassWeight(str, Enum):
    """The values of ``--class-weight``."""

    NONE = "none"
    BALANCED = "balanced"


class Part(str, Enum):
    """The values of ``--split``."""

    TEST = "test"
    ALL = "all"


JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results and nothing else.")]
CacheOption = Annotated[
    Path | None,
    typer.Option(help="Where backbones and bottlenecks are kept.  [default: $GRAFT_CACHE or ~/.cache/graftkit]"),
]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="Cores to use; all when not given.")]
PhotosArgument = Annotated[Path, typer.Argument(metavar="PHOTOS", help="A folder with a folder of photos per class.")]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite that 'graft train' wrote.")]

WeightsOption = Annotated[
    str,
    typer.Option(
        envvar="GRAFT_WEIGHTS",
        help="imagenet (from Keras's cache, or downloaded), random, or a FILE: Keras notop .h5, or the .pb of 2015.",
    ),
]
TapOption = Annotated[Tap, typer.Option(help="Layer that bottlenecks are taken from: earlier is faster.")]
MIN_IMAGE_SIZE = 75
"""Inception-v3 needs so many pixels: ``keras.applications.InceptionV3`` takes no smaller input."""
MAX_IMAGE_SIZE = 2048
"""Beyond it a photo takes gigabytes and minutes, for a network that learned at 299."""
ImageSizeOption = Annotated[
    int, typer.Option(min=MIN_IMAGE_SIZE, max=MAX_IMAGE_SIZE, help="Input side in pixels: smaller is faster.")
]
ResizeOption = Annotated[Resize, typer.Option(help="squash the whole photo to a square, or crop its central 87.5%.")]
TestPercentOption = Annotated[
    float, typer.Option(min=0.1, max=90, callback=finite, help="Share of photos kept to test the file.")
]
ValidationPercentOption = Annotated[
    float,
    typer.Option(
        min=0, max=90, callback=finite, help="Share of photos that choose the regularization and calibrate the scores."
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Shuffles the split and everything else that is drawn.")]
OptimizerOption = Annotated[
    Optimizer, typer.Option(help="lbfgs: regularized optimum; sgd: plain gradient descent as in 2015.")
]
ClassWeightOption = Annotated[
    ClassWeight, typer.Option(help="balanced: every class counts the same, however many photos it has.")
]
LearningRateOption = Annotated[float, typer.Option(min=1e-9, callback=finite, help="Of sgd.")]
StepsOption = Annotated[int, typer.Option(min=1, help="Of sgd, 100 photos each.")]
AugmentOption = Annotated[int, typer.Option(min=0, max=100, help="Variants of each training photo.")]
UnknownRateOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=0.5,
        callback=finite,
        help="Share of known photos that may be called unknown so that strangers are; 0: never.",
    ),
]


def check_percents(test_percent: float, validation_percent: float) -> None:
    """Raises a usage error if there is nothing left to train on."""
    if not test_percent + validation_percent < 100:  # noqa: PLR2004  percent
        raise typer.BadParameter("--test-percent and --validation-percent leave nothing to train on")
