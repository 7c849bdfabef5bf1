"""Compares start-up and memory of ``graft-device classify`` with a bare script, and times ``graft --help``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks import startup, supplies
from benchmarks.rows import Row, compared, missing
from benchmarks.settings import Settings
from benchmarks.startup import GOAL, Cost, compare
from graft_device.runtime import RUNTIMES, installed_runtimes

HELP_LIMIT = 0.3
"""Seconds that ``graft --help`` may take."""


def measure(settings: Settings) -> list[Row]:
    """Classifies one photo from start to exit, with each runtime, and shows the help of ``graft``."""
    model, photo = supplies.model(settings), supplies.jpegs(settings, 1)[0]
    rows = []
    for runtime in RUNTIMES:
        what = f"`graft-device classify`, one photo, {runtime}"
        if runtime not in installed_runtimes():
            rows.append(missing(what, "s", f"{runtime} is not installed"))
            continue
        costs = compare(model, photo, runtime, settings.scale.starts, settings.cores)
        bare, ours = costs["bare script"], costs["graft-device"]
        goal = 1 / GOAL
        series = {
            kind: ([getattr(cost, kind) for cost in ours], [getattr(cost, kind) for cost in bare])
            for kind in Cost._fields
        }
        why = "probably the command line, reading the model card and checking the photo"
        note = f"medians of {settings.scale.starts} starts each"
        rows += [
            compared(
                f"{what}: start to exit; against a bare script",
                "s", *series["seconds"], goal=goal, note=note, why_worse=why,
            ),
            compared(
                f"{what}: peak memory; against a bare script",
                "MB", *series["megabytes"], goal=goal, note=note, why_worse=why,
            ),
        ]  # fmt: skip
    graft = str(Path(sys.executable).with_name("graft"))
    helps = [startup.measure([graft, "--help"], dict(os.environ)) for _ in range(settings.scale.starts + 1)][1:]
    seconds = [cost.seconds for cost in helps]
    rows.append(
        compared(
            "`graft --help`, start to exit; against the limit",
            "s", seconds, [HELP_LIMIT] * len(seconds), goal=1.0, note=f"median of {len(seconds)} starts",
        )
    )  # fmt: skip
    return rows
