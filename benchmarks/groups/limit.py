"""Compares the extraction stage with the best that the cores could do."""

from __future__ import annotations

from statistics import median

from benchmarks import supplies
from benchmarks.extraction import GOAL
from benchmarks.rows import Row, compared
from benchmarks.settings import Settings
from benchmarks.turns import Contender, take_turns

_NAME = "extraction"


def measure(settings: Settings) -> list[Row]:
    """Milliseconds per photo, compared with (decoding + inference in one thread) ÷ cores."""
    backbone = supplies.described(supplies.backbone(settings), settings.weights)
    request = {"backbone": backbone, "photos": str(settings.photos), "cores": settings.cores}
    race = take_turns([Contender(_NAME, "benchmarks.contenders.limit:measured", request)], settings.scale.long_turns)
    results = [turn.found for turn in race.turns[_NAME]]
    decode, infer = (median(result[part] for result in results) * 1000 for part in ("decode", "infer"))
    return [
        compared(
            f"extraction stage, cold cache; against (decode + inference of one thread) / {settings.cores}",
            "ms per photo",
            [result["stage"] * 1000 for result in results],
            [(result["decode"] + result["infer"]) * 1000 / settings.cores for result in results],
            goal=GOAL,
            note=f"decode {decode:.1f} ms, inference {infer:.1f} ms",
            why_worse="the best case assumes cores that share nothing: no memory, no cache, no queue",
        )
    ]
