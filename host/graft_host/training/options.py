"""What a run is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from graft_host.backbones.family import Family
from graft_host.backbones.registry import DEFAULT
from graft_host.backbones.registry import family as known_family
from graft_host.heads.head import Recipe
from graft_host.photos.split import SplitRule


@dataclass(frozen=True, kw_only=True)
class HeadOptions:
    """What a head is made from, and how; the defaults are those of ``graft train``.

    Attributes:
        photos: a folder with a folder of photos per class.
        backbone: the name of a family.
        weights: what ``--weights`` takes.
        tap: a layer of the family; its default tap where empty.
        image_size: the input side in pixels; the family's default where 0.

    Raises:
        BackboneError: there is no such backbone.
    """

    photos: Path
    backbone: str = DEFAULT
    weights: str = "imagenet"
    tap: str = ""
    image_size: int = 0
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

    def __post_init__(self) -> None:
        """Fills in what depends on the family."""
        object.__setattr__(self, "tap", self.tap or self.family.default_tap)
        object.__setattr__(self, "image_size", self.image_size or self.family.default_size)

    @property
    def family(self) -> Family:
        """The family of the backbone."""
        return known_family(self.backbone)


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
