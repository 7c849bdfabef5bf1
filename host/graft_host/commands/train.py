"""``graft train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft_device.commands.options import finite
from graft_host.backbones.registry import DEFAULT
from graft_host.commands.options import (
    AugmentOption,
    BackboneOption,
    CacheOption,
    ClassWeight,
    ClassWeightOption,
    ImageSizeOption,
    JsonOption,
    LearningRateOption,
    Optimizer,
    OptimizerOption,
    PhotosArgument,
    Quantization,
    Resize,
    ResizeOption,
    SeedOption,
    StepsOption,
    TapOption,
    TestPercentOption,
    ThreadsOption,
    UnknownRateOption,
    ValidationPercentOption,
    WeightsOption,
    check_percents,
    chosen_family,
)

if TYPE_CHECKING:
    from graft_host.training.result import TrainResult


def train(
    photos: PhotosArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="The .tflite to write.")],
    weights: WeightsOption = "imagenet",
    backbone: BackboneOption = DEFAULT,
    tap: TapOption = None,
    image_size: ImageSizeOption = None,
    quantize: Annotated[Quantization, typer.Option(help="Numbers in the file.")] = Quantization.INT8,
    resize: ResizeOption = Resize.SQUASH,
    test_percent: TestPercentOption = 15,
    validation_percent: ValidationPercentOption = 15,
    seed: SeedOption = 0,
    augment: AugmentOption = 0,
    optimizer: OptimizerOption = Optimizer.LBFGS,
    learning_rate: LearningRateOption = 0.5,
    steps: StepsOption = 4000,
    class_weight: ClassWeightOption = ClassWeight.NONE,
    min_accuracy: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="Gate: accuracy of the shipped file on the test photos, or exit status 3.",
        ),
    ] = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="Gate: how much less accurate than float32 the file may be, or exit status 3.",
        ),
    ] = None,
    keep_rejected: Annotated[
        bool, typer.Option("--keep-rejected", help="Keep a file that failed a gate, as OUT.rejected.tflite.")
    ] = False,
    unknown_rate: UnknownRateOption = 0.05,
    report: Annotated[Path | None, typer.Option(help="An .html to write: how good the model is, on one page.")] = None,
    no_golden: Annotated[
        bool, typer.Option("--no-golden", help="Put no test photos into the file for the board's self-test.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a photo that can't be read.")] = False,
    recalibrate: Annotated[bool, typer.Option("--recalibrate", help="Quantize the backbone anew.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier model or report.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a folder of folders of photos into one tested .tflite."""
    check_percents(test_percent, validation_percent)
    chosen_family(backbone, [tap], [image_size])
    from graft_host.commands.terminal.console import TerminalReporter, train_report
    from graft_host.heads.head import Recipe
    from graft_host.photos.split import SplitRule
    from graft_host.training.delivery import RejectedError, UnreportedError
    from graft_host.training.options import TrainOptions
    from graft_host.training.pipeline import train as run

    options = TrainOptions(
        photos=photos, output=output, weights=weights, backbone=backbone, tap=tap or "", image_size=image_size or 0,
        quantization=quantize.value, resize=resize.value,
        rule=SplitRule(seed, test_percent, validation_percent),
        recipe=Recipe(optimizer.value, class_weight is ClassWeight.BALANCED, seed, learning_rate, steps),
        augment=augment, threads=threads, cache=cache, overwrite=overwrite, recalibrate=recalibrate, strict=strict,
        unknown_rate=unknown_rate, min_accuracy=min_accuracy, max_drop=max_drop, keep_rejected=keep_rejected,
        report=report, golden_photos=not no_golden,
    )  # fmt: skip

    def tell(result: TrainResult) -> None:
        typer.echo(json.dumps(result.to_json()) if as_json else train_report(result))

    try:
        tell(run(options, TerminalReporter()))
    except (RejectedError, UnreportedError) as short:
        tell(short.result)
        raise
