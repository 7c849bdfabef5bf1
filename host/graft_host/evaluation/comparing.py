"""Compares a new model with an old one on the same photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graft_device.errors import DatasetError
from graft_device.runtime import threads_to_use
from graft_host.evaluation.against import Against, ChangedPhoto
from graft_host.evaluation.evaluate import Evaluation, evaluate, evaluate_photos, photos_for
from graft_host.evaluation.golden_kept import GoldenCheck, ModelAnswer, check_golden
from graft_host.evaluation.mcnemar import PairedCounts
from graft_host.evaluation.old_model import FairPhotos, OldModel, any_photos, fair_photos, open_old_model
from graft_host.photos.given.places import PhotoPlaces
from graft_host.support.reporter import Reporter


def evaluate_against(
    model: Path, old: Path, folder: Path | PhotoPlaces, part: str, threads: int | None, reporter: Reporter
) -> Evaluation:
    """Tests a model on a folder of photos, and compares it with an old one.

    Args:
        model: the ``.tflite`` file.
        old: the file to compare with.
        folder: photos, as for ``evaluate_folder``.
        part: ``test`` for the photos that neither was trained on; ``all`` for every photo.
        threads: photos at a time; None for the number of usable cores.
        reporter: receives progress and notes.

    Raises:
        DatasetError: there is no photo to test on or to compare on.
        ModelError: a file cannot be used.
    """
    rival = open_old_model(old)
    tests = photos_for(model, folder, part, threads, reporter)
    workers = threads_to_use(threads)
    choose = fair_photos if part == "test" else any_photos
    fair = choose(rival, tests.dataset, tests.photos, workers, reporter)
    result = evaluate_photos(model, tests, part, workers, reporter)
    with rival.on_disk() as path, reporter.progress("testing the older file") as progress:
        before = evaluate(path, fair.photos, rival.labels, workers, progress)
    return replace(result, comparison=compare(rival, fair, before, result, check_golden(model, [rival])))


def compare(old: OldModel, fair: FairPhotos, before: Evaluation, after: Evaluation, golden: GoldenCheck) -> Against:
    """Compares the answers of two models.

    Args:
        old: the old model.
        fair: the photos to compare on.
        before: the scores of the old model for exactly these photos.
        after: the scores of the new model for these photos and any others.
        golden: what became of golden photos.

    Raises:
        DatasetError: there is no photo that both classified.
    """
    rows = {path: row for row, path in enumerate(after.paths)}
    pairs = [(row, rows[path]) for row, path in enumerate(before.paths) if path in rows]
    if not pairs:
        raise DatasetError("no photo could be read by both models")
    first, second = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    was, now = _named(before)[first], _named(after)[second]
    truths = before.truth[first]
    return Against(
        old=old.path,
        counts=PairedCounts.of(was, now),
        classes={
            before.labels[label]: PairedCounts.of(was[truths == label], now[truths == label])
            for label in np.unique(truths).tolist()
        },
        worse=_changed(before, after, [pair for pair, gone in zip(pairs, was & ~now, strict=True) if gone]),
        better=_changed(before, after, [pair for pair, came in zip(pairs, now & ~was, strict=True) if came]),
        golden=golden,
        only_in_old=tuple(label for label in before.labels if label not in after.labels),
        only_in_new=tuple(label for label in after.labels if label not in before.labels),
        unseen=fair.unseen,
    )


def _named(evaluation: Evaluation) -> NDArray[np.bool_]:
    """Which photos are named correctly and not called unknown, ``[N]``."""
    named: NDArray[np.bool_] = (evaluation.predicted == evaluation.truth) & ~evaluation.refused
    return named


def _changed(before: Evaluation, after: Evaluation, pairs: Sequence[tuple[int, int]]) -> tuple[ChangedPhoto, ...]:
    """The photos, those first of which the old model was most confident."""
    photos = [
        ChangedPhoto(
            path=before.paths[old],
            truth=before.labels[int(before.truth[old])],
            old=_answer(before, old),
            new=_answer(after, new),
        )
        for old, new in pairs
    ]
    return tuple(sorted(photos, key=lambda photo: (-max(photo.old.score, photo.new.score), str(photo.path))))


def _answer(evaluation: Evaluation, row: int) -> ModelAnswer:
    best = int(evaluation.predicted[row])
    return ModelAnswer(
        evaluation.labels[best], round(float(evaluation.scores[row, best]), 6), bool(evaluation.refused[row])
    )
