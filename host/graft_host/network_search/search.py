"""``search``: the fastest network that is good enough, among taps and image sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from graft_device.text import printable
from graft_host.backbones.bottlenecks import Bottlenecks, Extraction
from graft_host.backbones.quantize import Backbone
from graft_host.backbones.weights import weights_source
from graft_host.evaluation.golden import SHARE
from graft_host.heads.cross_validation import CrossValidated, cross_validate, validate
from graft_host.heads.head import Head
from graft_host.network_search.features import gather_features, seen
from graft_host.network_search.latency import Latencies, board_figures, board_warnings, latencies
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.page import search_report
from graft_host.network_search.pareto import Candidate, Limits, choose, nearest
from graft_host.network_search.result import NothingFitsError, SearchResult
from graft_host.network_search.timing import Network
from graft_host.report.page import REPORT
from graft_host.report.report import write_report
from graft_host.support.clock import Clock
from graft_host.support.destination import MODEL, Source, check_destination
from graft_host.support.reporter import Reporter, WithoutNotes
from graft_host.support.rounding import apart
from graft_host.support.scratch import remove_stale_scratch, scratch, write_scratch
from graft_host.tflite.metadata import attach
from graft_host.training.card import model_card
from graft_host.training.guards import check_unknown_label
from graft_host.training.material import Material, Survey, fitted_photos, group_numbers, survey
from graft_host.training.pipeline import finished_head, graft, train
from graft_host.training.result import TrainResult


@dataclass(frozen=True)
class _Tried:
    """A network with a head.

    Attributes:
        network: the file, to be timed.
        accuracy: on photos that the head was not trained on.
        size: of the file in bytes.
    """

    network: Network
    accuracy: CrossValidated
    size: int


def search(options: SearchOptions, reporter: Reporter) -> SearchResult:
    """Tries every tap at every image size, chooses, and makes the winner as ``graft train`` would.

    Accuracy is cross-validated on the photos to train on and to validate with; those to test with are first looked
    at when the winner is tested.

    Args:
        options: what to try, and what to choose by.
        reporter: hears how it goes.

    Raises:
        NothingFitsError: no network meets the limits; the report is written all the same.
        GraftError: anything that keeps the search from its end; the cache keeps what was computed.
    """
    clock = Clock()
    check_outputs(options)
    check_unknown_label(options.head_options(options.deepest, options.sizes[0]))
    remove_stale_scratch()
    figures = board_figures(options)
    known = board_warnings(figures)
    for warning in known:
        reporter.note(f"note: {warning}")
    looked = survey(options.head_options(options.deepest, options.sizes[0]), reporter, clock)
    looked, backbones = gather_features(options, looked, reporter, clock)
    with scratch() as folder:
        with clock.stage("heads"), reporter.progress("training heads", "heads") as progress:
            tried = []
            for backbone in backbones:
                tried.append(_try(backbone, looked, options, folder))
                progress(len(tried), len(backbones))
        with clock.stage("latency"), reporter.progress("timing", "inferences") as progress:
            took = latencies([each.network for each in tried], figures, looked.threads, progress)
        for warning in took.warnings:
            reporter.note(f"warning: {warning}")
        candidates = _candidates(tried, took)
        chosen = choose(candidates, options.limits)
        trained = None
        if chosen is not None:
            trained = _made(chosen, options, reporter, folder, clock)
    result = SearchResult(
        candidates, options.limits, chosen, trained, took.words, looked.split.counts(len(looked.dataset.skipped)),
        clock.finish(), options.output is not None, (*known, *took.warnings),
    )  # fmt: skip
    if options.report is not None:
        page = search_report(result, options)
        write_report(options.report, page, overwrite=options.overwrite, option="--report")
    if chosen is None:
        raise NothingFitsError(_why_none(result, options), result)
    return result


def check_outputs(options: SearchOptions) -> None:
    """Raises ExportError if a file that the search may write at its end could not be, before it starts."""
    sources = [Source("photos", options.photos), *weights_source(options.head.weights, options.family)]
    sources += [Source("figures", path) for path in options.latency]
    if options.output is not None:
        check_destination(options.output, MODEL, sources, overwrite=options.overwrite)
        sources.append(Source("model", options.output))
    if options.report is not None:
        check_destination(options.report, REPORT, sources, overwrite=options.overwrite, option="--report")


def _try(backbone: Backbone, looked: Survey, options: SearchOptions, folder: Path) -> _Tried:
    """Measures a network's accuracy, and writes the file that ``graft train`` would write, untested."""
    spec, labels = backbone.spec, looked.dataset.labels
    chosen = options.head_options(spec.tap, spec.image_size)
    with Bottlenecks(backbone, looked.cache) as bottlenecks, threadpool_limits(1):
        material = _material(backbone, looked, bottlenecks)
        head = finished_head(material, chosen)
        accuracy = _accuracy(material, head.head, options, looked.threads)
        artifact = attach(graft(material, head), labels, model_card(chosen, material, head))
    path = folder / f"{spec.tap}-{spec.image_size}.tflite"
    write_scratch(path, artifact)
    network = Network(path, spec.tap, spec.image_size, spec.weights.family.depth(spec.tap))
    return _Tried(network, accuracy, len(artifact))


