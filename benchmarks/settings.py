"""The settings of a run, and how much it measures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much the benchmarks measure, and so how long they take.

    Attributes:
        turns: the number of turns of each contender, without the first turn, which is not counted.
        long_turns: the number of turns of contenders that take half a minute.
        rate_photos: the number of photos per turn from which bottlenecks are extracted.
        classified: the number of photos per turn that ``classify`` gets.
        large: the number of large photos per turn.
        large_size: the width and height of large photos, in pixels.
        starts: how often a process is started.
        invokes: how often a network is run per turn.
        heads: the numbers of photos and classes of each data set on which heads are trained.
        warm_photos: the number of photos on which ``graft train`` is run again.
        growth: the numbers of photos on which the stages are run, in ascending order.
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
    rate_photos=192,
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
        photos: a folder with one folder of photos per class.
        weights: the weights, as in ``graft train --weights``.
        scratch: the folder for all files that the benchmarks create.
        cores: the number of cores that each contender may use.
        scale: how much is measured.
        tap: the backbone's tap.
        image_size: the backbone's image size.
        growth_backbone: the tap and image size of the small backbone that runs on many photos.
        onnx: the folder in which onnxruntime and its converter are installed; None to use this environment's.
        quantizer: the folder in which ai-edge-quantizer is installed; None to use this environment's.
        graph_tool: the script that writes the frozen graph of 2015; None if there is none.
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
    quantizer: Path | None = None
    graph_tool: Path | None = None
