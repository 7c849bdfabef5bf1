"""Writes the reference of both command lines from the command lines themselves, as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from typer.main import get_command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEFAULT_IN_HELP = re.compile(r"\s*\[default: (?P<default>[^\]]*)\]")


def commands(program: str) -> Mapping[str, Any]:
    """The commands of ``graft`` or ``graft-device`` by name, as Typer builds them."""
    if program == "graft":
        from graft_host.cli import app
    else:
        from graft_device.cli import EXAMPLES, app, register

        if not app.registered_commands:
            register(EXAMPLES)
    group: Any = get_command(app)
    return dict(_flat(group.commands))


def _flat(listed: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each command with its name; one of a group has both names, such as ``fleet status``."""
    for name, command in listed.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", entry) for inner, entry in _flat(command.commands))
        else:
            yield name, command


def page_name(program: str, command: str) -> str:
    """The file name of a command's page."""
    return f"{program}-{command.replace(' ', '-')}.md"


def describe(program: str, command: str) -> str:
    """The part of a command's page that comes from the command line: usage, arguments and options."""
    parsed = commands(program)[command]
    arguments = [parameter for parameter in parsed.params if parameter.param_type_name == "argument"]
    options = [parameter for parameter in parsed.params if parameter.param_type_name == "option"]
    words = [program, command, "[OPTIONS]", *(_in_usage(argument) for argument in arguments)]
    example = (parsed.epilog or "").removeprefix("Example:").strip()
    parts = [parsed.help.strip(), "```text\n" + " ".join(words) + "\n```"]
    if arguments:
        parts.append(_table("Argument", [[f"`{_name(entry)}`", _text(entry)] for entry in arguments], ["Meaning"]))
    if options:
        parts.append(_table("Option", [_option(entry) for entry in options], ["Meaning", "Values", "Default"]))
    parts.append(f"Example: `{example}`. Every command takes `--help` and `--debug`, too.")
    return "\n\n".join(parts) + "\n"


def _in_usage(argument: Any) -> str:
    name = _name(argument)
    if argument.nargs == -1 and not name.endswith("..."):
        name += "..."
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _name(argument: Any) -> str:
    return str(argument.human_readable_name)


def _option(option: Any) -> list[str]:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    help_text, default = _DEFAULT_IN_HELP.sub("", option.help or ""), ""
    described = _DEFAULT_IN_HELP.search(option.help or "")
    if described is not None:
        default = described["default"]
    elif option.required:
        default = "required"
    elif option.default is not None and option.default is not False:
        default = f"`{getattr(option.default, 'value', option.default)}`"
    if option.envvar:
        default = f"{default}; `${option.envvar}`".removeprefix("; ")
    repeats = " Repeatable." if option.multiple and "repeatable" not in help_text.lower() else ""
    return [names, _cell(help_text) + repeats, _values(option), _cell(default)]


def _values(option: Any) -> str:
    """What may follow an option: its choices, its range, or the kind of value."""
    kind = option.type
    if option.is_flag:
        return ""
    if hasattr(kind, "choices"):
        return ", ".join(f"`{getattr(choice, 'value', choice)}`" for choice in kind.choices)
    if hasattr(kind, "min"):
        return _range(kind)
    return "path" if "Path" in type(kind).__name__ else "text"


def _range(kind: Any) -> str:
    if kind.max is None:
        return "number" if kind.min is None else f"{kind.min:g} or more"
    return f"up to {kind.max:g}" if kind.min is None else f"{kind.min:g} to {kind.max:g}"


def _text(parameter: Any) -> str:
    return _cell(parameter.help or "")


def _cell(text: str) -> str:
    """Text for a cell of a table: on one line, without what Markdown would take for markup."""
    text = " ".join(text.split())
    return re.sub(r"(?<!`)(--[a-z][a-z-]*)(?!`)", r"`\1`", text).replace("|", "\\|").replace("<", "&lt;")


def _table(first: str, rows: list[list[str]], others: list[str]) -> str:
    head = [first, *others]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
