"""``search``: the fastest network that is good enough, among taps and image sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from threadpoolctl import threadpool_limits

from graft_device import console
from graft_host.board_latency import BoardFigures, common_setting, in_words, on_board, read_figures
from graft_host.bottlenecks import Bottlenecks, Extraction
from graft_host.card import model_card
from graft_host.clock import Clock
from graft_host.cross_validation import CrossValidated, cross_validate
from graft_host.destination import MODEL, REPORT, Source, check_destination, weights_source
from graft_host.golden import SHARE
from graft_host.guards import check_unknown_label
from graft_host.latency import median_ms
from graft_host.material import Material, Survey, group_numbers, survey
from graft_host.metadata import attach
from graft_host.pareto import Candidate, Limits, choose, nearest
from graft_host.pipeline import graft, graftable_head, train
from graft_host.quantize import Backbone
from graft_host.report import write_report
from graft_host.reporter import Reporter, WithoutNotes
from graft_host.run import TrainResult
from graft_host.search_features import gather_features, seen
from graft_host.search_options import SearchOptions
from graft_host.search_report import search_report
from graft_host.search_result import NothingFitsError, SearchResult


@dataclass(frozen=True)
class _Tried:
    """A network with a head, as a file to be timed."""

    backbone: Backbone
    found: CrossValidated
    path: Path


def search(options: SearchOptions, reporter: Reporter) -> SearchResult:
    """Tries every tap at every image size, chooses, and makes the winner as ``graft train`` would.

    Accuracy is cross-validated on the photos to train on and to validate with; those to test with are first looked
    at when the winner is tested.

    Raises:
        NothingFitsError: no network meets the limits; the report is written all the same.
        GraftError: anything that keeps the search from its end; the cache keeps what was computed.
    """
    clock = Clock()
    check_outputs(options)
    check_unknown_label(options.head_options(options.deepest, options.sizes[0]))
    figures = _board_figures(options, reporter)
    looked = survey(options.head_options(options.deepest, options.sizes[0]), reporter, clock)
    looked, backbones = gather_features(options, looked, reporter, clock)
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        with clock.stage("heads"), reporter.progress("training heads", "heads") as progress:
            tried = []
            for backbone in backbones:
                tried.append(_try(backbone, looked, options, Path(folder)))
                progress(len(tried), len(backbones))
        with clock.stage("latency"), reporter.progress("timing", "inferences") as progress:
            runtime, here = median_ms([each.path for each in tried], looked.threads, progress)
        candidates, words = _candidates(tried, here, figures, f"{runtime}, threads: {looked.threads}")
        chosen = choose(candidates, options.limits)
        trained = None
        if chosen is not None:
            trained = _made(chosen, options, reporter, Path(folder), clock)
    result = SearchResult(
        candidates, options.limits, chosen, trained, words, looked.split.counts(len(looked.dataset.skipped)),
        clock.finish(), options.output is not None,
    )  # fmt: skip
    if options.report is not None:
        page = search_report(result, options)
        write_report(options.report, page, overwrite=options.overwrite, option="--report")
    if chosen is None:
        raise NothingFitsError(_why_none(result, options), result)
    return result


def check_outputs(options: SearchOptions) -> None:
    """Raises ExportError if a file that the search may write at its end could not be, before it starts."""
    sources = [Source("photos", options.photos), *weights_source(options.weights)]
    sources += [Source("figures", path) for path in options.latency]
    if options.output is not None:
        check_destination(options.output, MODEL, sources, overwrite=options.overwrite)
        sources.append(Source("model", options.output))
    if options.report is not None:
        check_destination(options.report, REPORT, sources, overwrite=options.overwrite, option="--report")


def _board_figures(options: SearchOptions, reporter: Reporter) -> list[BoardFigures]:
    """What ``--latency`` names, before the work that it would be too late after."""
    figures = [read_figures(path) for path in options.latency]
    if figures:
        common_setting(figures, [(tap, size) for tap in options.taps for size in options.sizes])
    for each in figures:
        for warning in each.warnings:
            reporter.note(f"note: {each.path} says of its figures that they are worth little: {warning}")
    return figures


def _try(backbone: Backbone, looked: Survey, options: SearchOptions, folder: Path) -> _Tried:
    """Cross-validates, and writes the file that ``graft train`` would write, untested."""
    parts, labels = looked.split, looked.dataset.labels
    spec = backbone.spec
    with Bottlenecks(backbone, looked.cache) as bottlenecks, threadpool_limits(1):
        data, truth = bottlenecks.matrix(seen(parts))
        recipe = options.recipe
        numbers = group_numbers(seen(parts))
        found = cross_validate(
            data, truth, numbers, len(labels), recipe.seed, balanced=recipe.balanced, threads=looked.threads
        )
        own = len(parts.train)
        nothing = data[:0], truth[:0]
        material = Material(
            looked.dataset, parts, backbone, Extraction({}, len(data), 0), (data[:own], truth[:own]),
            (data[own:], truth[own:]), nothing, group_numbers(parts.train),
        )  # fmt: skip
        chosen = options.head_options(spec.tap, spec.image_size)
        head = graftable_head(material, chosen)
        artifact = attach(graft(material, head), labels, model_card(chosen, material, head))
    path = folder / f"{spec.tap}-{spec.image_size}.tflite"
    path.write_bytes(artifact)
    return _Tried(backbone, found, path)


def _candidates(
    tried: Sequence[_Tried], here: Sequence[float], figures: Sequence[BoardFigures], setting: str
) -> tuple[tuple[Candidate, ...], str]:
    """The candidates, fastest first, and what their milliseconds are."""
    shapes = [(each.backbone.spec.tap, each.backbone.spec.image_size) for each in tried]
    ms, estimated = list(here), [False] * len(tried)
    words = f"one inference here, {setting}, the median of the quietest of its turns"
    if figures:
        board = on_board(figures, shapes, here)
        ms, estimated, words = list(board.ms), [not known for known in board.measured], in_words(board)
    found = [
        Candidate(*shape, each.found.accuracy, each.found.standard_error, took, guess, each.path.stat().st_size)
        for each, shape, took, guess in zip(tried, shapes, ms, estimated, strict=True)
    ]
    return tuple(sorted(found, key=lambda candidate: (candidate.ms, candidate.bytes))), words


def _made(chosen: Candidate, options: SearchOptions, reporter: Reporter, folder: Path, clock: Clock) -> TrainResult:
    output = options.output or folder / "winner.tflite"
    room = has_room_for_golden_photos(chosen, options.limits)
    if not room:
        reporter.note("note: the file goes without golden photos, with which it could be larger than --max-mb")
    with clock.stage("winner"):
        told = options.train_options(chosen.tap, chosen.image_size, output, golden_photos=room)
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
            f"note: {result.accuracy.shipped:.4f} of the test photos named right is less than --min-accuracy {least}, "
            "by which the network was chosen on other photos"
        )


def has_room_for_golden_photos(chosen: Candidate, limits: Limits) -> bool:
    """Whether a file that meets the limits still does with the photos that ``graft train`` puts into it."""
    return limits.max_mb is None or chosen.megabytes * (1 + SHARE) <= limits.max_mb


def _why_none(result: SearchResult, options: SearchOptions) -> str:
    close = nearest(result.candidates, options.limits)
    figures = {
        "--max-ms": f"{close.ms:.1f} ms",
        "--max-mb": f"{close.megabytes:.1f} MB",
        "--min-accuracy": f"accuracy {close.accuracy:.4f}",
    }
    missed = " and ".join(f"{figures[option]} misses {option}" for option in options.limits.misses(close))
    fate = "" if options.output is None else f"; {console.printable(options.output)} was not written"
    return f"none of {len(result.candidates)} networks meets the limits; nearest is {close.shown}: {missed}{fate}"
