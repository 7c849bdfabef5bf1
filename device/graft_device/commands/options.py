"""Options and arguments that several commands share."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer


class RuntimeChoice(str, Enum):
    """The values of ``--runtime``."""

    AUTO = "auto"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="The .tflite that 'graft train' wrote.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results and nothing else.")]
RuntimeOption = Annotated[RuntimeChoice, typer.Option(help="Interpreter to use.")]
ThreadsOption = Annotated[Optional[int], typer.Option(min=1, help="Cores to use; all when not given.")]
