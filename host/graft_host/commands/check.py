"""``graft check``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from graft_device.errors import GateError
from graft_host.backbones.registry import DEFAULT
from graft_host.commands.options import (
    BackboneOption,
    CacheOption,
    ImageSizeOption,
    JsonOption,
    PhotosArgument,
    Quantization,
    Resize,
    ResizeOption,
    SeedOption,
    TapOption,
    TestPercentOption,
    ThreadsOption,
    ValidationPercentOption,
    check_percents,
    chosen_family,
)


def check(
    photos: PhotosArgument,
    weights: Annotated[
        str, typer.Option(envvar="GRAFT_WEIGHTS", help="As in 'graft train'; mislabels are looked for with them.")
    ] = "imagenet",
    backbone: BackboneOption = DEFAULT,
    tap: TapOption = None,
    image_size: ImageSizeOption = None,
    quantize: Annotated[Quantization, typer.Option(help="Numbers in the file.")] = Quantization.INT8,
    resize: ResizeOption = Resize.SQUASH,
    test_percent: TestPercentOption = 15,
    validation_percent: ValidationPercentOption = 15,
    seed: SeedOption = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 3 if anything is found.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong with a folder of photos before training on it.

    Options are those of 'graft train', which then finds backbone and bottlenecks cached.
    """
    check_percents(test_percent, validation_percent)
    chosen_family(backbone, [tap], [image_size])
    from graft_host.commands.terminal.check_text import check_report
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.photo_check import check as run
    from graft_host.photos.split import SplitRule
    from graft_host.training.options import HeadOptions

    options = HeadOptions(
        photos=photos, weights=weights, backbone=backbone, tap=tap or "", image_size=image_size or 0,
        quantization=quantize.value, resize=resize.value, rule=SplitRule(seed, test_percent, validation_percent),
        threads=threads, cache=cache,
    )  # fmt: skip
    result = run(options, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else check_report(result))
    if strict and result.findings:
        raise GateError(f"--strict: {len(result.findings)} findings in {photos}")
