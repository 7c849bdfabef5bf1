"""Text for a terminal about a new model beside an old one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graft_device.text import printable
from graft_host.commands.terminal.console import short, table
from graft_host.commands.terminal.style import PLAIN, Style
from graft_host.support.intervals import wilson_interval

if TYPE_CHECKING:
    from graft_host.evaluation.against import Against, ChangedPhoto
    from graft_host.evaluation.golden_kept import ModelAnswer

_MOST = 50  # photos that are listed; --json lists all


def against_text(comparison: Against, style: Style = PLAIN) -> str:
    """Both accuracies, the classes, golden photos, and the photos that got worse."""
    counts = comparison.counts
    neither = " that neither was trained on" if comparison.unseen else ""
    rows = [
        [name, str(right), f"{right / counts.photos:.1%}", _range(right, counts.photos)]
        for name, right in (("old", counts.old_right), ("new", counts.new_right))
    ]
    classes = [
        [short(label), *map(str, (part.photos, part.old_right, part.new_right, part.only_old, part.only_new))]
        for label, part in comparison.classes.items()
    ]
    parts = [
        f"Beside {printable(comparison.old)}, on {_photos(counts.photos)}{neither}:",
        table(["", "right", "accuracy", "95% interval"], rows),
        table(["class", "photos", "old", "new", "lost", "gained"], classes),
        "\n".join(_lines(comparison)),
    ]
    if comparison.worse:
        parts.append("\n".join(_worse(comparison.worse)))
    verdict = style.bad("worse than the old model") if comparison.drops else style.good("not worse than the old model")
    return "\n\n".join([*parts, verdict])


def _lines(comparison: Against) -> list[str]:
    counts = comparison.counts
    chance = f"p {counts.p:.2g}" if counts.only_old else "nothing was lost"
    test = (
        f"both right {counts.both}, lost {counts.only_old}, gained {counts.only_new}, neither {counts.neither}; "
        f"McNemar's test: {chance}"
    )
    lines = [test]
    left_out = "".join(f"; {count} {reason}" for reason, count in comparison.golden.left_out)
    lines.append(f"golden photos: {comparison.golden.text}{left_out}")
    for labels, which in ((comparison.only_in_new, "new"), (comparison.only_in_old, "old")):
        if labels:
            lines.append(f"not compared, only in the {which} model: {', '.join(map(short, labels))}")
    return lines


def _worse(photos: Sequence[ChangedPhoto]) -> list[str]:
    lines = [f"{_photos(len(photos))} got worse:"]
    lines += [
        f"  {printable(photo.path)}: {short(photo.truth)}; old {_answer(photo.old)}, new {_answer(photo.new)}"
        for photo in photos[:_MOST]
    ]
    if (more := len(photos) - _MOST) > 0:
        lines.append(f"  and {more} more: --json lists them")
    return lines


def _answer(answer: ModelAnswer) -> str:
    unknown = " (unknown)" if answer.unknown else ""
    return f"{short(answer.label)} {answer.score:.1%}{unknown}"


def _range(right: int, photos: int) -> str:
    low, high = wilson_interval(right, photos)
    return f"{100 * low:.1f} to {high:.1%}"


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"
