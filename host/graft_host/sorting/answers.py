"""Asks a model what pictures show."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from graft_device.classifier import Classifier
from graft_device.errors import PhotoError
from graft_device.model import ModelFile, without_checksum
from graft_device.ranking import Answer
from graft_device.trial.trial import try_without_checksum
from graft_host.photos.dataset import Photo
from graft_host.support.reporter import Reporter


def checked_model(path: Path, reporter: Reporter) -> ModelFile:
    """The labels and the card of a model; raises ModelError if it cannot be used."""
    model = try_without_checksum(path)
    if (line := without_checksum(model)) is not None:
        reporter.note(line)
    return model


def model_answers(model: ModelFile, photos: Sequence[Photo], threads: int, reporter: Reporter) -> Mapping[str, Answer]:
    """What a model says of photos, by their digests; photos that cannot be decoded are left out.

    Args:
        model: from ``checked_model``.
        photos: the photos; copies are asked about once.
        threads: photos at a time; each thread has an interpreter of its own.
        reporter: receives the progress.

    Raises:
        ModelError: the network fails.
    """
    local, lock = threading.local(), threading.Lock()
    different = list({photo.digest: photo for photo in photos}.values())
    done = 0

    def answer(photo: Photo) -> Answer | None:
        nonlocal done
        if not hasattr(local, "classifier"):
            local.classifier = Classifier(model.path, threads=1)
        try:
            found: Answer | None = local.classifier.classify(photo.path, top_k=len(model.labels))
        except PhotoError:
            found = None
        with lock:
            done += 1
            progress(done, len(different))
        return found

    with reporter.progress("asking the model") as progress, ThreadPoolExecutor(threads) as pool:
        answers = pool.map(answer, different)
        return {photo.digest: one for photo, one in zip(different, answers, strict=True) if one is not None}
