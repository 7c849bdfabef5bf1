"""``graft-device drift``."""

# No `from __future__ import annotations` here: on Python 3.9 Typer would not see what Annotated holds.

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from graft_device.commands.options import JsonOption, ModelArgument
from graft_device.text import printable

if TYPE_CHECKING:
    from graft_device.drift.drift import Drift
    from graft_device.drift.histogram import Histogram
    from graft_device.drift.index import Comparison


def drift(
    model: ModelArgument,
    state: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR",
            help="Folder in which 'graft-device run' keeps the scores.  [default: drift below $STATE_DIRECTORY, or "
            "~/.local/state/graftkit/drift]",
            show_default=False,
        ),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=90, help="Number of days, the newest that have answers.")] = 7,
    as_json: JsonOption = False,
) -> None:
    """Compare the scores of the last days with those in training.

    The population stability index says how far apart they are.
    """
    from graft_device.drift.day_file import drift_folder, readable_days
    from graft_device.drift.drift import drift_of
    from graft_device.drift.histogram import card_histogram
    from graft_device.model import read_model

    model_file = read_model(model)
    kept = readable_days(drift_folder() if state is None else state, model_file)
    found = drift_of(model_file.path.stem, card_histogram(model_file.card.training), kept, days)
    if as_json:
        typer.echo(json.dumps(found.to_json()))
        return
    for line in _lines(found, str(model_file.path)):
        typer.echo(printable(line))


def _lines(found: "Drift", path: str) -> "list[str]":
    rows = {"model": path}
    if found.reference is not None:
        rows["reference"] = f"{_counted(found.reference, 'test photo')}"
    if found.days:
        first, last = min(found.days), max(found.days)
        when = first if first == last else f"{first} to {last}"
        rows["recent"] = f"{_counted(found.recent, 'answer')}, {when}"
    if found.comparison is not None:
        rows["index"] = f"{found.comparison.index:.2f}; by chance up to {found.comparison.chance:.2f}"
    rows["verdict"] = found.verdict
    lines = [f"{name:<11}{value}" for name, value in rows.items()]
    if found.days:
        lines += ["", f"{'day':<11}{'answers':>9}{'unknown':>9}{'index':>8}{'chance':>8}"]
        lines += [_day(day, scores, found.on(day)) for day, scores in found.days.items()]
    return lines


def _counted(scores: "Histogram", what: str) -> str:
    return f"{scores.photos:,} {what}{'' if scores.photos == 1 else 's'}, {scores.unknown_share:.1%} unknown"


def _day(day: str, scores: "Histogram", found: "Optional[Comparison]") -> str:
    figures = f"{'-':>8}{'-':>8}" if found is None else f"{found.index:>8.2f}{found.chance:>8.2f}"
    return f"{day:<11}{scores.photos:>9,}{scores.unknown_share:>9.1%}{figures}"
