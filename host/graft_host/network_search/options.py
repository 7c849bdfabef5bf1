"""What a search is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_host.backbones.family import Family
from graft_host.backbones.registry import DEFAULT
from graft_host.backbones.registry import family as known_family
from graft_host.heads.head import Recipe
from graft_host.network_search.pareto import Limits
from graft_host.photos.split import SplitRule
from graft_host.training.options import HeadOptions, TrainOptions


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """Everything that ``graft search`` can be told.

    Attributes:
        photos: a folder per class.
        backbone: the name of a family.
        taps: layers to try; the family's choice where empty.
        sizes: input sides in pixels to try; the family's choice where empty.
        recalibrate: quantize the backbones anew, whatever is cached.
        limits: what the winner must meet.
        latency: files of ``graft-device bench --json``; this machine's latency counts where there are none.
        output: where the winner is written, if anywhere.
        report: the page to write, if any.
    """

    photos: Path
    backbone: str = DEFAULT
    weights: str = "imagenet"
    taps: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
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

    def __post_init__(self) -> None:
        """Fills in what depends on the family."""
        object.__setattr__(self, "taps", self.taps or self.family.search_taps)
        object.__setattr__(self, "sizes", self.sizes or self.family.search_sizes)

    @property
    def family(self) -> Family:
        """The family of the backbones."""
        return known_family(self.backbone)

    @property
    def deepest(self) -> str:
        """The tap that takes most of the network."""
        return max(self.taps, key=self.family.depth)

    def head_options(self, tap: str, size: int) -> HeadOptions:
        """What ``graft train`` would be told about the head at one tap and size."""
        return HeadOptions(**self._shared(tap, size))

    def train_options(self, tap: str, size: int, output: Path, *, golden_photos: bool = True) -> TrainOptions:
        """The ``graft train`` that makes the winner."""
        shared = self._shared(tap, size)
        return TrainOptions(**shared, output=output, overwrite=self.overwrite, golden_photos=golden_photos)

    def _shared(self, tap: str, size: int) -> dict[str, Any]:
        return {
            "photos": self.photos, "backbone": self.backbone, "weights": self.weights, "tap": tap, "image_size": size,
            "resize": self.resize, "rule": self.rule, "recipe": self.recipe, "unknown_rate": self.unknown_rate,
            "threads": self.threads, "cache": self.cache, "strict": self.strict,
        }  # fmt: skip
