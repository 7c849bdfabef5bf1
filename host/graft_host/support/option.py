"""Declares an option once: the command line and the library read its help, limits and default from an options class."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from graft_device.errors import GraftError

_Options = TypeVar("_Options")


class OptionError(GraftError):
    """An option has a value that it does not take.

    Attributes:
        option: the name on the command line, such as ``--image-size``; empty where several are involved.
    """

    exit_status = 2

    def __init__(self, what: str = "", remedy: str = "", *, option: str = "") -> None:
        super().__init__(what, remedy)
        self.option = option

    def __str__(self) -> str:
        """The option and both fields in one line."""
        return f"{self.option}: {super().__str__()}" if self.option else super().__str__()


@dataclass(frozen=True, kw_only=True)
class Option:
    """Describes a field of an options class, as ``field: Annotated[type, Option(help="…")] = default``.

    Attributes:
        help: the text that ``--help`` shows.
        low: the least value of a number.
        high: the greatest value of a number.
        choices: the values of a text that takes only these.
        default: the default as ``--help`` shows it, where the field's own only stands for it.
        above_zero: whether 0 is refused although the help shows it as the least value.
        short: a second name on the command line, such as ``-o``.
        envvar: the environment variable that replaces the default on the command line.
        argument: whether the command line takes the value without a name.
        after: the field behind which the command line shows the option; the end of the list if empty.
        group: the heading under which ``--help`` lists the option.
        parse: reads the value from text on the command line, for a type that the command line does not know; raises
            OptionError.
    """

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    default: str = ""
    above_zero: bool = False
    short: str = ""
    envvar: str | None = None
    argument: bool = False
    after: str = ""
    group: str = ""
    parse: Callable[[str], Any] | None = None

    def check(self, name: str, value: object) -> None:
        """Raises OptionError unless the option takes a value.

        Args:
            name: the option's, which the message gives as on the command line.
            value: a number, a text, or anything else, which is not checked.
        """
        flag = "--" + name.replace("_", "-")
        if self.choices and value not in self.choices:
            raise OptionError(f"there is no {value!r}", f"choose from {', '.join(self.choices)}", option=flag)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return
        if not math.isfinite(value):
            raise OptionError(f"{value} is not a finite number", option=flag)
        if self.above_zero and not value > 0:
            raise OptionError(f"{value} can never be met", "give more", option=flag)
        if self.low is not None and value < self.low:
            raise OptionError(f"{value} is too small", f"give at least {self.low}", option=flag)
        if self.high is not None and value > self.high:
            raise OptionError(f"{value} is too large", f"give at most {self.high}", option=flag)


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """An option as a parameter of a command or a function.

    Attributes:
        name: of the field.
        type: of the field, without ``Annotated``.
        default: of the field; ``MISSING`` where a value must be given.
        option: the field's description.
    """

    name: str
    type: Any
    default: Any
    option: Option


def parameters(options: type, without: Collection[str] = ()) -> list[Parameter]:
    """The parameters of an options class, in the order of ``--help``.

    Fields that are dataclasses stand for the options in them. Of two options with one name, the first counts, and
    ``build`` gives its value to both.

    Args:
        options: the class.
        without: names of options that are left out.
    """
    listed: dict[str, Parameter] = {}
    for parameter in _flat(options):
        listed.setdefault(parameter.name, parameter)
    names = [name for name in listed if not listed[name].option.after]
    for name, parameter in listed.items():
        if parameter.option.after:
            names.insert(names.index(parameter.option.after) + 1, name)
    return [listed[name] for name in names if name not in without]


def build(options: type[_Options], values: Mapping[str, Any]) -> _Options:
    """Creates an options object; what is not given keeps the default of its field.

    Args:
        options: the class.
        values: by option name; other names are ignored. Paths may be text, tuples may be lists, and one path may stand
            for several.

    Raises:
        OptionError: a value is out of its option's range, or not one of its choices.
    """
    arguments: dict[str, Any] = {}
    for field, kind, option in _described(options):
        if option is None and is_dataclass(kind) and isinstance(kind, type):
            arguments[field.name] = build(kind, values)
        elif field.name in values and values[field.name] is None and NoneType in get_args(kind):
            arguments[field.name] = None
        elif field.name in values:
            arguments[field.name] = _converted(field.name, kind, option, values[field.name])
    return options(**arguments)


def _flat(options: type) -> Iterator[Parameter]:
    """The parameters in the order of the fields, those of nested classes where their field is."""
    for field, kind, option in _described(options):
        if option is not None:
            yield Parameter(name=field.name, type=kind, default=_default(field), option=option)
        elif is_dataclass(kind) and isinstance(kind, type):
            yield from _flat(kind)


def _described(options: type) -> list[tuple[Field[Any], Any, Option | None]]:
    """The fields of a class with their types and descriptions."""
    hints = get_type_hints(options, include_extras=True)
    described = []
    for field in fields(options):
        hint, option = hints[field.name], None
        if get_origin(hint) is Annotated:
            hint, *notes = get_args(hint)
            option = next((note for note in notes if isinstance(note, Option)), None)
        described.append((field, hint, option))
    return described


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _converted(name: str, kind: Any, option: Option | None, value: Any) -> Any:
    if option is not None and option.parse is not None and isinstance(value, str):
        value = option.parse(value)
    if kind == tuple[Path, ...]:
        value = tuple(map(Path, [value] if isinstance(value, (str, os.PathLike)) else value or ()))
    elif get_origin(kind) is tuple:
        value = tuple(value)
    elif kind is str and isinstance(value, os.PathLike):
        value = os.fspath(value)
    elif isinstance(value, int) and (kind is float or float in get_args(kind)):
        value = float(value)  # as from the command line, so that the model card is the same
    elif value is not None and (kind is Path or Path in get_args(kind)):
        value = Path(value)
    if option is not None:
        if get_origin(kind) is Literal:
            option = replace(option, choices=get_args(kind))
        for item in value if isinstance(value, tuple) else (value,):
            option.check(name, item)
    return value
