"""``graft-device``: the command line on the board."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.
# ruff: noqa: FA100

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from graft_device import __version__, console

if TYPE_CHECKING:
    from graft_device.classifier import Timed

app = typer.Typer(
    cls=console.EdgeGroup,
    help="Run models that 'graft train' wrote, on a board or anywhere else.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class RuntimeChoice(str, Enum):
    """The values of ``--runtime``."""

    AUTO = "auto"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="The .tflite that 'graft train' wrote.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results and nothing else.")]


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


@app.command(epilog="Example:  graft-device classify pets.tflite photo.jpg --top-k 2")
def classify(
    model: ModelArgument,
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Photos to name.")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Labels to print a photo.")] = 3,
    threads: Annotated[Optional[int], typer.Option(min=1, help="Cores to use; all when not given.")] = None,
    runtime: Annotated[RuntimeChoice, typer.Option(help="Interpreter to use.")] = RuntimeChoice.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Name what is in photos. A photo that can't be read is reported, and the others still run."""
    from graft_device.classifier import Classifier
    from graft_device.errors import PhotoError

    classifier = Classifier(model, runtime.value, threads)
    failed = 0
    for image in images:
        try:
            answer = classifier.classify_timed(image, top_k)
        except PhotoError as error:
            failed += 1
            _print_failure(image, str(error), as_json)
            continue
        if as_json:
            typer.echo(json.dumps(_answer(image, answer)))
        else:
            _print_answer(image, answer)
    if failed:
        raise typer.Exit(1)


@app.command(epilog="Example:  graft-device info pets.tflite")
def info(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Show what a model is: labels, backbone, quantization, training figures."""
    from graft_device.model import read_model

    found = read_model(model)
    if as_json:
        typer.echo(json.dumps(found.to_json()))
        return
    card = found.card
    accuracy = card.training.get("accuracy", {}).get("shipped")
    rows = {
        "model": str(found.path),
        "size": f"{found.bytes / 1e6:.1f} MB",
        "labels": ", ".join(map(console.printable, found.labels)),
        "network": f"{card.backbone.get('name')} up to {card.tap}, weights {card.backbone.get('weights')}",
        "input": f"{card.image_size} x {card.image_size} RGB, resized by {card.resize}",
        "numbers": card.quantization,
        "accuracy": "not measured" if accuracy is None else f"{accuracy:.1%} on its test photos",
        "written by": f"graftkit {card.kit_version}",
    }
    for name, value in rows.items():
        typer.echo(f"{name:<11} {console.printable(value)}")


def _answer(image: str, answer: "Timed") -> dict[str, Any]:
    return {
        "image": image,
        "predictions": [{"label": p.label, "score": round(p.score, 6)} for p in answer.predictions],
        "ms": {"preprocess": round(answer.preprocess_ms, 3), "invoke": round(answer.invoke_ms, 3)},
    }


def _print_answer(image: str, answer: "Timed") -> None:
    ranked = "  ".join(f"{console.printable(p.label)} {p.score:.1%}" for p in answer.predictions)
    typer.echo(f"{console.printable(image)}: {ranked}")


def _print_failure(image: str, reason: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"image": image, "error": reason}))
    else:
        console.say(f"error: {console.printable(image)}: {reason}")


def main() -> None:
    """The entry point of ``graft-device``."""
    console.run(app)


if __name__ == "__main__":
    main()
