"""``graft search``."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import typer

from graft_host.commands.options import JsonOption, takes
from graft_host.network_search.options import SearchOptions
from graft_host.samples.options import NAMES as SAMPLES
from graft_host.support.sentence import listed

if TYPE_CHECKING:
    from graft_host.network_search.result import SearchResult


WITHOUT = (*SAMPLES, "tap", "image_size", "quantize", "augment", "optimizer", "learning_rate", "steps")
"""Options of training that a search tries or fixes itself."""


@takes(SearchOptions, WITHOUT)
def search(options: SearchOptions, as_json: JsonOption = False) -> None:
    """Find the fastest int8 model that is accurate enough.

    Tries taps and image sizes, of several backbones with --backbones, and trains the network that it chooses. Only
    heads are trained, as without --fine-tune.
    """
    from graft_host.commands.terminal.console import TerminalReporter
    from graft_host.network_search.result import NothingFitsError
    from graft_host.network_search.search import search as run

    try:
        result = run(options, TerminalReporter())
    except NothingFitsError as error:
        typer.echo(json.dumps(error.result.to_json()) if as_json else _text(error.result))
        raise
    typer.echo(json.dumps(result.to_json()) if as_json else _text(result))


def _text(result: SearchResult) -> str:
    from graft_host.commands.terminal.console import table

    front = result.front
    rows = [
        [
            candidate.network,
            str(candidate.image_size),
            f"{candidate.accuracy:.4f}",
            f"{candidate.standard_error:.4f}",
            f"{'~' if candidate.estimated else ''}{candidate.ms:.1f}",
            f"{candidate.megabytes:.1f}",
            f"{'*' if candidate in front else ' '} {'chosen' if candidate == result.chosen else ''}".ljust(8),
        ]
        for candidate in result.candidates
    ]
    photos = result.photos["train"] + result.photos["validation"]
    stages = ", ".join(f"{stage} {value:.1f}" for stage, value in result.seconds.items() if stage != "total")
    lines = [
        table(["network", "size", "accuracy", "error", "ms", "MB", "front".ljust(8)], rows),
        "",
        f"accuracy   cross-validated on {photos} photos, with its standard error",
        "front      * no other is better in accuracy, ms or MB without being worse in another",
        f"ms         {result.latency}",
        *_chosen(result),
        *([f"more       --backbones all also tries {listed(result.untried)}"] if result.untried else []),
        f"seconds    {result.seconds['total']:.1f} ({stages})",
    ]
    if result.written and result.trained is not None and result.trained.model is not None:
        from graft_device.text import printable

        model = printable(result.trained.model)
        lines += [f"model      {model} ({result.trained.size / 1e6:.1f} MB)", "", "Next:"]
        lines.append(f"  graft deploy {shlex.quote(model)} pi@raspberrypi")
    return "\n".join(line.rstrip() for line in "\n".join(lines).splitlines())


def _chosen(result: SearchResult) -> list[str]:
    chosen, best, trained = result.chosen, result.best, result.trained
    if chosen is None or trained is None:
        return []
    rank = "no other is more accurate"
    if chosen != best:
        rank = (
            f"{best.accuracy - chosen.accuracy:.4f} below {best.shown}, the most accurate, "
            f"in {chosen.ms / best.ms:.0%} of its time"
        )
    close = result.one_error
    near = []
    if close is not None and close != chosen:
        shown = f"{close.accuracy:.4f}, {close.ms:.1f} ms, {close.megabytes:.1f} MB"
        near = [f"one error  {close.shown} is the fastest within one standard error of the best: {shown}"]
    right = round(trained.accuracy.shipped * len(trained.evaluation.truth))
    return [
        f"chosen     {chosen.shown}: {rank}",
        *near,
        f"test       {right} of {len(trained.evaluation.truth)} photos right; the search did not use them",
    ]
