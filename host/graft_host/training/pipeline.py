"""``train``: a folder of photos becomes one tested ``.tflite``; the steps in order, nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from graft_device.errors import DatasetError
from graft_device.model import ModelCard
from graft_device.runtime import threads_to_use
from graft_host.backbones.readouts import SINGLE
from graft_host.evaluation.accuracy import FEW_TEST_PHOTOS, Accuracy, Estimate
from graft_host.evaluation.evaluate import Evaluation, evaluate
from graft_host.evaluation.golden import golden_pack
from graft_host.heads.chance import error_by_chance
from graft_host.heads.finished import FinishedHead, finish_head
from graft_host.heads.head import train_head
from graft_host.heads.mislabels import MislabelSearch, search_mislabels
from graft_host.heads.temperature import expected_calibration_error, softmax
from graft_host.heads.thresholds import UnknownThreshold
from graft_host.photos.dataset import Photo
from graft_host.photos.findings import warnings
from graft_host.photos.problems import find_problems
from graft_host.samples.options import DENSITY
from graft_host.support import flatbuffer
from graft_host.support.clock import Clock
from graft_host.support.progress import Progress
from graft_host.support.reporter import Reporter, WithoutNotes
from graft_host.support.scratch import remove_stale_scratch, scratch, write_scratch
from graft_host.tflite.fuse import fuse, fused_model
from graft_host.tflite.metadata import archive, insert_metadata
from graft_host.training.card import model_card, tested_card
from graft_host.training.delivery import check_delivered, place_model, place_report
from graft_host.training.estimate import cross_validated_estimate, estimate_on_test, to_cross_validate
from graft_host.training.fine_tuned import check_tensorflow, fine_tuned
from graft_host.training.guards import check_outputs, check_unknown_label, failed_gate
from graft_host.training.kept_results import KeptResults
from graft_host.training.material import Material, fitted_photos, gather, group_numbers
from graft_host.training.options import HeadOptions, TrainOptions
from graft_host.training.prior import prior_of
from graft_host.training.readout import gather_chosen
from graft_host.training.result import TrainResult
from graft_host.training.source_gain import SourceGain, measure_gain

_STATED = 1e-4  # stated rates are rounded to this


def train(options: TrainOptions, reporter: Reporter) -> TrainResult:
    """Trains, fuses, evaluates and writes a model.

    Raises:
        GraftError: anything that keeps the model from being made; no output is written then, and the cache keeps
            what was computed.
        RejectedError: the file failed a gate; nothing is written except a rejected file and a report if they were
            requested.
        UnreportedError: the model was written, but its report could not be.
    """
    clock = Clock()
    check_outputs(options)
    check_unknown_label(options)
    check_tensorflow(options)
    remove_stale_scratch()
    material = gather_chosen(options, reporter, clock)
    options = replace(options, tap=material.backbone.spec.tap, readout=SINGLE)
    if note := material.extraction.damage:
        reporter.note(note)
    labels = material.dataset.labels
    kept = KeptResults(options)
    with clock.stage("check"):
        search = kept.search(material, lambda: mislabel_search(material, options))
        for line in photo_warnings(material, options, search):
            reporter.note(line)
    for line in few_photos_warnings(material, options):
        reporter.note(line)
    with (
        clock.stage("head"),
        reporter.progress("training head"),
        threadpool_limits(1),
    ):  # matrices this small are slower on several threads, and round differently
        head = kept.head(material, lambda: finished_head(material, options))
    frozen = material, head
    with threadpool_limits(1):
        material, head, fine_tuning = fine_tuned(
            material,
            head,
            options,
            lambda tuned: kept.head(tuned, lambda: finished_head(tuned, options)),
            reporter,
            clock,
        )
    if note := unknown_note(head.unknown, options.unknown_rate):
        reporter.note(note)
    with clock.stage("fuse"), threadpool_limits(1):
        card = model_card(options, material, head, fine_tuning)
        network = described_network(material, head, card)
    with clock.stage("evaluate"), reporter.progress("testing the file") as progress:
        threads, photos = threads_to_use(options.threads), material.split.test
        tested = network + archive(labels, card)
        digest = hashlib.sha256(tested).hexdigest()
        evaluation = kept.evaluation(digest, photos, lambda: evaluated(tested, labels, photos, threads, progress))
    cross_validated, gain = held_out_figures((material, head), frozen, options, kept, reporter, clock)
    float32 = None
    if options.max_drop is not None:
        with clock.stage("float32"):
            float32 = float32_accuracy(options, reporter)
    tests, truth = material.test
    classes = head.head.predict(tests)
    named = ~evaluation.refused  # a refused photo's score is not a prediction
    accuracy = Accuracy(
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
    card = tested_card(card, accuracy, head, gain)
    with clock.stage("golden"):
        chosen = photos if options.golden else ()
        golden = kept.golden(
            digest, evaluation, chosen, lambda: golden_pack(network, archive(labels, card), evaluation, chosen)
        )
    # The network that was tested, byte for byte.
    artifact = network + archive(labels, card, golden.entries())
    gate = failed_gate(accuracy, len(evaluation.truth), options)
    with clock.stage("write"):
        model = place_model(artifact, gate, options)
    result = TrainResult(
        model=model,
        material=material,
        head=head,
        evaluation=evaluation,
        accuracy=accuracy,
        size=len(artifact),
        seconds=clock.finish(),
        gate=gate,
        prior=prior_of(material, options),
        gain=gain,
        fine_tuning=fine_tuning,
    )
    check_delivered(result, options, place_report(result, artifact, options))
    return result


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


def mislabel_search(material: Material, options: HeadOptions) -> MislabelSearch:
    """Searches all photos for those that are in the wrong class."""
    photos = [photo for part in material.split.parts.values() for photo in part]
    bottlenecks, labels = material.without_variants()
    return search_mislabels(
        bottlenecks, labels, [photo.place for photo in photos], len(material.dataset.labels), options.rule.seed,
        threads_to_use(options.threads), fitted=fitted_photos(material.backbone.spec.weights, photos),
    )  # fmt: skip


def photo_warnings(material: Material, options: HeadOptions, search: MislabelSearch) -> list[str]:
    """Counts what ``graft check`` would find in these photos, a line for each kind."""
    photos = [photo for part in material.split.parts.values() for photo in part]
    found = find_problems(replace(material.dataset, photos=tuple(photos)), options.image_size, search.mislabels)
    return warnings(found, options.check_command, material.split.divided)


def few_photos_warnings(material: Material, options: TrainOptions) -> list[str]:
    """Returns a warning for each gate that will be judged on few test photos."""
    photos = len(material.split.test)
    if photos >= FEW_TEST_PHOTOS:
        return []
    counted = "1 test photo" if photos == 1 else f"{photos} test photos"
    gates = {"--min-accuracy": options.min_accuracy, "--max-drop": options.max_drop}
    return [
        f"warning: {name} is judged on {counted}, each of which counts {100 / photos:.0f} points"
        for name, gate in gates.items()
        if gate is not None
    ]


def unknown_note(unknown: UnknownThreshold | None, rate: float) -> str | None:
    """Returns a note if the unknown threshold does not keep the rate that was requested.

    Args:
        unknown: the threshold; None if there is none.
        rate: the rate that was requested with ``--unknown-rate``.
    """
    if rate > 0 and unknown is None:
        return (
            "warning: too few photos to find a threshold for unknown ones: the model will call none unknown; "
            "add photos, or give --unknown-rate 0 to say that this is meant"
        )
    if unknown is not None and unknown.rate > rate + _STATED:
        return (
            f"note: {unknown.photos} photos are too few to promise that at most {rate:.2%} of known ones will be "
            f"called unknown; it may be {unknown.rate:.2%}: add photos, or raise --unknown-rate"
        )
    return None


def finished_head(material: Material, options: HeadOptions) -> FinishedHead:
    """Trains a head, and sets its temperature and unknown threshold on photos that it was not trained on.

    Raises:
        DatasetError: the backbone was fitted to the training photos, and there are no validation photos.
        GraftError: gradient descent diverged.
    """
    classes, recipe = len(material.dataset.labels), options.recipe
    train, validation, groups = material.train, material.validation, material.groups
    threads, prior = threads_to_use(options.threads), prior_of(material, options)
    head = train_head(
        train, validation, classes, recipe, groups, threads, fitted=material.fitted, weights=material.weights
    )
    return finish_head(
        head, train, validation, recipe, groups, options.unknown_rate, threads, fitted=material.fitted,
        validation_groups=group_numbers(material.split.validation), weights=material.weights,
        shift=None if prior is None else prior.shift,
    )  # fmt: skip


def graft(material: Material, head: FinishedHead) -> bytes:
    """The network of backbone and head, still without labels and card."""
    backbone = material.backbone.path
    return fuse(backbone.read_bytes(), head.head, material.train[0], str(backbone), head.novelty)


def described_network(material: Material, head: FinishedHead, card: ModelCard) -> bytes:
    """The network of backbone and head with the standard metadata, still without labels and card."""
    backbone = material.backbone.path
    model = fused_model(backbone.read_bytes(), head.head, material.train[0], str(backbone), head.novelty)
    insert_metadata(model, card)
    return flatbuffer.pack(model)


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
