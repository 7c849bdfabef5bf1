"""The extraction stage against what the cores could do at best."""

from __future__ import annotations

from statistics import median

from benchmarks import supplies
from benchmarks.extraction import GOAL
from benchmarks.rows import Row, compared
from benchmarks.settings import Settings
from benchmarks.turns import Contender, take_turns

_NAME = "extraction"


def measure(settings: Settings) -> list[Row]:
    """Milliseconds a photo, against (decoding + inference of one thread) ÷ cores."""
    backbone = supplies.described(supplies.backbone(settings), settings.weights)
    request = {"backbone": backbone, "photos": str(settings.photos), "cores": settings.cores}
    race = take_turns([Contender(_NAME, "benchmarks.contenders.limit:measured", request)], settings.scale.long_turns)
    found = [turn.found for turn in race.turns[_NAME]]
    decode, infer = (median(each[part] for each in found) * 1000 for part in ("decode", "infer"))
    return [
        compared(
            f"extraction stage, cold cache; against (decode + inference of one thread) / {settings.cores}",
            "ms a photo",
            [each["stage"] * 1000 for each in found],
            [(each["decode"] + each["infer"]) * 1000 / settings.cores for each in found],
            goal=GOAL,
            note=f"decode {decode:.1f} ms, inference {infer:.1f} ms",
            why_worse="the best is what cores would do that share nothing: no memory, no cache, no queue",
        )
    ]
