"""``graft compare``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

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
    from graft_host.comparison import Comparison


def compare(
    photos: PhotosArgument,
    weights: WeightsOption = "imagenet",
    backbone: BackboneOption = DEFAULT,
    tap: TapOption = None,
    image_size: ImageSizeOption = None,
    resize: ResizeOption = Resize.SQUASH,
    test_percent: TestPercentOption = 15,
    validation_percent: ValidationPercentOption = 15,
    seed: SeedOption = 0,
    augment: AugmentOption = 0,
    optimizer: OptimizerOption = Optimizer.LBFGS,
    learning_rate: LearningRateOption = 0.5,
    steps: StepsOption = 4000,
    class_weight: ClassWeightOption = ClassWeight.NONE,
    unknown_rate: UnknownRateOption = 0.05,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put float32, float16, dynamic and int8 of the same head and backbone side by side."""
    check_percents(test_percent, validation_percent)
    chosen_family(backbone, [tap], [image_size])
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.comparison import compare as run
    from graft_host.heads.head import Recipe
    from graft_host.photos.split import SplitRule
    from graft_host.training.options import HeadOptions

    options = HeadOptions(
        photos=photos, weights=weights, backbone=backbone, tap=tap or "", image_size=image_size or 0,
        resize=resize.value, rule=SplitRule(seed, test_percent, validation_percent),
        recipe=Recipe(optimizer.value, class_weight is ClassWeight.BALANCED, seed, learning_rate, steps),
        augment=augment, unknown_rate=unknown_rate, threads=threads, cache=cache,
    )  # fmt: skip
    result = run(options, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else _report(result))


def _report(result: Comparison) -> str:
    from graft_host.commands.terminal.console import short, table

    header = ["numbers", "head", "accuracy", "agrees", "largest drop", "MB", "ms"]
    rows = [
        [
            row.quantization,
            row.head,
            f"{row.accuracy:.4f}",
            f"{row.agreement:.1%}",
            "none" if row.worst_class is None else f"{row.drop:.4f} {short(row.worst_class)}",
            f"{row.bytes / 1e6:.1f}",
            f"{row.ms:.1f}",
        ]
        for row in result.rows
    ]
    return "\n".join(
        [
            table(header, rows),
            "",
            f"On {result.photos} test photos; agreement and drop (of a class's recall) are against float32.",
            "The head was trained on float32 bottlenecks, and is the same in all four; in the last row it is the one",
            "that graft train ships, trained on the bottlenecks of the int8 backbone itself.",
            f"Milliseconds: median of one inference here, {result.runtime}, threads: {result.threads}.",
        ]
    )
