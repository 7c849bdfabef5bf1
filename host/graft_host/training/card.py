"""The model card of a training run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graft_device import __version__
from graft_device.drift.histogram import card_entry
from graft_device.model import ModelCard
from graft_host.evaluation.accuracy import Accuracy
from graft_host.evaluation.evaluate import Evaluation
from graft_host.fine_tuning.result import FineTuning
from graft_host.heads.finished import FinishedHead
from graft_host.training.material import Material
from graft_host.training.negatives import negatives_record
from graft_host.training.options import HeadOptions
from graft_host.training.prior import prior_of
from graft_host.training.source_gain import SourceGain


def model_card(
    options: HeadOptions, material: Material, head: FinishedHead, fine_tuning: FineTuning | None = None
) -> ModelCard:
    """The card of a model before it was tested.

    Args:
        options: of the run.
        material: what the head was made from.
        head: the finished head.
        fine_tuning: its result; None if it was not asked for.
    """
    backbone, recipe = material.backbone, options.recipe
    spec = backbone.spec
    training: dict[str, Any] = {
        "photos": material.split.counts(len(material.dataset.skipped)),
        "split": material.split.record(options.rule),
        "head": {"optimizer": recipe.optimizer, "class_weight": recipe.class_weight},
        "augment": options.augment,
    }
    if material.copies:
        training |= material.copies.to_json()
    if material.source is not None:
        training["sources"] = material.source.record()
    if (prior := prior_of(material, options)) is not None:
        training["prior"] = prior.to_json()
    if material.readout is not None:
        training["readout"] = material.readout.to_json()
    if head.head.penalty is None:
        training["head"] |= {"learning_rate": recipe.learning_rate, "steps": recipe.steps}
    else:
        training["head"]["penalty"] = head.head.penalty
    tuned = {} if fine_tuning is None or not fine_tuning.kept else {"fine_tuned": fine_tuning.record()}
    return ModelCard(
        kit_version=__version__,
        backbone={
            "name": spec.weights.family.name_in_card,
            "weights": spec.weights.name,
            "pretrained": spec.weights.pretrained,
            "weights_fingerprint": spec.weights.fingerprint,
            "fingerprint": backbone.fingerprint,
            "calibration_photos": backbone.calibration_photos,
            **tuned,
        },
        tap=spec.tap,
        image_size=spec.image_size,
        resize=spec.resize,
        quantization=spec.quantization,
        mean=spec.weights.mean,
        std=spec.weights.std,
        training=training,
        thresholds={} if head.unknown is None else {"unknown": head.unknown.to_json()},
    )


def tested_card(
    card: ModelCard,
    accuracy: Accuracy,
    evaluation: Evaluation,
    head: FinishedHead,
    gain: SourceGain | None,
    material: Material,
) -> ModelCard:
    """The card with what testing the file found, what source photos gave, and what was learned from negatives."""
    calibration = {
        "temperature": head.temperature,
        "ece": accuracy.errors(),
        "photos": head.photos,
    }
    figures = {**accuracy.to_json(), "agreement": accuracy.agreement}
    scores = card_entry(evaluation.scores.max(axis=1).tolist(), int(evaluation.refused.sum()))
    training = {**card.training, "accuracy": figures, "calibration": calibration, "scores": scores}
    if gain is not None:
        training["sources"] = {**card.training["sources"], "accuracy": gain.to_json()}
    if (negatives := negatives_record(material, head, evaluation)) is not None:
        training["negatives"] = negatives
    return replace(card, training=training)
