"""What a search is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_host.backbones.inception_v3 import TAPS
from graft_host.heads.head import Recipe
from graft_host.network_search.pareto import Limits
from graft_host.photos.split import SplitRule
from graft_host.training.options import HeadOptions, TrainOptions


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Everything that ``graft search`` can be told.

    Attributes:
        photos: a folder per class.
        taps: layers to try.
        sizes: input sides in pixels to try.
        recalibrate: quantize the backbones anew, whatever is cached.
        limits: what the winner must meet.
        latency: files of ``graft-device bench --json``; this machine's latency counts where there are none.
        output: where the winner is written, if anywhere.
        report: the page to write, if any.
    """

    photos: Path
    weights: str = "imagenet"
    taps: tuple[str, ...] = ("mixed5", "mixed6", "mixed7")
    sizes: tuple[int, ...] = (150, 192, 224, 299)
    resize: str = "squash"
    rule: SplitRule = field(default_factory=SplitRule)
    recipe: Recipe = field(default_factory=Recipe)
    unknown_rate: float = 0.05
    threads: int | None = None
    cache: Path | None = None
    strict: bool = False
    recalibrate: bool = False
    limits: Limits = field(default_factory=Limits)
    latency: tuple[Path, ...] = ()
    output: Path | None = None
    report: Path | None = None
    overwrite: bool = False

    @property
    def deepest(self) -> str:
        """The tap that takes most of the network."""
        return max(self.taps, key=TAPS.index)

    def head_options(self, tap: str, size: int) -> HeadOptions:
        """What ``graft train`` would be told about the head at one tap and size."""
        return HeadOptions(**self._shared(tap, size))

    def train_options(self, tap: str, size: int, output: Path, *, golden_photos: bool = True) -> TrainOptions:
        """The ``graft train`` that makes the winner."""
        shared = self._shared(tap, size)
        return TrainOptions(**shared, output=output, overwrite=self.overwrite, golden_photos=golden_photos)

    def _shared(self, tap: str, size: int) -> dict[str, Any]:
        return {
            "photos": self.photos, "weights": self.weights, "tap": tap, "image_size": size, "resize": self.resize,
            "rule": self.rule, "recipe": self.recipe, "unknown_rate": self.unknown_rate, "threads": self.threads,
            "cache": self.cache, "strict": self.strict,
        }  # fmt: skip
