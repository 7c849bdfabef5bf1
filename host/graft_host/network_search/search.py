"""Searches families, taps and image sizes for the fastest network that is accurate enough."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from graft_device.learning.remembered import MOST_BYTES
from graft_device.text import printable
from graft_host.backbones.weights.find import weights_inputs
from graft_host.evaluation.golden import SHARE
from graft_host.network_search.features import Tried, gather_features
from graft_host.network_search.grid import Grid
from graft_host.network_search.grids_here import grids_here, untried_here
from graft_host.network_search.latency.latencies import board_figures, board_warnings, latencies
from graft_host.network_search.options import SearchOptions
from graft_host.network_search.page.page import search_report
from graft_host.network_search.pareto import Candidate, Limits, choose, nearest
from graft_host.network_search.result import NothingFitsError, SearchResult
from graft_host.network_search.trials import Found, Trials
from graft_host.report.page import REPORT
from graft_host.report.report import write_report
from graft_host.support.clock import Clock
from graft_host.support.destination import MODEL, RunInput, check_destination
from graft_host.support.reporter import Reporter, WithoutNotes
from graft_host.support.rounding import apart
from graft_host.support.scratch import remove_stale_scratch, scratch
from graft_host.training.pipeline import train
from graft_host.training.result import TrainResult
from graft_host.training.survey import chosen_weights, survey


def search(options: SearchOptions, reporter: Reporter, found: Found | None = None) -> SearchResult:
    """Tries every tap of every family at every image size, chooses a network, and trains it as ``graft train`` does.

    Accuracy is cross-validated on the training and validation photos. The test photos are used only to test the winner.

    Args:
        options: what to try, and the limits to choose by.
        reporter: receives notes and progress.
        found: called with each network as soon as its accuracy and milliseconds are known: with milliseconds of a
            single turn at first, and again once all networks were timed in turns. None for no such calls.

    Raises:
        NothingFitsError: no network meets the limits; the report is written nevertheless.
        GraftError: the search cannot be finished; the cache keeps what was computed.
    """
    clock = Clock()
    check_outputs(options)
    grids = grids_here(options, reporter)
    remove_stale_scratch()
    figures = board_figures(options.latency, [shape for grid in grids for shape in grid.shapes])
    unreliable = board_warnings(figures)
    for warning in unreliable:
        reporter.note(f"note: {warning}")
    surveyed = survey(grids[0].largest(), reporter, clock)
    families = [
        Tried(
            grid=grid, weights=chosen_weights(grid.largest(), reporter, surveyed.cache) if place else surveyed.weights
        )
        for place, grid in enumerate(grids)
    ]
    with scratch() as folder:
        trials = Trials(folder, figures, reporter, clock, found)
        surveyed, backbones = gather_features(families, surveyed, reporter, clock, trials.look)
        with clock.stage("heads"), reporter.progress("training heads", "heads") as progress:
            tried = []
            for family, backbone in backbones:
                tried.append(trials.network(backbone, surveyed, family.grid))
                progress(len(tried), len(backbones))
        with clock.stage("latency"), reporter.progress("timing", "inferences") as progress:
            timed = latencies([network.network for network in tried], figures, surveyed.threads, progress)
        for warning in timed.warnings:
            reporter.note(f"warning: {warning}")
        each = zip(tried, timed.ms, timed.estimated, strict=True)
        candidates = _fastest_first([network.candidate(ms, estimated=guess) for network, ms, guess in each])
        for candidate in candidates:
            trials.show(candidate)
        chosen = choose(candidates, options.limits)
        trained = None
        if chosen is not None:
            (grid,) = (grid for grid in grids if grid.family.name == chosen.backbone)
            trained = _made(chosen, grid, options, reporter, folder, clock)
    result = SearchResult(
        candidates=candidates,
        limits=options.limits,
        chosen=chosen,
        trained=trained,
        latency=timed.description,
        photos=surveyed.split.counts(len(surveyed.dataset.skipped)),
        seconds=clock.finish(),
        written=options.output is not None,
        warnings=(*unreliable, *timed.warnings),
        weights={grid.family.name: grid.head.weights for grid in grids},
        untried=untried_here(options),
    )
    if options.report is not None:
        page = search_report(result, options)
        write_report(options.report, page, overwrite=options.overwrite, option="--report")
    if chosen is None:
        raise NothingFitsError(_why_none(result, options), result)
    return result


def check_outputs(options: SearchOptions) -> None:
    """Raises ExportError if a file that the search may write at its end could not be, before it starts."""
    sources = [RunInput("photos", folder) for folder in options.head.places.roots]
    sources += [source for family in options.families for source in weights_inputs(options.head.weights, family)]
    sources += [RunInput("figures", path) for path in options.latency]
    if options.output is not None:
        check_destination(options.output, MODEL, sources, overwrite=options.overwrite)
        sources.append(RunInput("model", options.output))
    if options.report is not None:
        check_destination(options.report, REPORT, sources, overwrite=options.overwrite, option="--report")


def _fastest_first(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple(sorted(candidates, key=lambda candidate: (candidate.ms, candidate.bytes)))


def _made(
    chosen: Candidate, grid: Grid, options: SearchOptions, reporter: Reporter, folder: Path, clock: Clock
) -> TrainResult:
    output = options.output or folder / "winner.tflite"
    room = has_room_for_golden_photos(chosen, options.limits)
    if not room:
        reporter.note("note: the file gets no golden photos, because with them it could be larger than --max-mb")
    memory = has_room_for_memory(chosen, options.limits)
    if not memory:
        reporter.note("note: the file remembers no photos, because with them it could be larger than --max-mb")
    with clock.stage("winner"):
        head = grid.head_options(chosen.tap, chosen.image_size)
        winner = options.train_options(head, output, golden=room, memory=memory)
        result = train(winner, WithoutNotes(reporter))
    _note_limits(result, options.limits, reporter)
    return result


def _note_limits(result: TrainResult, limits: Limits, reporter: Reporter) -> None:
    """Reports the limits that the winner's file misses although its network met them before the test."""
    if limits.max_mb is not None and result.size / 1e6 > limits.max_mb:
        reporter.note(f"note: with its test results the file has {result.size:,} bytes, more than --max-mb allows")
    least = limits.min_accuracy
    if least is not None and result.accuracy.shipped < least:
        reporter.note(
            f"note: the accuracy on the test photos, {apart(result.accuracy.shipped, least)}, is less than "
            f"--min-accuracy {least}, which the network reached on other photos"
        )


def has_room_for_golden_photos(chosen: Candidate, limits: Limits) -> bool:
    """Whether a file that meets the limits still meets them with golden photos."""
    return limits.max_mb is None or chosen.megabytes * (1 + SHARE) <= limits.max_mb


def has_room_for_memory(chosen: Candidate, limits: Limits) -> bool:
    """Whether a file that meets the limits still meets them with golden photos and all bottlenecks that it may keep."""
    return limits.max_mb is None or chosen.megabytes * (1 + SHARE) + MOST_BYTES / 1e6 <= limits.max_mb


def _why_none(result: SearchResult, options: SearchOptions) -> str:
    close = nearest(result.candidates, options.limits)
    missed = options.limits.missed(close, result.photos["train"] + result.photos["validation"])
    fate = "" if options.output is None else f"; {printable(options.output)} was not written"
    return f"none of {len(result.candidates)} networks meets the limits; nearest is {close.shown}: {missed}{fate}"
