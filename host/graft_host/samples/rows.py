"""Joins the training rows of the target and those of its sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graft_host.heads.head import Array, Labels, Weights
from graft_host.samples.copies import Copies
from graft_host.samples.options import SampleOptions
from graft_host.samples.sources import Sources
from graft_host.samples.weights import WeightedSource, weigh


@dataclass(frozen=True, kw_only=True)
class SourceRows:
    """The source photos of a run, and what they weigh.

    Attributes:
        sources: the photos.
        weighted: what each photo and each of their rows weighs.
        shown: the photo of ``sources.photos`` that each of their rows shows, ``[R]``.
        copies: the copies of each photo that are trained on.
    """

    sources: Sources
    weighted: WeightedSource
    shown: Labels
    copies: Copies

    def to_json(self) -> dict[str, Any]:
        """The folders, what was left out, copies and weights."""
        return {
            "folders": [source.to_json() for source in self.sources.folders],
            "photos": len(self.sources.photos),
            **self.copies.to_json(),
            "weight": self.weighted.to_json(),
        }

    def record(self) -> dict[str, Any]:
        """What the model card keeps: figures without paths."""
        return {
            "folders": len(self.sources.folders),
            "photos": len(self.sources.photos),
            **self.copies.to_json(),
            "weight": self.weighted.to_json(),
        }


@dataclass(frozen=True, kw_only=True)
class TrainingRows:
    """What a head is trained on: the rows of the target, followed by those of its sources.

    Attributes:
        train: bottlenecks ``[T+R,D]`` and labels ``[T+R]``.
        groups: those of the target; -1 for rows of a source, which no fold holds out, ``[T+R]``.
        weights: 1 for rows of the target, ``[T+R]``.
        source: the sources.
    """

    train: tuple[Array, Labels]
    groups: Labels
    weights: Weights
    source: SourceRows


def join_rows(
    target: tuple[Array, Labels],
    groups: Labels,
    source: tuple[Array, Labels],
    sources: Sources,
    options: SampleOptions,
    seed: int,
    threads: int,
    *,
    target_rows: int,
) -> TrainingRows:
    """Weighs the rows of sources and adds them to those of the target.

    Args:
        target: bottlenecks and labels of the target's training rows.
        groups: rows of ``target`` with the same number show one photo or near duplicates of it, ``[T]``.
        source: bottlenecks and labels of the sources' rows, one rendition of all photos after the other.
        sources: their photos.
        options: the weights, and what copies there are.
        seed: for the folds of density ratios.
        threads: folds at a time.
        target_rows: the number of rows that each photo of the target has.
    """
    count = len(sources.photos)
    shown = np.tile(np.arange(count), len(source[1]) // count)
    weighted = weigh(
        options.source_weight, target[0], source[0], groups, shown, seed, threads, target_rows=target_rows
    )  # fmt: skip
    return TrainingRows(
        train=(np.concatenate([target[0], source[0]]), np.concatenate([target[1], source[1]])),
        groups=np.concatenate([groups, np.full(len(shown), -1)]),
        weights=np.concatenate([np.ones(len(groups)), weighted.rows]),
        source=SourceRows(
            sources=sources,
            weighted=weighted,
            shown=shown,
            copies=options.copies,
        ),
    )
