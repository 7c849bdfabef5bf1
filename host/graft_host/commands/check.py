"""``graft check``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from graft_device.errors import GateError
from graft_host.commands.options import (
    CacheOption,
    JsonOption,
    PhotosArgument,
    Quantization,
    Resize,
    Tap,
    ThreadsOption,
)


def check(
    photos: PhotosArgument,
    weights: Annotated[
        str, typer.Option(envvar="GRAFT_WEIGHTS", help="As in 'graft train'; mislabels are looked for with them.")
    ] = "imagenet",
    tap: Annotated[
        Tap, typer.Option(help="As in 'graft train', which then finds its bottlenecks cached.")
    ] = Tap.MIXED10,
    image_size: Annotated[int, typer.Option(min=75, help="As in 'graft train'.")] = 299,
    quantize: Annotated[Quantization, typer.Option(help="As in 'graft train'.")] = Quantization.INT8,
    resize: Annotated[Resize, typer.Option(help="As in 'graft train'.")] = Resize.SQUASH,
    test_percent: Annotated[float, typer.Option(min=0.1, max=90, help="As in 'graft train'.")] = 15,
    validation_percent: Annotated[float, typer.Option(min=0, max=90, help="As in 'graft train'.")] = 15,
    seed: Annotated[int, typer.Option(min=0, help="As in 'graft train'.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 3 if anything is found.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong with a folder of photos before training on it."""
    if not test_percent + validation_percent < 100:  # noqa: PLR2004  percent; refuses nan as well
        raise typer.BadParameter("--test-percent and --validation-percent leave nothing to train on")
    from graft_host.check import CheckOptions
    from graft_host.check import check as run
    from graft_host.check_report import check_report
    from graft_host.console import TerminalReporter
    from graft_host.dataset import SplitRule

    options = CheckOptions(
        photos=photos, weights=weights, tap=tap.value, image_size=image_size, quantization=quantize.value,
        resize=resize.value, rule=SplitRule(seed, test_percent, validation_percent), threads=threads, cache=cache,
    )  # fmt: skip
    result = run(options, TerminalReporter())
    typer.echo(json.dumps(result.to_json()) if as_json else check_report(result))
    if strict and result.findings:
        raise GateError(f"--strict: {len(result.findings)} findings in {photos}")
