"""Progress and tables for a person at a terminal."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graft_device import console
from graft_device.text import printable
from graft_host.backbones.registry import DEFAULT
from graft_host.commands.terminal.elsewhere import copies_facts, prior_facts, source_facts
from graft_host.commands.terminal.negatives import negative_facts, refused_text
from graft_host.commands.terminal.prospects_text import prospects_lines
from graft_host.commands.terminal.stages import Stage
from graft_host.commands.terminal.style import PLAIN, WIDTH, Style, facts, style_for
from graft_host.support.intervals import wilson_interval
from graft_host.support.progress import Progress

if TYPE_CHECKING:
    from pathlib import Path

    from graft_host.evaluation.accuracy import Accuracy
    from graft_host.evaluation.evaluate import Evaluation
    from graft_host.training.result import TrainResult

_MAX_CONFUSION_CLASSES = 10
_MAX_LABEL = 24


class TerminalReporter:
    """Notes and stages on standard error."""

    def __init__(self) -> None:
        self._stage: Stage | None = None

    def note(self, text: str) -> None:
        """Prints one line."""
        if self._stage is not None:
            self._stage.clear()
        line = printable(text)
        console.say(style_for(sys.stderr).warning(line) if line.startswith("warning:") else line)

    @contextlib.contextmanager
    def progress(self, stage: str, unit: str = "photos") -> Iterator[Progress]:
        """Shows a bar with rate and time left, or the time that has passed while there is nothing to count."""
        with Stage(stage, unit) as shown:
            self._stage = shown
            try:
                yield shown.report
            finally:
                self._stage = None


def train_text(result: TrainResult, style: Style = PLAIN) -> str:
    """What ``graft train`` prints at its end."""
    counts, accuracy, extraction = result.to_json()["photos"], result.accuracy, result.material.extraction
    stages = ", ".join(f"{name} {value:.1f}" for name, value in result.seconds.items() if name != "total")
    unquantized = "" if accuracy.float32 is None else f"; float32 throughout: {accuracy.float32:.1%}"
    lines = facts(
        [
            *_headline(accuracy, len(result.evaluation.truth)),
            ("photos", ", ".join(f"{count} {part}" for part, count in counts.items())),
            *source_facts(result),
            *copies_facts(result),
            ("file", f"{accuracy.shipped:.1%} of the test photos right{unquantized}"),
            ("float head", f"{accuracy.float_head:.1%}; the file names the same class on {accuracy.agreement:.1%}"),
            *([("fine-tuned", tuning.text)] if (tuning := result.fine_tuning) else []),
            *([("readout", result.readout.text())] if result.material.readout else []),
            ("scores", _scores(result)),
            ("unknown", _unknown(result)),
            *negative_facts(result),
            *prior_facts(result),
            ("cache", f"{extraction.hits} bottlenecks found, {extraction.misses} computed"),
            ("seconds", f"{result.seconds['total']:.1f} ({stages})"),
        ]
    )
    if result.prospects is not None:
        lines = [*prospects_lines(result.prospects, result.labels), *lines]
    return "\n".join([evaluation_text(result.evaluation, style), "", *lines, _fate(result, style), *_next(result)])


def _headline(accuracy: Accuracy, tested: int) -> list[tuple[str, str]]:
    """The cross-validated accuracy, which is the headline if the test photos are few."""
    estimate = accuracy.cross_validated
    if estimate is None:
        return []
    few = "1 test photo is" if tested == 1 else f"{tested} test photos are"
    return [("accuracy", f"{estimate.text()}, cross-validated on all {estimate.photos} photos: {few} too few")]


def _fate(result: TrainResult, style: Style) -> str:
    size = f"({result.size / 1e6:.1f} MB)"
    if result.model is None:
        return style.bad(f"model      refused, not written {size}")
    if result.gate is not None:
        return style.bad(f"rejected   {printable(result.model)} {size}")
    return style.good(f"model      {printable(result.model)} {size}")


def _next(result: TrainResult) -> list[str]:
    """What a person can do with a new model: a command a line, which can be copied as it is."""
    if result.model is None or result.gate is not None:
        return []
    model, photos = argument(result.model), printable(result.material.dataset.places.arguments)
    page = argument(result.model.with_suffix(".html"))
    family = result.material.backbone.spec.weights.family.name
    search = f"graft search {photos}" if family == DEFAULT else f"graft search {photos} --backbone {family}"
    return [
        "",
        "Next:",
        f"  graft deploy {model} pi@raspberrypi",
        f"  graft report {model} {photos} -o {page}",
        f"  {search}",
    ]


def argument(path: Path) -> str:
    """A path as a shell takes it."""
    return shlex.quote(printable(path))


def _scores(result: TrainResult) -> str:
    before, after, chance = result.accuracy.error_before, result.accuracy.error_after, result.accuracy.by_chance
    temperature = result.head.temperature
    scaled = f"temperature {temperature:.2f}" if temperature != 1 else "temperature 1: no other helps"
    return f"calibration error {before:.3f} → {after:.3f} ({scaled}); chance alone gives {chance}"


def _unknown(result: TrainResult) -> str:
    unknown = result.head.unknown
    if unknown is None:
        return "no threshold"
    refused = int(result.evaluation.refused.sum())
    return (
        f"below a score of {unknown.score:.1%}: at most {unknown.rate:.1%} of known photos, "
        f"{refused} of the {len(result.evaluation.truth)} test photos"
    )


def evaluation_text(evaluation: Evaluation, style: Style = PLAIN) -> str:
    """Per-class figures, and the confusion matrix if it fits."""
    figures = evaluation.per_class()
    rows = [
        [short(label), *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1")), str(row["support"])]
        for label, row in figures.items()
    ]
    photos = len(evaluation.truth)
    low, high = wilson_interval(round(evaluation.accuracy * photos), photos)
    verdict = style.good(f"accuracy {evaluation.accuracy:.4f} on {photos} photos")
    text = f"{verdict} (95% interval {low:.4f} to {high:.4f})"
    if evaluation.failures:
        text += f"\n{len(evaluation.failures)} could not be read"
    if evaluation.unknown_below:
        text += f"\n{int(evaluation.refused.sum())} called unknown (score below {evaluation.unknown_below:.1%})"
    if evaluation.negatives is not None:
        text += f"\n{refused_text(evaluation.negatives)}"
    parts = [table(["class", "precision", "recall", "f1", "photos"], rows), text]
    if matrix := _confusion(evaluation):
        parts.append(matrix)
    return "\n\n".join(parts)


def _confusion(evaluation: Evaluation) -> str:
    """The confusion matrix with labels short enough for the terminal; empty where it does not fit."""
    if len(evaluation.labels) > _MAX_CONFUSION_CLASSES:
        return ""
    for longest in (_MAX_LABEL, 16, 12, 8, 6):
        names = [short(label, longest) for label in evaluation.labels]
        counts = [[name, *map(str, row)] for name, row in zip(names, evaluation.confusion.tolist(), strict=True)]
        text = table(["true \\ named", *names], counts)
        if max(map(len, text.splitlines())) <= WIDTH:
            return text
    return ""


def short(label: str, longest: int = _MAX_LABEL) -> str:
    """Shortens a label so that it leaves room for the other columns."""
    text = printable(label)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Formats columns as wide as their cells; the first is aligned to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in (header, *rows)
    )
