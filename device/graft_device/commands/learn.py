"""``graft-device learn``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from graft_device import console
from graft_device.commands.options import (
    JsonOption,
    ModelArgument,
    RuntimeChoice,
    RuntimeOption,
    ThreadsOption,
    finite,
)
from graft_device.commands.store_options import StoreOption, open_store
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.learning.result import LearnResult
    from graft_device.store.slots import Store


def learn(
    model: ModelArgument,
    photos: Annotated[list[str], typer.Argument(metavar="PHOTOS...", help="Photos of the class, or folders of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="NEW.tflite", help="The .tflite to write.")],
    new_class: Annotated[
        Optional[str], typer.Option("--class", metavar="NAME", help="A class that the model does not have yet.")
    ] = None,
    correct: Annotated[
        Optional[str],
        typer.Option(
            "--correct",
            metavar="LABEL",
            help="A class that the model has; PHOTOS show it, but the model gets them wrong.",
        ),
    ] = None,
    max_loss: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="Gate: most accuracy that the old classes may lose, on remembered photos.",
        ),
    ] = 0.05,
    key: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="An SSH key of this board that signs the file."),
    ] = None,
    store: StoreOption = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier NEW.tflite.")] = False,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Learn a class on this board, from a few photos.

    The network stays as it is and its last layer is made again, so it takes seconds. The running model is not touched:
    install the new file like any other. Exit status: 3 if a gate or the self-test failed, 4 if this board requires
    signatures and the file has no valid one, 1 for any other error; nothing is written then.
    """
    from graft_device.learning.learn import learn as run
    from graft_device.learning.request import Request

    if (new_class is None) == (correct is None):
        raise typer.BadParameter("give one of --class and --correct")
    request = Request(
        model,
        str(new_class if correct is None else correct),
        correct is None,
        tuple(photos),
        output,
        max_loss,
        key,
        _store(model, store),
        overwrite,
        runtime.value,
        threads,
    )
    result = run(request, _note)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
        return
    for line in _lines(result):
        typer.echo(printable(line))
    if result.repeated:
        were = "1 photo was" if result.repeated == 1 else f"{result.repeated} photos were"
        _note(f"{were} given twice, or known already, and counted once")
    for line in result.notes:
        _note(line)
    if result.signature is None:
        _note("the new file is not signed, whether the old one was or not")


def _store(model: Path, chosen: Optional[Path]) -> "Store":
    """The store given, or the one that the model is the current one of, or the default one."""
    inside = model.parent.parent
    if chosen is None and model.name == "model.tflite" and (inside / "graftkit-store").is_file():
        return open_store(inside)
    return open_store(chosen)


def _note(text: str) -> None:
    console.mention(f"note: {printable(text)}")


def _lines(result: "LearnResult") -> "list[str]":
    how = "the last layer was trained again" if result.how == "trained" else "a row was added to the last layer"
    memory = f" with {result.remembered:,} remembered" if result.remembered else ""
    count = f"{result.photos} photo{'' if result.photos == 1 else 's'}"
    what = f"{result.label}, a new class" if result.adds else f"{result.label}, corrected"
    lines = [
        f"learned    {what}, from {count}{memory}: {how}",
        f"written    {result.model} ({result.bytes / 1e6:.1f} MB) in {result.seconds['total']:.1f} s",
    ]
    if result.signature is not None:
        lines.append(f"signed     {result.signature}")
    width = max(8, *(len(printable(label)) for label in result.classes))
    lines += ["", f"{'class':<{width}}  photos  named before  named now  unknown now"]
    for label, figures in result.classes.items():
        cells = f"{_share(figures.before):>12}  {_share(figures.after):>9}  {_share(figures.refused):>11}"
        lines.append(f"{printable(label):<{width}}  {figures.photos:>6}  {cells}")
    return lines


def _share(value: Optional[float]) -> str:
    return "-" if value is None else f"{value:.1%}"
