"""The edge of both command lines: errors become one line and an exit status, here and nowhere else."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Any, NoReturn

import typer
from typer.core import TyperGroup

from graft_device.errors import GraftError

INTERRUPTED = 128 + signal.SIGINT


class EdgeGroup(TyperGroup):
    """A group of commands whose errors end as one line on standard error; ``--debug`` shows the traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs the command and turns what it raises into an exit status."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted; what was finished is kept in the cache")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of our output went away (as in `| head`); nothing may be written at exit either.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        except (GraftError, OSError, MemoryError) as error:
            if ctx.params.get("debug"):
                raise
            say(f"error: {_one_line(error)}")
            raise typer.Exit(getattr(error, "exit_status", 1)) from error


def say(text: str) -> None:
    """A note, warning or error for the person, on standard error."""
    typer.echo(text, err=True)


def run(app: typer.Typer) -> NoReturn:
    """Runs a command line; ``--debug`` is understood anywhere before ``--``."""
    warnings.simplefilter("ignore")
    for stream in (sys.stdout, sys.stderr):
        # File names need not be valid in the terminal's encoding.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    args = sys.argv[1:]
    options = args[: args.index("--")] if "--" in args else args
    if "--debug" in options:
        args.remove("--debug")
        args.insert(0, "--debug")
    app(args)
    sys.exit(0)


def printable(name: object) -> str:
    """A file name or label fit for one line of a terminal."""
    text = str(name)
    return text if text.isprintable() else ascii(text)[1:-1]


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        named = f": {error.filename}" if error.filename else ""
        return printable(f"{error.strerror.lower()}{named}")
    if isinstance(error, MemoryError):
        return "out of memory: close other programs, or use fewer --threads"
    return " ".join(printable(line) for line in str(error).splitlines()) or type(error).__name__
