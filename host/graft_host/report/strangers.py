"""The section of a report on unknown objects that look like the known ones: classes that were left out in turn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graft_host.report.data import LETTERS, ReportData, number
from graft_host.report.page import bar, name, percent, section, table, text

_MOST_TAKEN = 3


def strangers(data: ReportData) -> str:
    """The section; empty if the run left no class out."""
    run = (data.training or {}).get("strangers")
    if not isinstance(run, Mapping):
        return ""
    rows = [_row(entry) for entry in run.get("left_out") or () if isinstance(entry, Mapping)]
    heading, term = "Unknown objects that look like the known ones", "classes left out in turn"
    if not rows:
        return section("strangers", heading, term, f"<p>Not measured: {text(run.get('note') or 'no class')}.</p>")
    total = number(run, "classes") or len(rows)
    chosen = "" if len(rows) >= total else f" These are the {len(rows)} of {total:.0f} that are nearest to another."
    lead = (
        "<p>For each class, a head was trained without it, and then shown all of its photos: they are unknown objects "
        "that look like the known ones. Expect about as many of such objects to be called unknown. Objects that look "
        f"like none of the photos are called unknown more often.{chosen}</p>"
    )
    header = ["Left out", "Called unknown", "95% interval", "Most others are taken for"]
    return section(
        "strangers", heading, term, lead + table(header, rows, "What a model without a class says about it", "classes")
    )


def _row(entry: Mapping[str, Any]) -> list[str]:
    share, refused, photos = (number(entry, key) or 0.0 for key in ("share", "refused", "photos"))
    interval = entry.get("interval")
    ends = [number({"end": end}, "end") for end in interval] if isinstance(interval, list) else []
    shown = " to ".join(percent(end) for end in ends if end is not None)
    taken = entry.get("taken_for")
    others = list(taken.items())[:_MOST_TAKEN] if isinstance(taken, Mapping) else []
    return [
        name(entry.get("label"), LETTERS),
        f"{percent(share)} <small>({refused:.0f} of {photos:.0f})</small>{bar(share)}",
        shown,
        ", ".join(f"{name(label, LETTERS)} {text(count)}" for label, count in others),
    ]
