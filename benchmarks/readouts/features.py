"""Bottlenecks of a folder's photos for every readout of a network."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks, extract_together
from graft_host.backbones.bottlenecks.jobs import photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.trunk import quantized_trunk
from graft_host.backbones.taps import JOIN
from graft_host.photos.dataset import Photo, scan
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.support.progress import unwatched

_MOST_PHOTOS = 900


@dataclass(frozen=True, kw_only=True)
class Features:
    """Photos and their bottlenecks.

    Attributes:
        labels: the classes, ``[N]``.
        groups: photos with the same number, ``[N]``, are near duplicates.
        parts: the bottlenecks by tap, float32 ``[N,D]``.
    """

    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    parts: dict[str, NDArray[np.float32]]

    def of(self, readout: str) -> NDArray[np.float32]:
        """The bottlenecks of a readout, ``[N,D]``."""
        return np.concatenate([self.parts[tap] for tap in readout.split(JOIN)], axis=1)


def features(folder: Path, spec: BackboneSpec, readouts: Sequence[str], cache: Path, threads: int) -> Features:
    """Computes the bottlenecks of at most 900 photos, with a backbone that was quantized on 32 of them.

    Args:
        folder: a folder of photos for each class.
        spec: the deepest network.
        readouts: the values of ``--tap``.
        cache: the folder of backbones and bottlenecks.
        threads: to use.
    """
    dataset = group_near_duplicates(scan(folder, threads), cache, threads, unwatched)
    order = np.random.default_rng(0).permutation(len(dataset.photos))[:_MOST_PHOTOS]
    photos: list[Photo] = [dataset.photos[place] for place in sorted(order)]
    taps = sorted({tap for readout in readouts for tap in readout.split(JOIN)})
    trunk = quantized_trunk(spec, taps, photos, cache, threads)
    with contextlib.ExitStack() as stack:
        outputs = [stack.enter_context(Bottlenecks(backbone, cache)) for backbone in trunk.backbones]
        extraction = extract_together(trunk.path, spec, outputs, photos_alone(photos), threads, unwatched)
        photos = [photo for photo in photos if photo.digest not in extraction.failures]
        names = [backbone.spec.tap for backbone in trunk.backbones]
        return Features(
            labels=np.array([photo.label for photo in photos], np.int64),
            groups=np.unique([photo.place for photo in photos], return_inverse=True)[1].astype(np.int64),
            parts={name: output.matrix(photos)[0] for name, output in zip(names, outputs, strict=True)},
        )
