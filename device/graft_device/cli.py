"""``graft-device``: the command line on the board; each command is a module of ``commands``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

from typing import Annotated

import typer

from graft_device import __version__, console
from graft_device.commands.classify import classify
from graft_device.commands.info import info

app = typer.Typer(
    cls=console.EdgeGroup,
    help="Run models that 'graft train' wrote, on a board or anywhere else.",
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
    """Holds the options that every command shares; ``console`` acts on them."""


app.command(epilog="Example:  graft-device classify pets.tflite photo.jpg --top-k 2")(classify)
app.command(epilog="Example:  graft-device info pets.tflite")(info)


def main() -> None:
    """The entry point of ``graft-device``."""
    console.run(app)


if __name__ == "__main__":
    main()
