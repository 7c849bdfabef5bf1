"""The sections of a report on how the model was made: photos, sizes and times, model card."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from graft_host.report.data import ReportData, megabytes, number, relative
from graft_host.report.page import bar, count, facts, name, percent, scrolling, section, table, text
from graft_host.tflite.card_entries import card_entries

_MAX_SKIPPED = 200
_SKIPPED_OPEN = 10
_DIGITS = 4
_ACCURACIES = {
    "float32": "Without quantization, on the test photos",
    "float_head": "Float head, on the test photos",
    "shipped": "This file, on the test photos",
}


def photos(data: ReportData) -> str:
    """The section on the photos: the folder, the split, and the skipped files."""
    card, run = data.model.card.training, data.training or {}
    known = run.get("photos") or card.get("photos") or {}
    parts = [(part, number(known, part)) for part in ("train", "validation", "test")]
    body = _split_bar([(part, int(photos)) for part, photos in parts if photos is not None])
    pairs = [("Folder of this report", name(data.photos)), ("Photos tested", f"{len(data.evaluation.truth):,}")]
    split = card.get("split")
    if isinstance(split, dict):
        shares = [
            f"{share:g}% {part}" for part in ("test", "validation") if (share := number(split, f"{part}_percent"))
        ]
        drawn = ", ".join([*shares, f"seed {split.get('seed')}"])
        given = split.get("given")
        pairs.append(("Split", text(f"folders for {', '.join(map(str, given))}" if isinstance(given, list) else drawn)))
    skipped = {str(path): reason for path, reason in data.evaluation.failures.items()}
    skipped |= {str(entry["path"]): str(entry["reason"]) for entry in run.get("skipped", [])}
    pairs.append(("Skipped", f"{len(skipped):,}"))
    body += facts(pairs, "rows")
    if skipped:
        rows = [[name(relative(Path(path), data.photos)), text(reason)] for path, reason in sorted(skipped.items())]
        listed = table(["File", "Reason"], rows[:_MAX_SKIPPED], "Skipped files", "files")
        more = len(rows) - _MAX_SKIPPED
        listed += f'<p class="quiet">and {more:,} more</p>' if more > 0 else ""
        state = " open" if len(rows) <= _SKIPPED_OPEN else ""
        body += f"<details{state}><summary>Skipped files</summary>{listed}</details>"
    return section("photos", "The photos", "split and skipped files", body)


def costs(data: ReportData) -> str:
    """The section on cost: file size, accuracy lost to quantization, and the seconds of each stage."""
    card, run = data.model.card, data.training or {}
    accuracy = run.get("accuracy") or card.training.get("accuracy") or {}
    pairs = [("File", f"{megabytes(data.model.bytes)} ({data.model.bytes:,} bytes)")]
    if data.speed is not None:
        used = f"{data.speed.runtime}, {count(data.speed.threads, 'thread')}"
        pairs.append(("One inference on the machine that made this page", text(f"{data.speed.ms:.1f} ms ({used})")))
    if gate := run.get("gate"):
        pairs.append(("Refused by a gate", text(f"{gate['failed']} {gate['wanted']}: {gate['measured']:.4f} measured")))
    for key, term in _ACCURACIES.items():
        if (share := number(accuracy, key)) is not None:
            pairs.append((term, percent(share)))
    agreement = number(run, "agreement")
    agreement = number(accuracy, "agreement") if agreement is None else agreement
    if agreement is not None:
        pairs.append(("Photos for which file and float head agree", percent(agreement)))
    cache = run.get("cache") or {}
    if cache:
        pairs.append(
            ("Bottlenecks", f"{int(cache.get('hits', 0)):,} from the cache, {int(cache.get('misses', 0)):,} new")
        )
    body = facts(pairs, "rows")
    seconds = {str(stage): float(value) for stage, value in (run.get("seconds") or {}).items()}
    if seconds:
        total = seconds.pop("total", sum(seconds.values()))
        rows = [[text(stage), f"{value:.1f}", bar(value / total if total else 0)] for stage, value in seconds.items()]
        rows.append(["total", f"{total:.1f}", ""])
        stages = table(["Stage", "Seconds", "Share"], rows, "Duration of training", "stages")
        body = f'<div class="pair">{body}{stages}</div>'
    return section("costs", "Size and time", "file, quantization, stages", body)


def card(data: ReportData) -> str:
    """The section with the model card, as a table and as JSON."""
    entries = json.loads(data.model.card.to_json())
    rows = [
        [name(" / ".join(keys).replace("_", " ")), name(_shown(value))]
        for keys, value in card_entries(entries)
        if value != {}
    ]
    whole = text(json.dumps({"labels": list(data.model.labels), **entries}, indent=2, ensure_ascii=False))
    raw = scrolling(f"<pre>{whole}</pre>", "Model card as JSON")
    entries_table = table(["Entry", "Value"], rows, "Model card", "files")
    body = (
        f"<details><summary>{count(len(rows), 'entry', 'entries')}, numbers rounded</summary>{entries_table}</details>"
    )
    body += f"<details><summary>As JSON, with the labels</summary>{raw}</details>"
    return section("card", "Model card", "as stored in the file", body)


def _split_bar(parts: Sequence[tuple[str, int]]) -> str:
    if not any(photos for _, photos in parts):
        return ""
    pieces = "".join(f'<i class="{part}" style="flex-grow:{photos}"></i>' for part, photos in parts if photos)
    uses = {"train": "for training", "validation": "for validation", "test": "for the test"}
    legend = "".join(f'<li class="{part}"><b>{photos:,}</b> {uses[part]}</li>' for part, photos in parts)
    return f'<div class="split" aria-hidden="true">{pieces}</div><ul class="legend">{legend}</ul>'


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.{_DIGITS}g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
