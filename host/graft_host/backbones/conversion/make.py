"""Finds or writes the backbone of a value of ``--tap``: that of one tap, or one network for several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graft_host.backbones.conversion.backbone import Backbone, BackboneSpec
from graft_host.backbones.conversion.joined import joined
from graft_host.backbones.conversion.quantize import quantized_backbone
from graft_host.backbones.conversion.trunk import quantized_trunk
from graft_host.photos.dataset import Photo
from graft_host.support.progress import Progress


def make_backbone(
    spec: BackboneSpec,
    training: Sequence[Photo],
    cache: Path,
    threads: int,
    recalibrate: bool = False,
    progress: Progress | None = None,
) -> Backbone:
    """Finds a backbone in the cache, or converts one.

    Args:
        spec: what to convert from and to, with one tap or several.
        training: the training photos; some of them calibrate an int8 backbone.
        cache: the folder of caches.
        threads: how many photos are decoded and run at a time.
        recalibrate: convert even if a cached backbone could be reused.
        progress: called with (photos calibrated on, photos).

    Raises:
        GraftError: the weights do not reach the last tap, no photo can be decoded, or the conversion failed.
    """
    if len(spec.taps) == 1:
        return quantized_backbone(spec, training, cache, threads, recalibrate, progress)
    return joined(quantized_trunk(spec, spec.taps, training, cache, threads, recalibrate, progress))
