"""``graft-device config``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, Optional

import typer

from graft_device import console
from graft_device.commands.options import JsonOption
from graft_device.commands.store_options import StoreOption, open_store
from graft_device.text import printable
from graft_device.usage import HELP_NAMES, GroupedCommand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_device.config.mistakes import Mistake
    from graft_device.config.settings import BoardSettings
    from graft_device.doctor.parts import Part


class _Group(console.EdgeGroup):
    """The commands of ``graft-device config``."""

    program = "graft-device config"


config = typer.Typer(
    cls=_Group,
    context_settings=HELP_NAMES,
    help="Write and check the file that says what a board does.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@config.command(cls=GroupedCommand, epilog="Example:  graft-device config check board.toml")
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file of 'run --config'.", readable=False)],
    as_json: JsonOption = False,
) -> None:
    """Name every mistake in a board.toml, with its line.

    Models, places and secrets that the file names are looked at, too; cameras and connections are not opened. What is
    missing here but may be on the board is a note. The exit status is 1 if 'graft-device run' would refuse the file.
    """
    from graft_device.board.checking import examine
    from graft_device.config.mistakes import ConfigError
    from graft_device.config.reading import open_board_file

    try:
        board = open_board_file(file)
    except ConfigError as error:
        if not error.mistakes:
            raise
        _refuse(file, error.mistakes, (), as_json)
    findings = examine(board.settings)
    placed = [(finding.grave, board.mistake(finding.path, finding.what, finding.remedy)) for finding in findings]
    placed.sort(key=lambda entry: entry[1].line)
    notes = [mistake for grave, mistake in placed if not grave]
    mistakes = [mistake for grave, mistake in placed if grave]
    if mistakes:
        _refuse(file, mistakes, notes, as_json)
    if as_json:
        _print_json(file, (), notes)
        return
    typer.echo(f"{printable(file)} is sound: {_summary(board.settings)}")
    _print_notes(file, notes)


@config.command(cls=GroupedCommand, epilog="Example:  graft-device config init -o board.toml")
def init(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="File to write.")] = Path("board.toml"),
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take the first camera and the first model.")] = False,
    store: StoreOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a board.toml for the camera and the model that are here.

    It looks for cameras, for the store's current model, and for models in the current folder. In a terminal it asks
    which one to take if there are several. All other keys are in the file as comments with an example.
    """
    from graft_device.config.mistakes import ConfigError
    from graft_device.config.schema import SCHEMA_FILE
    from graft_device.config.template import Start, template
    from graft_device.doctor.cameras import read_cameras
    from graft_device.doctor.parts import Part, camera_parts, model_parts
    from graft_device.system.durable import write_atomically
    from graft_device.system.plain import check_plain_if_there

    check_plain_if_there(output)
    if output.exists() and not overwrite:
        raise ConfigError(
            f"{output} already exists", "replace it with --overwrite, or write another file with --output"
        )
    asks = sys.stdin.isatty() and not yes and not as_json
    cameras = camera_parts(read_cameras())
    models = model_parts(Path(), open_store(store))
    camera = _chosen("camera", cameras, asks) or Part("/dev/video0", "camera", "")
    model = _chosen("model", models, asks) or Part("model.tflite", "model", "")
    start = Start(model.name, _beside(model.value, output), camera.name, camera.value)
    text = template(start, printable(output.name), SCHEMA_FILE.as_uri())
    write_atomically(output, text.encode())
    if as_json:
        typer.echo(json.dumps({"file": str(output), "place": start.place, "model": start.model_file}))
    else:
        typer.echo(f"wrote {printable(output)}: {start.place} with {printable(start.model_file)}")
    for what, found, value in (("camera", cameras, start.place), ("model", models, start.model_file)):
        if not found:
            console.say(f"note: no {what} was found, so the file names {value}; change that line")


@config.command(cls=GroupedCommand, epilog="Example:  graft-device config schema -o board.schema.json")
def schema(
    output: Annotated[
        Optional[Path], typer.Option("--output", "-o", metavar="FILE", help="File to write.  [default: print it]")
    ] = None,
) -> None:
    """Print the JSON Schema of board.toml, for editors.

    The first line of a file names its schema, as editors with Taplo read it: #:schema ./board.schema.json
    """
    from graft_device.config.schema import SCHEMA_FILE
    from graft_device.system.durable import write_atomically
    from graft_device.system.plain import check_plain_if_there

    data = SCHEMA_FILE.read_bytes()
    if output is None:
        typer.echo(data.decode(), nl=False)
    else:
        check_plain_if_there(output)
        write_atomically(output, data)
        console.say(f"wrote {printable(output)}")


def _refuse(file: Path, mistakes: "Sequence[Mistake]", notes: "Sequence[Mistake]", as_json: bool) -> NoReturn:
    if as_json:
        _print_json(file, mistakes, notes)
    else:
        for mistake in mistakes:
            typer.echo(mistake.at(file))
        _print_notes(file, notes)
        count = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        console.say(f"error: {printable(file)} has {count}")
    raise typer.Exit(1)


def _print_json(file: Path, mistakes: "Sequence[Mistake]", notes: "Sequence[Mistake]") -> None:
    listed = {"mistakes": [each.to_json() for each in mistakes], "notes": [each.to_json() for each in notes]}
    typer.echo(json.dumps({"file": str(file), "sound": not mistakes, **listed}))


def _print_notes(file: Path, notes: "Sequence[Mistake]") -> None:
    for note in notes:
        console.say(f"note: {note.at(file)}")


def _summary(settings: "BoardSettings") -> str:
    """How many of everything a file has, such as ``2 models, 1 source, 3 regions``."""
    counts = {
        "model": len(settings.models),
        "source": len(settings.sources),
        "region": sum(region.roi is not None for source in settings.sources for region in source.regions),
        "sink": len(settings.sinks),
        "rule": len(settings.rules),
    }
    words = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count or name == "model"]
    parts = {"page": settings.http, "events": settings.events, "uncertain photos": settings.uncertain}
    names = [name for name, part in parts.items() if part is not None]
    return ", ".join([*words, *names, *([] if settings.capture is None else ["captured pictures"])])


def _chosen(what: str, parts: "Sequence[Part]", asks: bool) -> "Optional[Part]":
    """The first part, or the one that a person chooses; None if there is none."""
    if len(parts) > 1 and asks:
        for number, part in enumerate(parts, 1):
            console.say(f"{number:>3}  {printable(part.value)}  {printable(part.text)}")
        numbers = [str(number) for number in range(1, len(parts) + 1)]
        answer = ""
        while answer not in numbers:
            answer = typer.prompt(f"Number of the {what}", default="1", err=True).strip()
        return parts[int(answer) - 1]
    return parts[0] if parts else None


def _beside(model: str, output: Path) -> str:
    """The path of a model as the file has it: its name if it is beside the file."""
    path = Path(os.path.abspath(model))  # noqa: PTH100  a link in a store stays one
    return path.name if path.parent == Path(os.path.abspath(output.parent)) else str(path)  # noqa: PTH100
