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
    ClassWeightOption,
    ImageSizeOption,
    JsonOption,
    Optimizer,
    OptimizerOption,
    PhotosArgument,
    Quantization,
    Resize,
    ResizeOption,
    SeedOption,
    Tap,
    TapOption,
    TestPercentOption,
    ThreadsOption,
    ValidationPercentOption,
    WeightsOption,
    check_percents,
)

if TYPE_CHECKING:
    from graft_host.evaluate import Evaluation


def train(
    photos: PhotosArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    weights: WeightsOption = "imagenet",
    tap: TapOption = Tap.MIXED10,
    image_size: ImageSizeOption = 299,
    quantize: Annotated[Quantization, typer.Option(help="Numbers in the file.")] = Quantization.INT8,
    resize: ResizeOption = Resize.SQUASH,
    test_percent: TestPercentOption = 15,
    validation_percent: ValidationPercentOption = 15,
    seed: SeedOption = 0,
    augment: Annotated[int, typer.Option(min=0, max=100, help="Variants of each training photo.")] = 0,
    optimizer: OptimizerOption = Optimizer.LBFGS,
    learning_rate: Annotated[float, typer.Option(min=1e-9, help="Of sgd.")] = 0.5,
    steps: Annotated[int, typer.Option(min=1, help="Of sgd, 100 photos each.")] = 4000,
    class_weight: ClassWeightOption = ClassWeight.NONE,
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Gate: accuracy of the shipped file on the test photos, or exit status 3."),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Gate: how much less accurate than float32 the file may be, or exit status 3."),
    ] = None,
    keep_rejected: Annotated[
        bool, typer.Option("--keep-rejected", help="Keep a file that failed a gate, as OUT.rejected.tflite.")
    ] = False,
    unknown_rate: Annotated[
        float,
        typer.Option(
            min=0, max=0.5, help="Share of known photos that may be called unknown so that strangers are; 0: never."
        ),
    ] = 0.05,
    report: Annotated[Path | None, typer.Option(help="An .html to write: how good the model is, on one page.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a photo that can't be read.")] = False,
    recalibrate: Annotated[bool, typer.Option("--recalibrate", help="Quantize the backbone anew.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing output file.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a folder of folders of photos into one tested .tflite."""
    check_percents(test_percent, validation_percent)
    from graft_host.console import TerminalReporter, evaluation_report, train_report
    from graft_host.dataset import SplitRule
    from graft_host.head import Recipe
    from graft_host.options import TrainOptions
    from graft_host.pipeline import train as run

    options = TrainOptions(
        photos=photos, output=output, weights=weights, tap=tap.value, image_size=image_size,
        quantization=quantize.value, resize=resize.value,
        rule=SplitRule(seed, test_percent, validation_percent),
        recipe=Recipe(optimizer.value, class_weight is ClassWeight.BALANCED, seed, learning_rate, steps),
        augment=augment, threads=threads, cache=cache, overwrite=overwrite, recalibrate=recalibrate, strict=strict,
        unknown_rate=unknown_rate, min_accuracy=min_accuracy, max_drop=max_drop, keep_rejected=keep_rejected,
        report=report,
    )  # fmt: skip
    try:
        result = run(options, TerminalReporter())
    except GateError as refused:
        found = cast("Evaluation", refused.evaluation)
        typer.echo(json.dumps(found.to_json()) if as_json else evaluation_report(found))
        raise
    typer.echo(json.dumps(result.to_json()) if as_json else train_report(result))
