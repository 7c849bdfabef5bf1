"""The section about photos that are of none of the classes: how many are refused, and what the others are taken for."""

from __future__ import annotations

from collections.abc import Mapping

from graft_host.report.data import LETTERS, ReportData, number
from graft_host.report.page import bar, count, facts, name, percent, section, table

_MOST_ROWS = 10


def unknown(data: ReportData) -> str:
    """The section on unknown photos; empty where the model was neither taught nor tested with any."""
    kept = data.model.card.training.get("negatives")
    kept = kept if isinstance(kept, Mapping) else {}
    body = _tested(data, kept) + _learned(kept)
    return section("unknown", "What it does with unknown photos", "photos of none of the classes", body) if body else ""


def _tested(data: ReportData, kept: Mapping[str, object]) -> str:
    refusals = data.evaluation.negatives
    if refusals is None:
        return ""
    low, high = refusals.interval
    shown = (
        f"<p>Of {count(refusals.photos, 'photo')} of none of the classes, the board calls <b>{refusals.refused:,}</b> "
        f"unknown: {percent(refusals.share)}, and on many more photos like these between {percent(low)} and "
        f"{percent(high)}."
    )
    without = number(kept, "test", "without") if refusals.without is None else refusals.without
    if without is not None and number(kept, "test", "photos") in {None, refusals.photos}:
        shown += f" Without having learned from such photos it would be {int(without):,}."
    shown += "</p>"
    rows = []
    for label, taken in refusals.confused.items():
        share = taken / refusals.photos
        rows.append([name(label, LETTERS), f"{taken:,}", f"{percent(share)}{bar(share)}"])
    if rows:
        shown += table(
            ["Taken for", "Photos", "Share"], rows[:_MOST_ROWS], "Unknown photos that were not refused", "classes"
        )
    return shown


def _learned(kept: Mapping[str, object]) -> str:
    photos, refused, without = (number(kept, "held_out", key) for key in ("photos", "refused", "without"))
    if photos is None or refused is None or without is None:
        return ""
    if kept.get("learned") is not True:
        return (
            f"<p>Nothing was learned from {count(int(photos), 'unknown photo')}: it would refuse no more of them.</p>"
        )
    return facts(
        [
            ("Unknown photos learned from", f"{int(photos):,}"),
            ("Refused when held out", f"{int(refused):,}"),
            ("Refused without having learned", f"{int(without):,}"),
        ]
    )
