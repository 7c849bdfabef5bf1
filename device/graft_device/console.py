"""The edge of both command lines: turns errors into one line and an exit status."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import typer
from typer.core import TyperGroup

from graft_device.errors import GraftError
from graft_device.failure import Failure, wanted_as_json
from graft_device.system.abandoned import leave
from graft_device.text import printable
from graft_device.usage import UsageError, of_another_program, refuse

INTERRUPTED = 128 + signal.SIGINT
_INTERRUPTED_LINE = "interrupted; what was finished is kept"


class EdgeGroup(TyperGroup):
    """A group of commands. Prints errors as one line on standard error; ``--debug`` shows the traceback.

    Attributes:
        program: the name of this program.
        elsewhere: the programs of commands that this one does not have but people look for here.
    """

    program: ClassVar[str] = ""
    elsewhere: ClassVar[Mapping[str, str]] = {}
    _ended_itself = False

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Runs the program to its end; a usage error ends it with exit status 2."""
        try:
            status = super().main(*args, **{**extra, "standalone_mode": False})
        except UsageError as error:
            refuse(error)
        if status == INTERRUPTED and not self._ended_itself:  # before the command began, or while it was ended
            say(_INTERRUPTED_LINE)
        sys.exit(status if isinstance(status, int) else 0)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Finds the command; the error for one of another program names that program."""
        try:
            return super().resolve_command(ctx, args)
        except UsageError as error:
            of_another_program(error, args[0], self.program, self.elsewhere)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Runs the command and turns an exception into an exit status."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say(_INTERRUPTED_LINE)
            self._ended_itself = True
            raise typer.Exit(INTERRUPTED) from None
        except typer.Exit:
            self._ended_itself = True
            raise
        except BrokenPipeError:
            _write_nothing_at_exit()  # nobody reads the output any more, as in `| head`
            raise typer.Exit(1) from None
        except (GraftError, OSError, MemoryError) as error:
            if ctx.params.get("debug"):
                import traceback

                traceback.print_exc()
            else:
                say(_error_line(error))
            try:
                sys.stdout.flush()
            except OSError:  # a full disk: Python 3.14 would try again at exit, and end with status 120
                _write_nothing_at_exit()
            raise typer.Exit(getattr(error, "exit_status", 1)) from error


def _write_nothing_at_exit() -> None:
    """Sends what is left of the output to nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Prints a note, warning or error for the user on standard error."""
    typer.echo(text, err=True)


def mention(text: str) -> None:
    """Prints like ``say``, but ignores a closed standard error and a full disk, so that the work goes on."""
    with contextlib.suppress(OSError, ValueError):
        say(text)


def run(app: typer.Typer, prepare: Callable[[], object] = lambda: None) -> NoReturn:
    """Runs a command line and exits. ``--debug`` may be anywhere before ``--``.

    Args:
        app: the command line.
        prepare: called first, to add commands to the command line.
    """
    try:
        _end(app, prepare)
    except SystemExit as end:
        leave(end.code)
        raise


def _end(app: typer.Typer, prepare: Callable[[], object]) -> NoReturn:
    try:
        try:
            prepare()
            _run(app)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, signal.SIG_DFL)  # nothing is left to finish: a signal ends it at once
    except (KeyboardInterrupt, typer.Abort):  # outside of a command, or while the first signal was being answered
        say(_INTERRUPTED_LINE)
        sys.exit(INTERRUPTED)


def _run(app: typer.Typer) -> NoReturn:
    args = sys.argv[1:]
    options = args[: args.index("--")] if "--" in args else args
    _prepare_streams()
    if "--debug" in options:
        args.remove("--debug")
        args.insert(0, "--debug")
        app(args)
        sys.exit(0)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGTERM, _terminated)
    with _native_notes_hidden():
        try:
            app(args)
        except typer.Abort:  # Typer's name for Ctrl-C outside of a command
            raise
        except Exception as error:  # noqa: BLE001  a bug, but still one line for the user
            say(f"error: unexpected {type(error).__name__}: {_one_line(error)}; --debug shows where")
            sys.exit(1)
    sys.exit(0)


def _terminated(*_: object) -> NoReturn:
    """Ends the process as Ctrl-C does, so that its child processes end and its temporary files are removed."""
    raise KeyboardInterrupt


def _prepare_streams() -> None:
    """Opens standard streams that the caller closed, and escapes what the terminal's encoding cannot print."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  open until the end
        else:
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _native_notes_hidden() -> Iterator[None]:
    """Hides the ``INFO:`` lines that TFLite's C++ code writes to descriptor 2.

    Python writes to the terminal directly. The output of native code passes through a filter.
    """
    sys.stderr.flush()
    terminal = os.dup(sys.stderr.fileno())
    python_stderr, sys.stderr = (
        sys.stderr,
        os.fdopen(terminal, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace"),
    )
    reading, writing = os.pipe()
    forwarder = threading.Thread(target=_forward, args=(reading, terminal), daemon=True)
    forwarder.start()
    try:
        os.dup2(writing, 2)
        os.close(writing)
        yield
    finally:
        os.dup2(terminal, 2)  # closes the last writer of the pipe, which ends the forwarder
        forwarder.join(timeout=1)
        sys.stderr = python_stderr


def _forward(reading: int, terminal: int) -> None:
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            if not line.startswith(b"INFO: "):
                os.write(terminal, line)


def _error_line(error: GraftError | OSError | MemoryError) -> str:
    """The line for a person, or for the program that started this one and reads its errors."""
    if not wanted_as_json():
        return f"error: {_one_line(error)}"
    return (Failure.of(error) if isinstance(error, GraftError) else Failure(_one_line(error))).line()


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        named = f": {error.filename}" if error.filename else ""
        return printable(f"{error.strerror.lower()}{named}")
    if isinstance(error, MemoryError):
        return "out of memory: close other programs, or use fewer --threads"
    return " ".join(printable(line) for line in str(error).splitlines()) or type(error).__name__
