"""Puts a learned model together: the network, and a zip with its labels, card, golden data and memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graft_device import __version__
from graft_device.classifier import Classifier
from graft_device.drift.histogram import card_entry
from graft_device.learning.new_head import Learned
from graft_device.learning.photos import Shown
from graft_device.learning.result import LearnResult
from graft_device.learning.scores import best_scores
from graft_device.model import CARD_NAME, LABELS_NAME, ModelCard, ModelFile
from graft_device.model.archive import opened_archive
from graft_device.model.golden import FOLDER, GOLDEN_NAME, MOST_PHOTOS, Golden, GoldenPhoto
from graft_device.model.memory import MEMORY_NAME
from graft_device.model.packing import pack_zip
from graft_device.model.samples import read_golden_photo
from graft_device.preprocess import load
from graft_device.store.pictures import render
from graft_device.store.signatures import SIGNED_NAME

_MOST_ENTRY_BYTES = 1 << 24
_GOLDEN_OF_A_CLASS = 2
_SHARE = 0.03
"""Share of the network's bytes that golden photos may take, as on the workstation."""
_QUALITY, _FULL_COLOUR = 90, 0
_DECIMALS = 6


def learned_card(model: ModelFile, learned: Learned, result: LearnResult) -> ModelCard:
    """The card of a learned model. The figures of the test photos are left out: the new file was not tested on them.

    Args:
        model: that was learned from.
        learned: the new head.
        result: what was learned.
    """
    card = model.card
    best = best_scores(learned.logits) if learned.head.spread is None else learned.scores
    entry = {
        "class": result.label, "new": result.adds, "how": result.how, "photos": result.photos,
        "remembered": result.remembered, "loss": round(result.loss, 4),
        "classes": {label: figures.to_json() for label, figures in result.classes.items()},
        "network": None if model.golden is None else model.golden.network_sha256,
    }  # fmt: skip
    before = card.training.get("learned")
    history = [*(before if isinstance(before, list) else []), entry]
    left = {name: value for name, value in card.training.items() if name not in {"accuracy", "calibration", "prior"}}
    training = {**left, "scores": card_entry(best.tolist(), int(learned.refused.sum())), "learned": history}
    return replace(card, kit_version=__version__, training=training, thresholds=_thresholds(card, learned, result))


def _thresholds(card: ModelCard, learned: Learned, result: LearnResult) -> dict[str, Any]:
    if not card.unknown_below:
        return card.thresholds
    unknown = {"score": round(result.score, 6), "false_rejection_rate": learned.rate, "photos": len(learned.labels)}
    return {**card.thresholds, "unknown": unknown}


def kept_entries(model: ModelFile) -> dict[str, bytes]:
    """The entries of a model's zip that learning does not make anew; the time of signing is left out."""
    with opened_archive(model.path) as archive:
        made = {LABELS_NAME, CARD_NAME, GOLDEN_NAME, MEMORY_NAME, SIGNED_NAME}
        return {name: archive.read(name, _MOST_ENTRY_BYTES) for name in archive.names() if name not in made}


def artifact(
    network: bytes, labels: Sequence[str], card: ModelCard, extras: dict[str, bytes], golden: Golden, memory: bytes
) -> bytes:
    """The bytes of a model file."""
    head = {LABELS_NAME: "".join(f"{label}\n" for label in labels).encode(), CARD_NAME: card.to_json().encode()}
    return network + pack_zip({**head, GOLDEN_NAME: golden.to_json().encode(), **extras, MEMORY_NAME: memory})


def golden_of(
    model: ModelFile, network: bytes, candidate: Classifier, photos: Sequence[Shown], label: str
) -> tuple[Golden, dict[str, bytes]]:
    """The golden photos of a learned model: those of the old one, and up to two of the photos it learned.

    None are added to a file that has rendered pictures in their place, since it was made without any photo.

    Args:
        model: that was learned from.
        network: the new flatbuffer.
        candidate: the new network, opened.
        photos: that were learned.
        label: their class.

    Returns:
        The new scores of all, and the files to add.
    """
    old = () if model.golden is None else model.golden.photos
    entries = [_again(model, candidate, photo) for photo in old]
    files: dict[str, bytes] = {}
    if any(photo.file for photo in old) or not old:
        room = int(_SHARE * len(network))
        taken = {photo.file for photo in old}
        for shown in photos:
            if len(files) == _GOLDEN_OF_A_CLASS or len(entries) >= MOST_PHOTOS:
                break
            data = _jpeg(shown.pixels)
            scores = candidate.scores(np.asarray(load(data)))
            if len(data) > room or candidate.labels[int(scores.argmax())] != label:
                continue
            room -= len(data)
            number = next(n for n in range(1, 2 * MOST_PHOTOS) if f"{FOLDER}{n}.jpg" not in taken | set(files))
            name = f"{FOLDER}{number}.jpg"
            files[name] = data
            entries.append(GoldenPhoto(f"golden photo {number}", label, _rounded(scores), file=name))
    return Golden(len(network), hashlib.sha256(network).hexdigest(), tuple(entries)), files


def _again(model: ModelFile, candidate: Classifier, photo: GoldenPhoto) -> GoldenPhoto:
    """A golden photo with the scores of the new network."""
    side = model.card.image_size
    if photo.file is None:
        pixels = render(photo.picture or 0, side)
    else:
        pixels = np.asarray(load(read_golden_photo(model.path, photo.file, side)))
    scores = candidate.scores(pixels)
    return replace(photo, label=candidate.labels[int(scores.argmax())], scores=_rounded(scores))


def open_candidate(folder: Path, data: bytes, runtime: str, threads: int | None) -> Classifier:
    """Opens a model that is not finished."""
    path = folder / "candidate.tflite"
    path.write_bytes(data)
    return Classifier(path, runtime, threads)


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY, subsampling=_FULL_COLOUR)
    return buffer.getvalue()


def _rounded(scores: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(round(float(score), _DECIMALS) for score in scores)
