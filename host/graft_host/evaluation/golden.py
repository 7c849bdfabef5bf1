"""Chooses the golden photos, on which a board tests a new model before it switches to it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_device.classifier import Classifier
from graft_device.errors import DatasetError, PhotoError
from graft_device.model.golden import FOLDER, GOLDEN_NAME, Golden, GoldenPhoto
from graft_device.preprocess import load, preprocess
from graft_device.store.pictures import COUNT, render
from graft_host.evaluation.evaluate import Evaluation
from graft_host.photos.dataset import Photo
from graft_host.support.scratch import scratch, write_scratch

MOST, PER_CLASS = 6, 2
"""The largest number of golden photos, in total and of one class."""

SHARE = 0.03
"""Share of the network's bytes that all golden photos may take, so that a new head stays a small update."""

_TRIES = 4 * MOST
_QUALITY = 90
_FULL_COLOUR = 0  # no chroma subsampling, because decoders enlarge chroma in different ways
_DECIMALS = 6


@dataclass(frozen=True)
class GoldenPack:
    """The golden photos as they are added to the artifact's zip.

    Attributes:
        golden: the contents of ``golden.json``.
        files: the photos that it refers to, by name.
    """

    golden: Golden
    files: dict[str, bytes]

    def entries(self) -> dict[str, bytes]:
        """The entries of the zip by name."""
        return {GOLDEN_NAME: self.golden.to_json().encode(), **self.files}


def golden_pack(network: bytes, archive: bytes, evaluation: Evaluation, photos: Sequence[Photo]) -> GoldenPack:
    """Chooses golden photos and records the file's scores for them; without photos, rendered pictures are used.

    There are one or two photos of each class, those that the file classifies correctly with the widest lead. The
    choice depends only on the photos' contents. They are stored at the network's input size, and the scores are those
    of the stored photos.

    Args:
        network: the flatbuffer that will be shipped.
        archive: a zip of labels and card, with which the flatbuffer can be opened.
        evaluation: the file's scores for ``photos``.
        photos: the candidates, in the order of ``evaluation``; empty if no photo may be put into the file.

    Raises:
        DatasetError: a photo cannot be read any more.
    """
    with scratch() as folder:
        path = folder / "candidate.tflite"
        write_scratch(path, network + archive)
        classifier = Classifier(path, threads=1)
        chosen = _photos(classifier, evaluation, photos, int(SHARE * len(network))) if photos else []
        entries = [entry for entry, _ in chosen] or _pictures(classifier)
    golden = Golden(len(network), hashlib.sha256(network).hexdigest(), tuple(entries))
    return GoldenPack(golden, {str(entry.file): data for entry, data in chosen})


def _photos(
    classifier: Classifier, evaluation: Evaluation, photos: Sequence[Photo], room: int
) -> list[tuple[GoldenPhoto, bytes]]:
    chosen: list[tuple[GoldenPhoto, bytes]] = []
    for index in islice(_order(evaluation, photos), _TRIES):
        if len(chosen) == MOST:
            break
        label, number = evaluation.labels[int(evaluation.truth[index])], len(chosen) + 1
        if sum(photo.label == label for photo, _ in chosen) == PER_CLASS:
            continue
        data = _stored(photos[index].path, classifier)
        scores = classifier.scores(np.asarray(load(data)))
        if len(data) <= room and classifier.labels[int(scores.argmax())] == label:
            room -= len(data)
            name = f"{FOLDER}{number}.jpg"
            chosen.append((GoldenPhoto(f"golden photo {number}", label, _rounded(scores), file=name), data))
    return chosen


def _order(evaluation: Evaluation, photos: Sequence[Photo]) -> Iterator[int]:
    """Yields photos that the file classifies correctly: the best of each class, then the second of each, and so on."""
    leads = _leads(evaluation.scores)
    right = (evaluation.predicted == evaluation.truth) & ~evaluation.refused
    ranked = []
    for label in range(len(evaluation.labels)):
        candidates = [int(index) for index in np.flatnonzero(right & (evaluation.truth == label))]
        candidates.sort(key=lambda index: (-round(float(leads[index]), _DECIMALS), photos[index].digest))
        ranked.append(candidates)
    ranked = [ranked[place * len(ranked) // MOST] for place in range(MOST)] if len(ranked) > MOST else ranked
    for place in range(max(map(len, ranked), default=0)):
        yield from (candidates[place] for candidates in ranked if place < len(candidates))


def _leads(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """The lead of the best score over the second, ``[N]``."""
    if scores.shape[1] == 1:
        return scores[:, 0]
    two = np.sort(scores, axis=1)[:, -2:]
    lead: NDArray[np.float32] = two[:, 1] - two[:, 0]
    return lead


def _stored(path: Path, classifier: Classifier) -> bytes:
    """Encodes a photo at the network's input size as a JPEG."""
    card = classifier.model.card
    try:
        pixels = preprocess(path, card.image_size, card.resize)
    except PhotoError as error:
        raise DatasetError(f"{path} changed during the run ({error})", "run the command again") from error
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY, subsampling=_FULL_COLOUR)
    return buffer.getvalue()


def _pictures(classifier: Classifier) -> list[GoldenPhoto]:
    entries = []
    for number in range(COUNT):
        scores = classifier.scores(render(number, classifier.model.card.image_size))
        label = classifier.labels[int(scores.argmax())]
        entries.append(GoldenPhoto(f"rendered picture {number + 1}", label, _rounded(scores), picture=number))
    return entries


def _rounded(scores: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(round(float(score), _DECIMALS) for score in scores)
