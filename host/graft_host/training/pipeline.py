"""``train``: a folder of photos becomes one tested ``.tflite``; the steps in order, nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from threadpoolctl import threadpool_limits

from graft_device.runtime import threads_to_use
from graft_host.backbones.readouts import SINGLE
from graft_host.evaluation.golden import golden_pack
from graft_host.heads.mislabels import MislabelSearch, search_mislabels
from graft_host.support.clock import Clock
from graft_host.support.reporter import Reporter
from graft_host.support.scratch import remove_stale_scratch
from graft_host.tflite.metadata import archive
from graft_host.training.card import model_card, tested_card
from graft_host.training.delivery import check_delivered, place_model, place_report
from graft_host.training.figures import accuracy_figures, evaluated, held_out_figures
from graft_host.training.fine_tuned import check_tensorflow, fine_tuned
from graft_host.training.grafting import described_network, finished_head, memory_of
from graft_host.training.guards import check_outputs, failed_gate
from graft_host.training.kept_results import KeptResults
from graft_host.training.material import Material, fitted_photos
from graft_host.training.negatives import compared, held_out_negatives
from graft_host.training.not_worse import beside_old, opened, to_compare
from graft_host.training.notes import few_photos_warnings, photo_warnings, unknown_notes
from graft_host.training.options import HeadOptions, TrainOptions
from graft_host.training.prior import prior_of
from graft_host.training.prospects import model_prospects
from graft_host.training.readout import gather_chosen
from graft_host.training.result import TrainResult


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
    check_tensorflow(options)
    remove_stale_scratch()
    rivals = opened(options)
    material = gather_chosen(options, reporter, clock)
    options = replace(options, tap=material.backbone.spec.tap, readout=SINGLE)
    if note := material.extraction.damage:
        reporter.note(note)
    labels = material.dataset.labels
    kept = KeptResults(options)
    fair = to_compare(rivals, material, options, reporter)
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
    for line in unknown_notes(material, head, options.unknown_rate):
        reporter.note(line)
    with clock.stage("fuse"), threadpool_limits(1):
        card = model_card(options, material, head, fine_tuning)
        network = described_network(material, head, card)
    with clock.stage("evaluate"), reporter.progress("testing the file") as progress:
        threads, photos, others = threads_to_use(options.threads), material.split.test, held_out_negatives(material)
        tested = network + archive(labels, card)
        digest = hashlib.sha256(tested).hexdigest()
        evaluation = kept.evaluation(
            digest, (*photos, *others), lambda: evaluated(tested, labels, (*photos, *others), threads, progress)
        )
    evaluation = compared(evaluation, material, head)
    comparison = beside_old(rivals, fair, evaluation, tested, kept, options, reporter, clock)
    cross_validated, gain = held_out_figures((material, head), frozen, options, kept, reporter, clock)
    prospects = model_prospects(frozen, options, kept, reporter, clock)
    accuracy = accuracy_figures(material, head, evaluation, cross_validated, options, reporter, clock)
    card = tested_card(card, accuracy, evaluation, head, gain, material)
    with clock.stage("golden"):
        chosen = photos if options.golden else ()
        golden = kept.golden(
            digest, evaluation, chosen, lambda: golden_pack(network, archive(labels, card), evaluation, chosen)
        )
    # The network that was tested, byte for byte.
    artifact = network + archive(labels, card, {**golden.entries(), **memory_of(material, photos=options.memory)})
    gate = failed_gate(accuracy, len(evaluation.truth), options, comparison)
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
        comparison=comparison,
        prior=prior_of(material, options),
        gain=gain,
        prospects=prospects,
        fine_tuning=fine_tuning,
    )
    check_delivered(result, options, place_report(result, artifact, options))
    return result


def mislabel_search(material: Material, options: HeadOptions) -> MislabelSearch:
    """Searches all photos for those that are in the wrong class."""
    photos = [photo for part in material.split.parts.values() for photo in part]
    bottlenecks, labels = material.without_variants()
    return search_mislabels(
        bottlenecks, labels, [photo.place for photo in photos], len(material.dataset.labels), options.rule.seed,
        threads_to_use(options.threads), fitted=fitted_photos(material.backbone.spec.weights, photos),
    )  # fmt: skip
