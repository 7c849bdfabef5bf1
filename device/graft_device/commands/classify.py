"""``graft-device classify``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graft_device import console
from graft_device.commands.options import (
    JsonOption,
    ModelArgument,
    RuntimeChoice,
    RuntimeOption,
    ThreadsOption,
    note_checksum,
)
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.classifier import Timed


def classify(
    model: ModelArgument,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE...", help="Photos, or folders whose photos to classify; - for a photo on standard input."
        ),
    ],
    top_k: Annotated[int, typer.Option("--top-k", min=1, help="Labels to print for each photo.")] = 3,
    threads: ThreadsOption = None,
    runtime: RuntimeOption = RuntimeChoice.AUTO,
    no_unknown: Annotated[
        bool, typer.Option("--no-unknown", help="Call no photo unknown, however low its scores are.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Classify photos: files, folders, or one on standard input.

    A photo that can't be read is reported, and the others are still classified. If a photo's best label scores less
    than the threshold in the model card, the photo is unknown.
    """
    from graft_device.errors import PhotoError
    from graft_device.sources.given import given_photos
    from graft_device.trial.trial import open_checked

    classifier = open_checked(model, runtime.value, threads)
    note_checksum(classifier.model)
    failed = 0
    for given in given_photos(images, sys.stdin, _note):
        try:
            if given.photo is None:
                raise PhotoError(given.problem)
            timed = classifier.classify_timed(given.photo, top_k, not no_unknown)
        except PhotoError as error:
            failed += 1
            _print_failure(given.name, str(error), as_json)
            continue
        if as_json:
            typer.echo(json.dumps(_to_json(given.name, timed)))
        else:
            _print(given.name, timed)
    if failed:
        raise typer.Exit(1)


def _to_json(image: str, timed: "Timed") -> dict[str, Any]:
    return {
        "image": image,
        "predictions": [{"label": p.label, "score": round(p.score, 6)} for p in timed.predictions],
        "unknown": timed.unknown,
        **({"reason": timed.reason} if timed.unknown else {}),
        "ms": {"preprocess": round(timed.preprocess_ms, 3), "invoke": round(timed.invoke_ms, 3)},
    }


def _print(image: str, timed: "Timed") -> None:
    from graft_device.ranking import unknown_text

    ranked = "  ".join(f"{printable(p.label)} {p.score:.1%}" for p in timed.predictions)
    typer.echo(f"{printable(image)}: {unknown_text(timed.predictions[0]) if timed.unknown else ranked}")


def _note(text: str) -> None:
    console.mention(f"note: {printable(text)}")


def _print_failure(image: str, reason: str, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"image": image, "error": reason}))
    else:
        console.mention(f"error: {printable(image)}: {reason}")
