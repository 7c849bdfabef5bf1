"""What is measured with, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How long the benchmarks may take.

    Attributes:
        turns: of each contender, a first one apart that is thrown away.
        long_turns: of those that take half a minute.
        rate_photos: that bottlenecks are extracted from in a turn.
        classified: photos in a turn of ``classify``.
        large: photos of 12 megapixels in a turn.
        large_size: width and height of these.
        starts: of a process.
        invokes: of a network in a turn.
        heads: photos and classes of each data set that heads are trained on.
        warm_photos: that ``graft train`` is run on once more.
        growth: numbers of photos, ascending.
    """

    turns: int
    long_turns: int
    rate_photos: int
    classified: int
    large: int
    large_size: tuple[int, int]
    starts: int
    invokes: int
    heads: tuple[tuple[int, int], ...]
    warm_photos: int
    growth: tuple[int, ...]


FULL = Scale(
    turns=7,
    long_turns=3,
    rate_photos=96,
    classified=100,
    large=12,
    large_size=(4000, 3000),
    starts=21,
    invokes=20,
    heads=((500, 2), (500, 20), (5_000, 2), (5_000, 20)),
    warm_photos=2_000,
    growth=(1_000, 10_000, 100_000),
)
QUICK = Scale(
    turns=3,
    long_turns=1,
    rate_photos=32,
    classified=40,
    large=4,
    large_size=(4000, 3000),
    starts=5,
    invokes=5,
    heads=((500, 2), (500, 20)),
    warm_photos=200,
    growth=(1_000, 4_000),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run of the benchmarks.

    Attributes:
        photos: a folder of photos per class.
        weights: as in ``graft train --weights``.
        scratch: everything that is made for the benchmarks lies here.
        cores: that each contender may use.
        scale: how much is measured.
        tap: of the backbone.
        image_size: of the backbone.
        growth_backbone: tap and image size of the backbone that runs on many photos.
        onnx: folder that onnxruntime and its converter are installed in; None for this environment's.
        graph_tool: script that writes the frozen graph of 2015.
    """

    photos: Path
    weights: str
    scratch: Path
    cores: int
    scale: Scale
    tap: str = "mixed8"
    image_size: int = 299
    growth_backbone: tuple[str, int] = ("mixed0", 75)
    onnx: Path | None = None
    graph_tool: Path | None = None
