"""Writes the arguments of a task as options of the command that does the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from graft_host.support.option import parameters


def flags(options: type, values: Mapping[str, Any], without: Collection[str] = ()) -> list[str]:
    """The words of a command line for values of an options class, in the order of its help.

    Args:
        options: the class.
        values: by option name; what is None, empty or the default is left out.
        without: names of options that are left out.
    """
    words: list[str] = []
    for parameter in parameters(options, without):
        value, flag = values.get(parameter.name), "--" + parameter.name.replace("_", "-")
        if value is None or value in ("", [], ()) or value == parameter.default:
            continue
        if isinstance(parameter.default, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, (list, tuple)) and parameter.option.parse is not None:
            words += [flag, ",".join(map(str, value))]
        elif isinstance(value, (list, tuple)):
            words += [word for item in value for word in (flag, str(item))]
        else:
            words += [flag, str(value)]
    return words
