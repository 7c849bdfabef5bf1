"""The part of ``bench`` that needs numpy, Pillow and a runtime; each measurement runs it in a new process.

``main`` takes a job as JSON and prints the result as JSON.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 4608, 2592
"""The full resolution of Raspberry Pi's Camera Module 3 (Sony IMX708), 11.9 megapixels."""

_QUALITY = 90
_GRAIN = 18
"""Noise that makes the JPEG about 4 MB, like those of that camera; a smoother one would decode faster than a photo."""

_COARSE = 72


def main() -> None:
    """Runs the job in ``sys.argv[1]``, an object whose ``do`` is ``make-photo``, ``look-at-photo`` or ``measure``."""
    job = json.loads(sys.argv[1])
    actions: dict[str, Callable[..., dict[str, Any]]] = {
        "make-photo": make_photo,
        "look-at-photo": look_at_photo,
        "measure": measure,
    }
    from graft_device.errors import GraftError
    from graft_device.system.child import fail

    try:
        result = actions[job.pop("do")](**job)
    except GraftError as error:
        fail(error)
    sys.stdout.write(f"\n{json.dumps(result)}\n")


def make_photo(path: str, width: int = WIDTH, height: int = HEIGHT) -> dict[str, Any]:
    """Writes a synthetic JPEG that takes as long to decode as a camera's: soft colours with edges and grain."""
    from PIL import Image, ImageChops

    coarse = (_COARSE, _COARSE * height // width)
    colours = random.Random(0).randbytes(3 * coarse[0] * coarse[1])  # noqa: S311  no secret
    picture = Image.frombytes("RGB", coarse, colours).resize((width, height), Image.Resampling.BILINEAR)
    grain = Image.effect_noise((width, height), _GRAIN).convert("RGB")
    ImageChops.add(picture, grain, scale=2).save(path, "JPEG", quality=_QUALITY)
    return look_at_photo(path)


def look_at_photo(path: str) -> dict[str, Any]:
    """A photo's width and height in pixels, and its size in bytes; raises PhotoError if it cannot be read."""
    from graft_device.preprocess import check_header, load, read_photo

    data = read_photo(path)
    width, height = check_header(data)
    load(data, 32)  # the header may be intact where the image is not
    return {"width": width, "height": height, "bytes": len(data)}


def measure(model: str, photo: str, runtime: str, threads: int, rounds: int, warm_up: int) -> dict[str, Any]:
    """Classifies a photo repeatedly; returns the milliseconds per round, the label and this process's peak memory."""
    from graft_device.classifier import Classifier

    classifier = Classifier(model, runtime, threads)
    for _ in range(warm_up):
        classifier.classify_timed(photo, 1)
    answers = [classifier.classify_timed(photo, 1) for _ in range(rounds)]
    return {
        "preprocess_ms": [answer.preprocess_ms for answer in answers],
        "invoke_ms": [answer.invoke_ms for answer in answers],
        "label": answers[-1].predictions.label,
        "peak_memory_mb": peak_memory_mb(),
    }


def peak_memory_mb(status: Path = Path("/proc/self/status")) -> float | None:
    """The peak memory of this process, in MB of 1e6 bytes; None if unknown.

    The figure comes from the kernel's ``VmHWM``, which starts with this program. ``ru_maxrss`` would include the
    memory of the parent process before the new program started.
    """
    from graft_device.system.machine import parse_pairs, read_text

    words = parse_pairs(read_text(status)).get("VmHWM", "").split()
    if len(words) == 2 and words[0].isdigit():  # noqa: PLR2004
        return round(int(words[0]) * 1024 / 1e6, 1)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)
