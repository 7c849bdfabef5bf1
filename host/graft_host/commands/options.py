"""Options and arguments that several commands share."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from graft_device.commands.options import finite
from graft_host.backbones.family import BackboneError, Family
from graft_host.backbones.registry import DEFAULT, family

_DEFAULTS = family(DEFAULT)


def above_zero(value: float | None) -> float | None:
    """The callback of options that limit what is always more than 0, so that a limit of 0 is a usage error."""
    if value is not None and finite(value) == 0:
        raise typer.BadParameter("0 can never be met: give more")
    return value


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
BackboneOption = Annotated[str, typer.Option(help="Family of networks that the backbone is cut from.")]
TapOption = Annotated[
    str | None,
    typer.Option(
        help=f"Layer that bottlenecks are taken from, {_DEFAULTS.taps[0]} to {_DEFAULTS.taps[-1]}: earlier is faster.  "
        f"[default: {_DEFAULTS.default_tap}, or that of another --backbone]"
    ),
]
ImageSizeOption = Annotated[
    int | None,
    typer.Option(
        help=f"Input side in pixels, {_DEFAULTS.smallest_size} to {_DEFAULTS.largest_size}: smaller is faster.  "
        f"[default: {_DEFAULTS.default_size}, or that of another --backbone]"
    ),
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


def chosen_family(
    backbone: str, taps: Sequence[str | None] = (), sizes: Sequence[int | None] = (), *, many: bool = False
) -> Family:
    """The family of ``--backbone``.

    Args:
        backbone: its name.
        taps: of it; None stands for its default.
        sizes: in pixels that it takes; None stands for its default.
        many: whether the options are ``--taps`` and ``--sizes``.

    Raises:
        typer.BadParameter: there is no such family, tap or size.
    """
    option = "--backbone"
    try:
        chosen = family(backbone)
        option = "--taps" if many else "--tap"
        for tap in taps:
            if tap is not None:
                chosen.depth(tap)
        option = "--sizes" if many else "--image-size"
        for size in sizes:
            if size is not None:
                chosen.check_size(size)
    except BackboneError as error:
        raise typer.BadParameter(str(error), param_hint=f"'{option}'") from error
    return chosen
