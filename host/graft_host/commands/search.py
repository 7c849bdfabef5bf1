"""``graft search``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graft_device.commands.options import finite
from graft_host.backbones.registry import DEFAULT, family
from graft_host.commands.options import (
    BackboneOption,
    CacheOption,
    ClassWeight,
    ClassWeightOption,
    JsonOption,
    PhotosArgument,
    Resize,
    ResizeOption,
    SeedOption,
    TestPercentOption,
    ThreadsOption,
    UnknownRateOption,
    ValidationPercentOption,
    WeightsOption,
    above_zero,
    check_percents,
    chosen_family,
)

if TYPE_CHECKING:
    from graft_host.network_search.result import SearchResult

_DEFAULTS = family(DEFAULT)


def search(
    photos: PhotosArgument,
    backbone: BackboneOption = DEFAULT,
    taps: Annotated[
        str | None,
        typer.Option(
            help="Layers to try, separated by commas.  "
            f"[default: {','.join(_DEFAULTS.search_taps)}, or those of another --backbone]"
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(
            help="Input sides in pixels to try, separated by commas.  "
            f"[default: {','.join(map(str, _DEFAULTS.search_sizes))}, or those of another --backbone]"
        ),
    ] = None,
    max_ms: Annotated[
        float | None, typer.Option(min=0, callback=above_zero, help="Milliseconds of one inference at most.")
    ] = None,
    max_mb: Annotated[
        float | None, typer.Option(min=0, callback=above_zero, help="Size of the file at most, in MB.")
    ] = None,
    min_accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, callback=finite, help="Accuracy that is enough, cross-validated, as in 0.97."),
    ] = None,
    within: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            callback=finite,
            help="How far below the best accuracy a faster network may lie, where --min-accuracy does not say.",
        ),
    ] = 0.01,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The winner's .tflite to write.")] = None,
    latency: Annotated[
        list[Path] | None,
        typer.Option(help="What 'graft-device bench --json' printed on the board; may be given several times."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="An .html to write: all networks on one page.")] = None,
    weights: WeightsOption = "imagenet",
    resize: ResizeOption = Resize.SQUASH,
    test_percent: TestPercentOption = 15,
    validation_percent: ValidationPercentOption = 15,
    seed: SeedOption = 0,
    class_weight: ClassWeightOption = ClassWeight.NONE,
    unknown_rate: UnknownRateOption = 0.05,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on a photo that can't be read.")] = False,
    recalibrate: Annotated[bool, typer.Option("--recalibrate", help="Quantize the backbones anew.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing output files.")] = False,
    threads: ThreadsOption = None,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the fastest model that is good enough, among layers and image sizes, int8."""
    check_percents(test_percent, validation_percent)
    tried = _taps(taps), _sizes(sizes)
    chosen_family(backbone, *tried, many=True)
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.heads.head import Recipe
    from graft_host.network_search.options import SearchOptions
    from graft_host.network_search.pareto import Limits
    from graft_host.network_search.result import NothingFitsError
    from graft_host.network_search.search import search as run
    from graft_host.photos.split import SplitRule

    options = SearchOptions(
        photos=photos, backbone=backbone, weights=weights, taps=tried[0], sizes=tried[1], resize=resize.value,
        rule=SplitRule(seed, test_percent, validation_percent),
        recipe=Recipe(balanced=class_weight is ClassWeight.BALANCED, seed=seed), unknown_rate=unknown_rate,
        threads=threads, cache=cache, strict=strict, limits=Limits(max_ms, max_mb, min_accuracy, within),
        latency=tuple(latency or ()), output=output, report=report, overwrite=overwrite, recalibrate=recalibrate,
    )  # fmt: skip
    try:
        result = run(options, TerminalReporter())
    except NothingFitsError as refused:
        typer.echo(json.dumps(refused.result.to_json()) if as_json else _report(refused.result))
        raise
    typer.echo(json.dumps(result.to_json()) if as_json else _report(result))


def _taps(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(dict.fromkeys(part.strip() for part in text.split(",")))


def _sizes(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    try:
        return tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError:
        raise typer.BadParameter(f"--sizes: {text!r} is no list of numbers such as 150,224,299") from None


def _report(result: SearchResult) -> str:
    from graft_host.commands.terminal.console import table

    on_front = result.front
    rows = [
        [
            each.tap,
            str(each.image_size),
            f"{each.accuracy:.4f}",
            f"{each.standard_error:.4f}",
            f"{'~' if each.estimated else ''}{each.ms:.1f}",
            f"{each.megabytes:.1f}",
            "*" if each in on_front else "",
            "chosen" if each == result.chosen else "",
        ]
        for each in result.candidates
    ]
    seen = result.photos["train"] + result.photos["validation"]
    stages = ", ".join(f"{stage} {value:.1f}" for stage, value in result.seconds.items() if stage != "total")
    lines = [
        table(["tap", "size", "accuracy", "error", "ms", "MB", "front", ""], rows),
        "",
        f"accuracy   cross-validated on {seen} photos, and its standard error",
        "front      * no other is better in one of accuracy, ms and MB and as good in the others",
        f"ms         {result.latency}",
        *_chosen(result),
        f"seconds    {result.seconds['total']:.1f} ({stages})",
    ]
    if result.written and result.trained is not None and result.trained.model is not None:
        from graft_device.text import printable

        lines.append(f"model      {printable(result.trained.model)} ({result.trained.size / 1e6:.1f} MB)")
    return "\n".join(line.rstrip() for line in "\n".join(lines).splitlines())


def _chosen(result: SearchResult) -> list[str]:
    chosen, best, trained = result.chosen, result.best, result.trained
    if chosen is None or trained is None:
        return []
    beside = "the most accurate"
    if chosen != best:
        beside = (
            f"{best.accuracy - chosen.accuracy:.4f} below {best.shown}, the most accurate, "
            f"in {chosen.ms / best.ms:.0%} of its time"
        )
    right = round(trained.accuracy.shipped * len(trained.evaluation.truth))
    return [
        f"chosen     {chosen.shown}: {beside}",
        f"test       {right} of {len(trained.evaluation.truth)} photos right, which nothing before had seen",
    ]
