"""``graft-device bench``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from graft_device import console
from graft_device.commands.options import JsonOption, ModelArgument, note_checksum
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.bench.figures import Bench, Row, Spread


class RuntimesChoice(str, Enum):
    """The values of ``--runtime``."""

    EACH = "each"
    LITERT = "litert"
    TFLITE_RUNTIME = "tflite-runtime"


def bench(
    model: ModelArgument,
    photo: Annotated[
        Optional[Path], typer.Option("--photo", help="Photo to classify.  [default: a synthetic one of 12 megapixels]")
    ] = None,
    threads: Annotated[
        Optional[str],
        typer.Option(metavar="N,N…|sweep", help="Numbers of threads to measure.  [default: all cores]"),
    ] = None,
    runtime: Annotated[RuntimesChoice, typer.Option(help="Runtime to measure.")] = RuntimesChoice.EACH,
    rounds: Annotated[int, typer.Option(min=1, help="Timed rounds per combination of runtime and threads.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Measure how long a photo takes on this board.

    The cold start is the time from the start of 'graft-device classify' to its first answer. After that, the photo is
    decoded, resized and classified repeatedly, in a separate process for each combination of runtime and threads.
    """
    from graft_device.bench import bench as bench_module
    from graft_device.system.machine import usable_cores
    from graft_device.trial.trial import try_without_checksum

    model_file = try_without_checksum(model)
    note_checksum(model_file)
    try:
        counts = bench_module.choose_threads(threads, usable_cores())
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--threads'") from None
    runtimes = bench_module.choose_runtimes(None if runtime is RuntimesChoice.EACH else runtime.value)
    result = bench_module.bench(model_file, runtimes, counts, rounds, photo, console.say)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        _print(result)
    for row in result.rows:
        if row.error is not None:
            console.say(f"error: {row.runtime}, threads {row.threads}: {printable(row.error)}")
    for warning in result.warnings:
        console.say(f"warning: these figures are not reliable: {warning}")
    if any(row.error is not None for row in result.rows):
        raise typer.Exit(1)


def _print(result: "Bench") -> None:
    card, photo, machine = result.model.card, result.photo, result.machine
    typer.echo(
        f"model    {printable(result.model.path)}: {card.tap} at {card.image_size}, {card.quantization}, "
        f"{result.model.bytes / 1e6:.1f} MB"
    )
    name = "synthetic" if photo.path is None else printable(photo.path)
    typer.echo(f"photo    {name}, {photo.width} x {photo.height}, {photo.bytes / 1e6:.1f} MB")
    typer.echo(
        f"machine  {printable(machine['board'] or machine['cpu'] or 'unknown')}, {machine['cores']} cores, "
        f"{machine['architecture']}, Python {result.versions['python']}, numpy {result.versions['numpy']}, "
        f"Pillow {result.versions['pillow']}"
    )
    typer.echo(f"heat     {_degrees(result.before.celsius)} before, {_degrees(result.after.celsius)} after")
    typer.echo(f"\nmilliseconds, {result.rounds} rounds: median / p90 / p99")
    typer.echo(f"{'runtime':<22} threads  cold start  {'preprocess':<23}{'invoke':<25}peak memory")
    for row in result.rows:
        if row.error is None:
            typer.echo(_line(row, result.versions.get(row.runtime)))


def _line(row: "Row", version: Optional[str]) -> str:
    name = f"{row.runtime} {version or ''}"
    times = f"{_spread(row.preprocess_ms):<23}{_spread(row.invoke_ms):<25}"
    memory = "unknown" if row.peak_memory_mb is None else f"{row.peak_memory_mb:.0f} MB"
    return f"{name:<22} {row.threads:>7}  {row.cold_start_ms or 0:>10.0f}  {times}{memory}"


def _spread(value: "Optional[Spread]") -> str:
    return "" if value is None else f"{value.median:.1f} / {value.p90:.1f} / {value.p99:.1f}"


def _degrees(celsius: Optional[float]) -> str:
    return "no sensor" if celsius is None else f"{celsius} °C"
