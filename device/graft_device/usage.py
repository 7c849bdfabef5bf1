"""How both command lines explain themselves: groups of options in ``--help``, and usage errors in one style."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand

from graft_device.text import printable

HELP_NAMES = {"help_option_names": ["-h", "--help"]}
"""The context settings that make ``-h`` the same as ``--help``, for a program and its commands."""

USAGE_STATUS = 2

UsageError: Any = typer.BadParameter.__mro__[1]
"""Click's error for a wrong command line. Typer does not export it, and contains a Click of its own from 0.26 on."""


OPTIONAL_VALUES = {"--on-motion": "0.5"}
"""The options whose value, a number, may be left out, and what it is then. Typer has no such options."""


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?(nan|inf)", re.IGNORECASE)


class GroupedCommand(TyperCommand):
    """A command whose help lists options under headings, and whose ``OPTIONAL_VALUES`` may be left out.

    An option names its heading as ``rich_help_panel``; those without one come first, as ``Options``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Adds the values that were left out, and parses the words of the command line."""
        given = [word for word, following in zip(args, [*args[1:], ""]) for word in _with_value(word, following)]
        return super().parse_args(ctx, given)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes the sections of arguments and options."""
        sections: dict[str, list[Any]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
                sections.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def _with_value(word: str, following: str) -> tuple[str, ...]:
    """A word, and the value of its option if the next word is not one."""
    if word not in OPTIONAL_VALUES or re.fullmatch(
        r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|nan|[-+]?inf", following, re.IGNORECASE
    ):
        return (word,)
    return (word, OPTIONAL_VALUES[word])


def of_another_program(error: Any, name: str, program: str, programs: Mapping[str, str]) -> None:
    """Adds to the error of an unknown command which program has it.

    Args:
        error: the usage error; its message is changed.
        name: the command.
        program: the program that was started.
        programs: the programs of commands that this one does not have.
    """
    if name in programs:
        error.message = f"{program} has no command {name!r}; run: {programs[name]} {name}"


def refuse(error: Any) -> NoReturn:
    """Prints a wrong command line's usage and error on standard error, and ends the process with status 2."""
    if type(error).__name__ == "NoArgsIsHelpError":  # a program without a command prints its help
        error.show()
        sys.exit(USAGE_STATUS)
    context = error.ctx
    if context is not None:
        typer.echo(f"{context.get_usage()}\nTry '{context.command_path} --help' for help.\n", err=True)
    message = " ".join(printable(line) for line in error.format_message().splitlines()).rstrip(".")
    typer.echo(f"error: {message[:1].lower()}{message[1:]}", err=True)
    sys.exit(USAGE_STATUS)
