"""Options and arguments that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


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
