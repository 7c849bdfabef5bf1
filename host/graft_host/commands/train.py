"""``graft train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from graft_device.errors import GateError
from graft_host.commands.options import (
    CacheOption,
    ClassWeight,
    JsonOption,
    Optimizer,
    PhotosArgument,
    Quantization,
    Resize,
    Tap,
    ThreadsOption,
)

if TYPE_CHECKING:
    from graft_host.evaluate import Evaluation


def train(
    photos: PhotosArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    weights: Annotated[
        str,
        typer.Option(
            envvar="GRAFT_WEIGHTS",
            help="imagenet (from Keras's cache, or downloaded), random, or a Keras notop .h5 FILE.",
        ),
    ] = "imagenet",
    tap: Annotated[Tap, typer.Option(help="Layer that bottlenecks are taken from: earlier is faster.")] = Tap.MIXED10,
    image_size: Annotated[int, typer.Option(min=75, help="Input side in pixels: smaller is faster.")] = 299,
    quantize: Annotated[Quantization, typer.Option(help="Numbers in the file.")] = Quantization.INT8,
    resize: Annotated[
        Resize, typer.Option(help="squash the whole photo to a square, or crop its central 87.5%.")
    ] = Resize.SQUASH,
    test_percent: Annotated[float, typer.Option(min=0.1, max=90, help="Share of photos kept to test the file.")] = 15,
    validation_percent: Annotated[
        float, typer.Option(min=0, max=90, help="Share of photos that choose the regularization.")
    ] = 15,
    seed: Annotated[int, typer.Option(min=0, help="Shuffles the split and everything else that is drawn.")] = 0,
    augment: Annotated[int, typer.Option(min=0, max=100, help="Variants of each training photo.")] = 0,
    optimizer: Annotated[
        Optimizer, typer.Option(help="lbfgs: regularized optimum; sgd: plain gradient descent as in 2015.")
    ] = Optimizer.LBFGS,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Of sgd.")] = 0.5,
    steps: Annotated[int, typer.Option(min=1, help="Of sgd, 100 photos each.")] = 4000,
    class_weight: Annotated[
        ClassWeight, typer.Option(help="balanced: every class counts the same, however many photos it has.")
    ] = ClassWeight.NONE,
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Gate: accuracy of the shipped file on the test photos, or exit status 3."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a photo that can't be read.")] = False,
    recalibrate: Annotated[bool, typer.Option("--recalibrate", help="Quantize the backbone anew.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output file.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a folder of folders of photos into one tested .tflite."""
    if not test_percent + validation_percent < 100:  # noqa: PLR2004  percent; refuses nan as well
        raise typer.BadParameter("--test-percent and --validation-percent leave nothing to train on")
    from graft_host.console import TerminalReporter, evaluation_report, train_report
    from graft_host.dataset import SplitRule
    from graft_host.head import Recipe
    from graft_host.pipeline import train as run
    from graft_host.run import TrainOptions

    options = TrainOptions(
        photos=photos, output=output, weights=weights, tap=tap.value, image_size=image_size,
        quantization=quantize.value, resize=resize.value,
        rule=SplitRule(seed, test_percent, validation_percent),
        recipe=Recipe(optimizer.value, class_weight is ClassWeight.BALANCED, seed, learning_rate, steps),
        augment=augment, threads=threads, cache=cache, overwrite=overwrite, recalibrate=recalibrate, strict=strict,
        min_accuracy=min_accuracy,
    )  # fmt: skip
    try:
        result = run(options, TerminalReporter())
    except GateError as refused:
        found = cast("Evaluation", refused.evaluation)
        typer.echo(json.dumps(found.to_json()) if as_json else evaluation_report(found))
        raise
    typer.echo(json.dumps(result.to_json()) if as_json else train_report(result))
