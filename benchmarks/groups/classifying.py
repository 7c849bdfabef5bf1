"""Compares ``graft-device classify`` and the ``Classifier`` with a bare loop over the interpreter."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from benchmarks import supplies
from benchmarks.rows import Row, compared
from benchmarks.settings import Settings
from benchmarks.startup import Cost
from benchmarks.startup import measure as run_to_end
from benchmarks.turns import Contender, take_turns
from graft_device.classifier import Classifier

OVERHEAD_GOAL = 1 / 1.1
"""At most 10% more than the bare loop."""
LARGE_GOAL = 2.0

_BARE_LOOP = Path(__file__).parents[1] / "bare_loop.py"
_OURS, _THEIRS = "ours", "bare"
_SPREAD = 6.0  # levels of the noise that makes an enlarged photo's file as large as a camera's
_WHY = "probably reading the model card, checking each photo and ranking, which the bare loop does not do"


def measure(settings: Settings) -> list[Row]:
    """Many photos, with start-up and within a process; and photos of 12 megapixels within a process."""
    model = supplies.model(settings)
    photos = [str(path) for path in supplies.jpegs(settings, settings.scale.classified)]
    large = _large_photos(settings)
    width, height = settings.scale.large_size
    megapixels = f"{width * height / 1e6:.0f}"
    return [
        _as_process(settings, model, photos),
        _in_process(
            settings, model, photos, f"`Classifier`, {len(photos)} photos; against a bare loop", goal=OVERHEAD_GOAL
        ),
        _in_process(
            settings,
            model,
            large,
            f"`Classifier`, JPEGs of {megapixels} megapixels; against a bare loop that decodes at full size",
            goal=LARGE_GOAL,
            draft=False,
        ),
    ]


def _as_process(settings: Settings, model: Path, photos: list[str]) -> Row:
    runtime = Classifier(model).runtime
    script = str(Path(sys.executable).with_name("graft-device"))
    threads = str(settings.cores)
    ours = [sys.executable, script, "classify", str(model), *photos, "--runtime", runtime, "--threads", threads]
    bare = [sys.executable, str(_BARE_LOOP), str(model), runtime, threads, *photos]
    costs: dict[str, list[Cost]] = {_OURS: [], _THEIRS: []}
    for turn in range(settings.scale.turns + 1):
        for name, command in ((_OURS, ours), (_THEIRS, bare)):
            cost = run_to_end(command, dict(os.environ))
            if turn:
                costs[name].append(cost)
    seconds, processor = (
        {name: [getattr(cost, kind) * 1000 / len(photos) for cost in series] for name, series in costs.items()}
        for kind in ("seconds", "processor")
    )
    busy = f"processor {median(processor[_OURS]):,.4g} ms against {median(processor[_THEIRS]):,.4g} ms"
    what = f"`graft-device classify`, {len(photos)} photos, start-up included; against a bare script"
    return _with_overhead(what, seconds[_OURS], seconds[_THEIRS], OVERHEAD_GOAL, busy)


def _in_process(
    settings: Settings, model: Path, photos: list[str], what: str, *, goal: float, draft: bool = True
) -> Row:
    request: dict[str, Any] = {
        "model": str(model),
        "runtime": Classifier(model).runtime,
        "threads": settings.cores,
        "photos": photos,
        "draft": draft,
    }
    contenders = [
        Contender(_OURS, "benchmarks.contenders.classifying:ours", request),
        Contender(_THEIRS, "benchmarks.contenders.classifying:bare", request),
    ]
    race = take_turns(contenders, settings.scale.turns)
    ours, theirs = (race.milliseconds(name, len(photos)) for name in (_OURS, _THEIRS))
    answers = zip(race.last(_OURS).found["classes"], race.last(_THEIRS).found["classes"], strict=True)
    same = f"the same class for {sum(a == b for a, b in answers)} of {len(photos)}"
    same += f"; {race.both(_OURS, _THEIRS, len(photos))}"
    return _with_overhead(what, ours, theirs, goal, same)


def _with_overhead(what: str, ours: list[float], theirs: list[float], goal: float, note: str = "") -> Row:
    if goal > 1:
        return compared(what, "ms per photo", ours, theirs, goal=goal, note=note)
    extra = median(mine - their for mine, their in zip(ours, theirs, strict=True))
    overhead = f"overhead {extra:+.2f} ms per photo ({extra / median(theirs):+.1%})"
    notes = "; ".join(filter(None, [overhead, note]))
    return compared(what, "ms per photo", ours, theirs, goal=goal, note=notes, why_worse=_WHY)


def _large_photos(settings: Settings) -> list[str]:
    """Enlarged photos with noise like a camera's, in files of a few megabytes."""
    folder = settings.scratch / "large"
    folder.mkdir()
    rng, paths = np.random.default_rng(0), []
    for index, source in enumerate(supplies.jpegs(settings, settings.scale.large)):
        with Image.open(source) as image:
            pixels = np.asarray(image.convert("RGB").resize(settings.scale.large_size, Image.Resampling.BICUBIC))
        noisy = pixels + rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(_SPREAD)
        path = folder / f"{index:03}.jpg"
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=90)
        paths.append(str(path))
    return paths