def _material(backbone: Backbone, looked: Survey, bottlenecks: Bottlenecks) -> Material:
    """What a head is made from, without test photos."""
    parts = looked.split
    data, truth = bottlenecks.matrix(seen(parts))
    own = len(parts.train)
    return Material(
        dataset=looked.dataset,
        split=parts,
        backbone=backbone,
        extraction=Extraction({}, len(data), 0),
        train=(data[:own], truth[:own]),
        validation=(data[own:], truth[own:]),
        test=(data[:0], truth[:0]),
        groups=group_numbers(parts.train),
        fitted=bool(fitted_photos(backbone.spec.weights, parts.train).any()),
    )


def _accuracy(material: Material, head: Head, options: SearchOptions, threads: int) -> CrossValidated:
    """Cross-validated on all photos that a search sees; of a fitted backbone measured on the validation photos."""
    parts = material.split
    if material.fitted:
        return validate(head, *material.validation, group_numbers(parts.validation))
    data, truth = material.without_variants()
    recipe, classes = options.head.recipe, len(material.dataset.labels)
    return cross_validate(
        data, truth, group_numbers(seen(parts)), classes, recipe.seed, balanced=recipe.balanced, threads=threads
    )


def _candidates(tried: Sequence[_Tried], took: Latencies) -> tuple[Candidate, ...]:
    """The candidates, fastest first."""
    found = [
        Candidate(
            each.network.tap, each.network.image_size, each.accuracy.accuracy, each.accuracy.standard_error, ms, guess,
            each.size,
        )
        for each, ms, guess in zip(tried, took.ms, took.estimated, strict=True)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda candidate: (candidate.ms, candidate.bytes)))


def _made(chosen: Candidate, options: SearchOptions, reporter: Reporter, folder: Path, clock: Clock) -> TrainResult:
    output = options.output or folder / "winner.tflite"
    room = has_room_for_golden_photos(chosen, options.limits)
    if not room:
        reporter.note("note: the file goes without golden photos, with which it could be larger than --max-mb")
    with clock.stage("winner"):
        told = options.train_options(chosen.tap, chosen.image_size, output, golden=room)
        result = train(told, WithoutNotes(reporter))
    _note_limits(result, options.limits, reporter)
    return result


def _note_limits(result: TrainResult, limits: Limits, reporter: Reporter) -> None:
    """Says where the file that was made misses what its network met before its test."""
    if limits.max_mb is not None and result.size / 1e6 > limits.max_mb:
        reporter.note(f"note: what its test added makes the file {result.size:,} bytes, more than --max-mb allows")
    least = limits.min_accuracy
    if least is not None and result.accuracy.shipped < least:
        reporter.note(
            f"note: {apart(result.accuracy.shipped, least)} of the test photos named right is less than "
            f"--min-accuracy {least}, by which the network was chosen on other photos"
        )


def has_room_for_golden_photos(chosen: Candidate, limits: Limits) -> bool:
    """Whether a file that meets the limits still does with the photos that ``graft train`` puts into it."""
    return limits.max_mb is None or chosen.megabytes * (1 + SHARE) <= limits.max_mb


def _why_none(result: SearchResult, options: SearchOptions) -> str:
    close = nearest(result.candidates, options.limits)
    missed = options.limits.missed(close, result.photos["train"] + result.photos["validation"])
    fate = "" if options.output is None else f"; {printable(options.output)} was not written"
    return f"none of {len(result.candidates)} networks meets the limits; nearest is {close.shown}: {missed}{fate}"
