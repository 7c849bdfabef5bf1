"""The model card of a training run."""

from __future__ import annotations

from typing import Any

from graft_device import __version__
from graft_device.model import ModelCard
from graft_host.dataset import Split
from graft_host.head import Head
from graft_host.quantize import Backbone
from graft_host.run import TrainOptions


def model_card(options: TrainOptions, backbone: Backbone, head: Head, parts: Split, skipped: int) -> ModelCard:
    """The card of a model before it was tested.

    Args:
        options: of the run.
        backbone: that the head was grafted onto.
        head: the float head.
        parts: which photo served for what.
        skipped: photos that could not be used.
    """
    spec, recipe = backbone.spec, options.recipe
    training: dict[str, Any] = {
        "photos": parts.counts(skipped),
        "split": {
            "seed": options.rule.seed,
            "test_percent": options.rule.test_percent,
            "validation_percent": options.rule.validation_percent,
        },
        "head": {"optimizer": recipe.optimizer, "class_weight": "balanced" if recipe.balanced else "none"},
        "augment": options.augment,
    }
    if head.penalty is None:
        training["head"] |= {"learning_rate": recipe.learning_rate, "steps": recipe.steps}
    else:
        training["head"]["penalty"] = head.penalty
    return ModelCard(
        kit_version=__version__,
        backbone={
            "name": "inception_v3",
            "weights": spec.weights.name,
            "pretrained": spec.weights.pretrained,
            "weights_fingerprint": spec.weights.fingerprint,
            "fingerprint": backbone.fingerprint,
            "calibration_photos": backbone.calibration_photos,
        },
        tap=spec.tap,
        image_size=spec.image_size,
        resize=spec.resize,
        quantization=spec.quantization,
        mean=spec.weights.mean,
        std=spec.weights.std,
        training=training,
    )
