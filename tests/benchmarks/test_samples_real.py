"""Camera copies on real photos: heads that were trained on them recognise photos by cameras that they do not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.samples.methods import METHODS, Run, wanted
from benchmarks.samples.photos import drawn, read_photos, through_camera
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.backbones.bottlenecks.jobs import jobs_for, photos_alone
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.make import make_backbone
from graft_host.backbones.weights.find import find_weights
from graft_host.photos.place import place_statistics
from graft_host.support.progress import unwatched

_ALONE, _COPIES, _MATCHED = (
    "source alone",
    "camera copies, no target photos",
    "matched copies, no labelled target photos",
)


@pytest.mark.slow
def test_copies_help_with_cameras_that_took_no_training_photo(
    cats_and_dogs: Path, weights_file: Path, shared_cache: Path, tmp_path: Path
) -> None:
    dataset = read_photos(cats_and_dogs, shared_cache, 2)
    spec = BackboneSpec(
        weights=find_weights(str(weights_file), 0), tap="mixed7", image_size=150, quantization="int8", resize="squash"
    )
    backbone = make_backbone(spec, dataset.photos, shared_cache, 2, progress=unwatched)
    gains = []
    with Bottlenecks(backbone, shared_cache) as bottlenecks:
        for name in ("dim", "doorway"):
            camera = through_camera(name, dataset, tmp_path / name, 2)
            draw = drawn(dataset, camera, 100, 10, 10, 0)
            frames = tmp_path / f"{name} unlabelled"
            frames.mkdir()
            for photo in draw.unlabelled:
                (frames / photo.path.name).symlink_to(photo.path)
            place, skipped = place_statistics(frames, draw.sources, "squash", 2)
            assert skipped == []
            shown = photos_alone(draw.tests), jobs_for((draw.sources, wanted(0, place)))
            for jobs in shown:
                bottlenecks.extract(jobs, 2, unwatched)
            run = Run(draw=draw, bottlenecks=bottlenecks, place=place, classes=2, seed=0, threads=2)
            alone, copies, matched = (run.accuracy(METHODS[method](run)) for method in (_ALONE, _COPIES, _MATCHED))
            gains.append((copies - alone, matched - alone))
    camera_gain, matched_gain = np.mean(gains, axis=0)
    assert camera_gain > 0.01
    assert matched_gain > 0.01
