"""What the studio lets a person choose about a training, with the checks of ``graft train``."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any, get_args

from graft_device.text import printable
from graft_host.backbones.weights.find import VARIABLE
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import MODELS, PHOTOS, Project
from graft_host.studio.project.models import SUFFIX
from graft_host.studio.tasks.looking import LIGHT
from graft_host.studio.tasks.task import Arguments
from graft_host.support.option import OptionError, Parameter, build, parameters
from graft_host.training.options import TrainOptions

CHOICES = (
    "backbone", "tap", "readout", "image_size", "quantize", "resize", "augment", "camera_copies", "fine_tune",
    "unknown_rate", "min_accuracy", "max_drop", "not_worse_than", "class_weight", "source", "source_weight", "match",
    "seed", "test_percent", "validation_percent", "weights",
)  # fmt: skip
"""The options by their names in ``graft_host.train``."""

DEFAULTS: Mapping[str, Any] = {"backbone": LIGHT}
"""Where the studio starts elsewhere than the command: this network is quick, and its weights need no download."""

_PATHS = ("not_worse_than", "source", "match")
_LONGEST_NAME = 80


def model_of(name: str) -> str:
    """The file of a model, relative to the project.

    Args:
        name: as a person gives it, without the suffix.

    Raises:
        StudioError: it cannot be the name of a file.
    """
    name = name.strip().removesuffix(SUFFIX)
    if not name:
        raise StudioError("the model has no name", "give it one")
    if name.startswith((".", "-")) or "/" in name or "\\" in name or printable(name) != name:
        raise StudioError(f"{printable(name)} cannot be the name of a file", "use letters, digits, - and _")
    if len(name) > _LONGEST_NAME or len(name.encode()) > 2 * _LONGEST_NAME:
        raise StudioError("the name of the model is too long", f"use at most {_LONGEST_NAME} characters")
    return f"{MODELS}/{name}{SUFFIX}"


def report_of(model: str) -> str:
    """The file of the report of a model, relative to the project."""
    return f"{model.removesuffix(SUFFIX)}.html"


def check_choices(project: Project, choices: Arguments) -> None:
    """Checks values by the names in ``CHOICES``.

    Raises:
        OptionError: a value is not one that the option takes; its ``option`` names it.
        StudioError: a value is of a wrong kind, or a path leads out of the project.
    """
    options(project, {**choices, "output": f"{MODELS}/x{SUFFIX}"})


def options(project: Project, arguments: Arguments) -> TrainOptions:
    """The options of a training.

    Args:
        project: in which paths are.
        arguments: ``output``, ``overwrite``, and values by the names in ``CHOICES``.

    Raises:
        OptionError: a value is not one that the option takes.
        StudioError: a value is of a wrong kind, or a path leads out of the project.
    """
    values: dict[str, Any] = {"photos": project.inside(PHOTOS)}
    for name, value in arguments.items():
        if name not in (*CHOICES, "output", "overwrite"):
            raise StudioError(f"the studio does not train with {name!r}", "remove it")
        _check_kind(name, value)
        values[name] = _inside(project, value) if name in (*_PATHS, "output") else value
    output = arguments.get("output")
    if not isinstance(output, str) or output != model_of(Path(output).name):
        raise StudioError("the model is to be written elsewhere", f"give a file in {MODELS}/ that ends with {SUFFIX}")
    weights = arguments.get("weights")
    if weights is None:
        values["weights"] = os.environ.get(VARIABLE) or "imagenet"  # as the command takes it
    elif weights not in {"imagenet", "random"}:
        values["weights"] = str(project.inside(weights))
    values["report"] = project.inside(report_of(output))
    return build(TrainOptions, values)


def command(arguments: Arguments) -> str:
    """The command line that does the same in the project's folder."""
    output = arguments["output"]
    words = ["graft", "train", f"{PHOTOS}/", "-o", output]
    for name in CHOICES:
        words += _words(name, arguments[name]) if name in arguments else []
    words += ["--report", report_of(output)]
    words += ["--overwrite"] if arguments.get("overwrite") else []
    return shlex.join(words)


def default(name: str) -> Any:
    """What an option is if the studio does not say otherwise; None where it depends on others."""
    return DEFAULTS.get(name, _parameters()[name].default)


def _words(name: str, value: Any) -> Iterator[str]:
    if value == _parameters()[name].default or value is None:
        return
    for one in value if isinstance(value, list) else [value]:
        yield from (f"--{name.replace('_', '-')}", f"{one:g}" if isinstance(one, float) else str(one))


@cache
def _parameters() -> Mapping[str, Parameter]:
    return {parameter.name: parameter for parameter in parameters(TrainOptions)}


def _check_kind(name: str, value: Any) -> None:
    """Raises OptionError if a value, such as one that a person wrote into a file, is of another kind."""
    kind = _parameters()[name].type
    kinds = get_args(kind) if NoneType in get_args(kind) or name == "source_weight" else (kind,)
    if value is None and NoneType in kinds:
        return
    if name in _PATHS or name == "output":
        sound = isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))
    elif bool in kinds:
        sound = isinstance(value, bool)
    elif float in kinds or int in kinds:
        whole = isinstance(value, int) or float in kinds
        sound = isinstance(value, (int, float)) and not isinstance(value, bool) and whole
        sound = sound or (name == "source_weight" and isinstance(value, str))
    else:
        sound = isinstance(value, str)
    if not sound:
        flag = f"--{name.replace('_', '-')}"
        raise OptionError(f"{value!r} is of a wrong kind", "give another value, or remove it", option=flag)


def _inside(project: Project, value: Any) -> Any:
    if isinstance(value, list):
        return [project.inside(one) for one in value]
    return None if value is None else project.inside(value)
