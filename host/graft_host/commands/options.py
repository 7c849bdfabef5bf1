"""Turns options classes into the parameters of commands, and declares what other commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from dataclasses import MISSING
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar

import typer

from graft_device.commands.options import finite
from graft_device.errors import GraftError
from graft_host.photos.given.options import ALSO, LABELS
from graft_host.support.option import Option, OptionError, Parameter, build, parameters
from graft_host.training.options import CACHE, PHOTOS, THREADS

_Options = TypeVar("_Options")
_Own = ParamSpec("_Own")


class SplitChoice(str, Enum):
    """The values of ``--split``."""

    TEST = "test"
    ALL = "all"


def above_zero(value: float | None) -> float | None:
    """The callback of options that limit what is always more than 0, so that a limit of 0 is a usage error."""
    if value is not None and finite(value) == 0:
        raise typer.BadParameter("0 can never be met: give more")
    return value


def shown(option: Option, *names: str) -> Any:
    """What Typer needs to know about an option.

    Args:
        option: its declaration.
        names: on the command line, or none for that of the parameter; for an argument the name in the usage line.
    """
    callback = above_zero if option.above_zero else finite if option.low is not None else None
    text = f"{option.help}  [default: {option.default}]" if option.default else option.help
    if option.argument:
        return typer.Argument(metavar=names[0], help=option.help)
    return typer.Option(
        *names,
        min=option.low,
        max=option.high,
        callback=callback,
        envvar=option.envvar,
        help=text,
        show_default=not option.default,
        rich_help_panel=option.group or None,
    )


JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results and nothing else.")]
CacheOption = Annotated[Path | None, shown(CACHE)]
ThreadsOption = Annotated[int | None, shown(THREADS)]
PhotosArgument = Annotated[Path, shown(PHOTOS, "PHOTOS")]
AlsoOption = Annotated[list[Path] | None, shown(ALSO, "--also")]
LabelsOption = Annotated[list[Path] | None, shown(LABELS, "--labels")]
ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A .tflite that 'graft train' wrote.")]


def takes(
    options: type[_Options], without: Collection[str] = ()
) -> Callable[[Callable[Concatenate[_Options, _Own], None]], Callable[..., None]]:
    """Makes a function that takes an options object a command with a parameter for each option.

    The function's own parameters come before ``--threads`` in the help, and ``--json`` comes last.

    Args:
        options: the class of the function's first argument.
        without: names of options that the command does not have; they keep their defaults.
    """
    declared = parameters(options, without)

    def decorate(function: Callable[Concatenate[_Options, _Own], None]) -> Callable[..., None]:
        own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        own_names = [parameter.name for parameter in own]

        @wraps(function)
        def command(*args: _Own.args, **values: _Own.kwargs) -> None:
            try:
                given = {parameter.name: _given(parameter, values) for parameter in declared}
                given = {name: value for name, value in given.items() if value is not None}
                built = build(options, given)
            except OptionError as error:
                hint = f"'{error.option}'" if error.option else None
                raise typer.BadParameter(GraftError.__str__(error), param_hint=hint) from error
            function(built, *args, **{name: values[name] for name in own_names})  # type: ignore[arg-type]

        listed = [_parameter(parameter) for parameter in declared]
        place = next(index for index, parameter in enumerate(listed) if parameter.name == "threads")
        listed[place:place] = [parameter for parameter in own if parameter.name != "as_json"]
        listed += [parameter for parameter in own if parameter.name == "as_json"]
        named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in listed]
        command.__signature__ = inspect.Signature(named)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in named}
        return command

    return decorate


def _switched_off(parameter: Parameter) -> bool:
    return parameter.default is True


def _parameter(parameter: Parameter) -> inspect.Parameter:
    """An option as Typer reads it from a signature."""
    option, kind, default = parameter.option, parameter.type, parameter.default
    name = parameter.name
    flag = "--" + name.replace("_", "-")
    if option.parse is not None:
        kind, default = str | None, None
    elif option.choices:
        kind = Literal[option.choices]
    elif kind == tuple[Path, ...]:
        kind, default = list[Path] | None, None
    elif kind == tuple[str, ...]:
        kind, default = list[str] | None, None
    elif _switched_off(parameter):
        name, flag, default = f"no_{name}", f"--no-{flag[2:]}", False
    if option.default:
        kind, default = kind | None, None
    names = [name.upper()] if option.argument else [option.short, flag] if option.short else [flag]
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if default is MISSING else default,
        annotation=Annotated[kind, shown(option, *names)],
    )


def _given(parameter: Parameter, values: dict[str, Any]) -> Any:
    """The value of an option on the command line; None where it is not given.

    Raises:
        OptionError: the value stands for the default in the options class.
    """
    if _switched_off(parameter):
        return not values[f"no_{parameter.name}"]
    value = values[parameter.name]
    if parameter.option.default and value is not None and value == parameter.default:
        flag = "--" + parameter.name.replace("_", "-")
        raise OptionError(f"{value!r} is not a value that it takes", option=flag)
    return value
