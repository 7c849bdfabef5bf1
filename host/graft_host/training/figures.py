"""Measures a finished model: on the test photos, by cross-validation, and against float32."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from graft_device.errors import DatasetError
from graft_device.runtime import threads_to_use
from graft_host.evaluation.accuracy import Accuracy, Estimate
from graft_host.evaluation.evaluate import Evaluation, evaluate
from graft_host.heads.chance import error_by_chance
from graft_host.heads.finished import FinishedHead
from graft_host.heads.head import train_head
from graft_host.heads.temperature import expected_calibration_error, softmax
from graft_host.photos.dataset import Photo
from graft_host.samples.options import DENSITY
from graft_host.support.clock import Clock
from graft_host.support.progress import Progress
from graft_host.support.reporter import Reporter, WithoutNotes
from graft_host.support.scratch import scratch, write_scratch
from graft_host.training.estimate import cross_validated_estimate, estimate_on_test, to_cross_validate
from graft_host.training.kept_results import KeptResults
from graft_host.training.material import Material, gather
from graft_host.training.options import HeadOptions, TrainOptions
from graft_host.training.source_gain import SourceGain, measure_gain


def held_out_figures(
    final: tuple[Material, FinishedHead],
    frozen: tuple[Material, FinishedHead],
    options: TrainOptions,
    kept: KeptResults,
    reporter: Reporter,
    clock: Clock,
) -> tuple[Estimate | None, SourceGain | None]:
    """The cross-validated accuracy, if the test photos are few, and what source photos gave, if there are any.

    Args:
        final: the material and head of the model.
        frozen: those of the frozen backbone. They say what the source gave: no photo had an influence on their network.
        options: of the run.
        kept: results of earlier runs.
        reporter: receives progress.
        clock: measures the stages.
    """
    (material, head), threads = final, threads_to_use(options.threads)
    cross_validated = gain = None
    if to_cross_validate(material):
        offset = None if head.shift is None else head.shift * head.temperature
        with clock.stage("cross-validate"), threadpool_limits(1):
            cross_validated = kept.cross_validated(
                material, lambda: cross_validated_estimate(material, options, threads, offset), offset
            )
    if material.source is not None:
        unshifted = cross_validated if head.shift is None else None  # a fitted backbone has no cross-validated figure
        material, head = frozen
        ranked = options.report is not None or options.samples.source_weight == DENSITY
        with clock.stage("source"), reporter.progress("testing without source"), threadpool_limits(1):
            gain = kept.source_gain(
                material,
                lambda: measure_gain(material, options, threads, head, unshifted, ranked=ranked),
                ranked=ranked,
            )
    return cross_validated, gain


def float32_accuracy(options: HeadOptions, reporter: Reporter) -> float:
    """The accuracy on the test photos with the same photos, weights and recipe, but nothing quantized."""
    # The notes about the photos were given already, and float32 has no calibration that could be old.
    plain = replace(options, quantize="float32", recalibrate=False)
    material = gather(plain, WithoutNotes(reporter), Clock())
    with threadpool_limits(1):
        head = train_head(
            material.train, material.validation, len(material.dataset.labels), options.recipe, material.groups,
            fitted=material.fitted, weights=material.weights,
        )  # fmt: skip
    tests, truth = material.test
    return float(np.mean(head.predict(tests) == truth))


def accuracy_figures(
    material: Material,
    head: FinishedHead,
    evaluation: Evaluation,
    cross_validated: Estimate | None,
    options: TrainOptions,
    reporter: Reporter,
    clock: Clock,
) -> Accuracy:
    """The accuracy figures of a model; under ``--max-drop`` with that of float32, which takes longest.

    Args:
        material: of the model.
        head: of the model.
        evaluation: of the file on the test photos.
        cross_validated: the cross-validated accuracy, if there is one.
        options: of the run.
        reporter: receives progress.
        clock: measures the stage.
    """
    float32 = None
    if options.max_drop is not None:
        with clock.stage("float32"):
            float32 = float32_accuracy(options, reporter)
    tests, truth = material.test
    classes = head.head.predict(tests)
    named = ~evaluation.refused  # a refused photo's score is not a prediction
    return Accuracy(
        float_head=float(np.mean(classes == truth)),
        shipped=evaluation.accuracy,
        agreement=float(np.mean(evaluation.predicted == classes)),
        float32=float32,
        error_before=expected_calibration_error(softmax(head.unscaled_logits(tests[named])), truth[named]),
        error_after=expected_calibration_error(evaluation.scores[named], evaluation.truth[named]),
        by_chance=error_by_chance(evaluation.scores[named]),
        tested=estimate_on_test(evaluation.predicted == truth),
        cross_validated=cross_validated,
    )


def evaluated(
    artifact: bytes, labels: Sequence[str], photos: Sequence[Photo], threads: int, progress: Progress
) -> Evaluation:
    """Evaluates an artifact as the board will read it, from a file.

    Raises:
        DatasetError: a photo can no longer be read.
        ExportError: there is no room for a temporary file.
    """
    with scratch() as folder:
        candidate = folder / "candidate.tflite"
        write_scratch(candidate, artifact)
        evaluation = evaluate(candidate, photos, labels, threads, progress)
    for path, reason in evaluation.failures.items():
        raise DatasetError(f"{path} changed during the run ({reason})", "run again")
    return evaluation
