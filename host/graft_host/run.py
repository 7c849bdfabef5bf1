"""What a training run is told, and what it comes back with."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_host.bottlenecks import Extraction
from graft_host.dataset import Dataset, Split, SplitRule
from graft_host.evaluate import Evaluation
from graft_host.head import Head, Recipe
from graft_host.quantize import Backbone


@dataclass(frozen=True)
class TrainOptions:
    """Everything that ``graft train`` can be told; the defaults are the command's."""

    photos: Path
    output: Path
    weights: str = "imagenet"
    tap: str = "mixed10"
    image_size: int = 299
    quantization: str = "int8"
    resize: str = "squash"
    rule: SplitRule = field(default_factory=SplitRule)
    recipe: Recipe = field(default_factory=Recipe)
    augment: int = 0
    threads: int | None = None
    cache: Path | None = None
    overwrite: bool = False
    recalibrate: bool = False
    strict: bool = False
    min_accuracy: float | None = None


@dataclass(frozen=True)
class TrainResult:
    """A written model and how it came about.

    Attributes:
        model: the file.
        dataset: the photos that were used and those that were skipped.
        split: which photo served for what.
        head: the float head.
        evaluation: of the written file on the test photos.
        float_accuracy: of the float head on the bottlenecks of the test photos.
        agreement: share of the test photos on which file and float head name the same class.
        size: of the file in bytes.
        seconds: a figure per stage.
        extraction: cache hits and misses.
        backbone: that the head was grafted onto.
    """

    model: Path
    dataset: Dataset
    split: Split
    head: Head
    evaluation: Evaluation
    float_accuracy: float
    agreement: float
    size: int
    seconds: dict[str, float]
    extraction: Extraction
    backbone: Backbone

    def to_json(self) -> dict[str, Any]:
        """The figures that ``graft train --json`` prints."""
        return {
            "model": str(self.model),
            "labels": list(self.dataset.labels),
            "photos": self.split.counts(len(self.dataset.skipped)),
            "accuracy": {"float_head": self.float_accuracy, "shipped": self.evaluation.accuracy},
            "agreement": self.agreement,
            "bytes": self.size,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "cache": {
                "hits": self.extraction.hits,
                "misses": self.extraction.misses,
                "backbone": "reused" if self.backbone.reused else "converted",
            },
            "penalty": self.head.penalty,
            "pretrained": self.backbone.spec.weights.pretrained,
            "per_class": self.evaluation.per_class(),
            "confusion": self.evaluation.confusion.tolist(),
            "skipped": [{"path": os.fsdecode(s.path), "reason": s.reason} for s in self.dataset.skipped],
        }
