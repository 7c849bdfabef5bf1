"""What a run is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from graft_host.heads.head import Recipe
from graft_host.photos.split import SplitRule


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """What a head is made from, and how; the defaults are those of ``graft train``."""

    photos: Path
    weights: str = "imagenet"
    tap: str = "mixed10"
    image_size: int = 299
    quantization: str = "int8"
    resize: str = "squash"
    rule: SplitRule = field(default_factory=SplitRule)
    recipe: Recipe = field(default_factory=Recipe)
    augment: int = 0
    unknown_rate: float = 0.05
    threads: int | None = None
    cache: Path | None = None
    recalibrate: bool = False
    strict: bool = False


@dataclass(frozen=True, kw_only=True)
class TrainOptions(HeadOptions):
    """Everything that ``graft train`` can be told."""

    output: Path
    overwrite: bool = False
    min_accuracy: float | None = None
    max_drop: float | None = None
    keep_rejected: bool = False
    report: Path | None = None
    golden_photos: bool = True
