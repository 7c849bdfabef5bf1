"""``graft-device``, the command line on the board. Each command is a module of ``commands``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Annotated

import typer

from graft_device import __version__, console
from graft_device.usage import HELP_NAMES, GroupedCommand


class _Group(console.EdgeGroup):
    """The commands of ``graft-device``."""

    program = "graft-device"
    elsewhere = dict.fromkeys(
        ("check", "train", "evaluate", "report", "search", "compare", "diagnose", "inspect", "export", "sign", "deploy",
         "weights", "fleet", "demo", "collect", "sort", "studio"), "graft",
    )  # fmt: skip


app = typer.Typer(
    cls=_Group,
    context_settings=HELP_NAMES,
    help="Run models that 'graft train' wrote, on a board or any other machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"graft-device {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Declares the options that all commands share; ``console`` handles them."""


EXAMPLES = {
    "classify": "classify pets.tflite photo.jpg --top-k 2",
    "info": "info pets.tflite",
    "run": "run pets.tflite --source /dev/video0 --changes",
    "capture": "capture --label cats --source /dev/video0 -o photos",
    "serve": "serve pets.tflite --port 8000",
    "events": "events events --label cat --since 12h",
    "drift": "drift pets.tflite --days 14",
    "doctor": "doctor pets.tflite",
    "bench": "bench pets.tflite --photo photo.jpg --threads sweep",
    "install": "install pets.tflite",
    "models": "models",
    "rollback": "rollback",
    "config": "config check board.toml",
    "selftest": "selftest pets.tflite",
    "learn": "learn pets.tflite --class rabbits photos/ -o new.tflite",
    "service": "service pets.tflite -- run --source picamera2 --changes",
}
"""The example of each command. A command is a function in a module of ``commands``, both with its name; a group of
commands is a Typer there."""


def register(names: Iterable[str]) -> None:
    """Imports commands and adds them to the app. A board imports only the command that it runs, to start fast."""
    for name in names:
        command = getattr(import_module(f"graft_device.commands.{name}"), name)
        example = f"Example:  graft-device {EXAMPLES[name]}"
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, epilog=example)
        else:
            app.command(cls=GroupedCommand, epilog=example)(command)


def main() -> None:
    """Runs ``graft-device``."""
    wanted = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    console.run(app, lambda: register([wanted] if wanted in EXAMPLES else EXAMPLES))


if __name__ == "__main__":
    main()
