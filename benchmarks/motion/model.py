"""A model of what is on the bench, trained on frames of the same camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.label_noise.sets import Quiet
from benchmarks.motion.bench import LABELS, NOTHING, SIZE, Bench, render_bench
from benchmarks.motion.hour import Plan, plan, view
from benchmarks.motion.scenes import Plane, Sensor
from graft_host.backbones.named_weights import IMAGENET
from graft_host.backbones.readouts import SINGLE
from graft_host.demo.network import LITE
from graft_host.training.options import TrainOptions
from graft_host.training.pipeline import train

REGION = "0.125,0,0.75,1"
"""The part of the frame that the model sees: the square in which parts are at rest."""

_SEED = 5
_SECONDS = 3600.0


def train_model(path: Path, folder: Path, per_class: int, image_size: int) -> float:
    """Trains the model, unless the file is there.

    Args:
        path: the ``.tflite`` file.
        folder: for photos and cache.
        per_class: photos of each class.
        image_size: side of the network's input in pixels.

    Returns:
        The accuracy on test photos; NaN if the file was there.
    """
    if path.exists():
        return float("nan")
    photos = folder / "photos"
    bench = render_bench(_SEED)
    planned = plan(bench, _SECONDS, _SEED)
    rng = np.random.default_rng(_SEED)
    for label in LABELS:
        (photos / label).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            pixels = Sensor(rng, SIZE, rng.uniform(3, 9))(_view(bench, planned, label, rng))
            Image.fromarray(pixels[:, 80:-80]).save(photos / label / f"{number:03}.jpg", quality=92)
    options = TrainOptions(
        photos=photos, output=path, weights=IMAGENET, backbone=LITE, readout=SINGLE, image_size=image_size,
        cache=folder / "cache", overwrite=True,
    )  # fmt: skip
    evaluation = train(options, Quiet()).evaluation
    return float(np.mean(np.asarray(evaluation.truth) == np.asarray(evaluation.predicted)))


def _view(bench: Bench, planned: Plan, label: str, rng: np.random.Generator) -> Plane:
    """The bench with a part at rest or the bare one, in any light of the hour."""
    now = float(rng.uniform(0, _SECONDS))
    light = view(Bench(np.ones_like(bench.bare), ()), Plan((), planned.lamps, planned.lamp, _SECONDS), now)
    if label == NOTHING:
        return bench.bare * light
    parts = [part for part in bench.parts if part.label == label]
    return bench.with_part(parts[rng.integers(len(parts))], rng.uniform(-30, 30)) * light
