"""Reads the labels, the model card and the golden data of a ``.tflite`` file: the only place where they are read."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graft_device.errors import ModelError
from graft_device.model.archive import Archive, ArchiveError
from graft_device.model.card import CARD_NAME, ModelCard
from graft_device.model.golden import GOLDEN_NAME, MOST_GOLDEN_BYTES, Golden
from graft_device.system.plain import NotAFileError, open_plain

LABELS_NAME = "labels.txt"

LARGEST_FILE = 1 << 31
"""Bytes of a model file; a flatbuffer cannot be larger."""

MOST_LABELS, LONGEST_LABEL = 65_536, 1000
"""The number of labels, and the letters of one. A folder's name, from which a label comes, has at most 255 bytes."""

MOST_CARD_BYTES = 1 << 24
"""Bytes of the card. It lists the test photos with 24 bytes for each."""

_MOST_LABEL_BYTES = 1 << 23
_LONGEST_REASON = 200
_IDENTIFIER = b"TFL3"
_NOVEL_LEAD = 0.1


@dataclass(frozen=True)
class ModelFile:
    """A model file on disk.

    Attributes:
        path: the ``.tflite`` file.
        labels: the K class names in the order of the output tensor.
        card: the model card.
        bytes: the size of the file.
        network_bytes: the size of the network, which is the flatbuffer before the zip.
        golden: the checksum of the network and its scores for a few photos; None for a file without them.
        digest: the SHA-256 of the file in hexadecimal digits; empty where nobody has computed it.
    """

    path: Path
    labels: tuple[str, ...]
    card: ModelCard
    bytes: int
    network_bytes: int = 0
    golden: Golden | None = field(default=None, repr=False)
    digest: str = ""

    @property
    def novel_below(self) -> float:
        """The score below which an unknown photo is unlike all photos that the model was trained on; 0 for never.

        The network flattens the scores of such a photo until all are about 1/K. A photo that is between classes keeps
        a lead over 1/K. The limit is at a tenth of the lead that the threshold has.
        """
        chance = 1 / len(self.labels)
        return max(0.0, chance + _NOVEL_LEAD * (self.card.unknown_below - chance)) if self.card.unknown_below else 0.0

    def to_json(self) -> dict[str, Any]:
        """Path, size, labels and card as plain values."""
        card = json.loads(self.card.to_json())
        return {"model": str(self.path), "bytes": self.bytes, "labels": list(self.labels), "card": card}


def read_model(path: str | Path) -> ModelFile:
    """Reads the labels, the card and the golden data of a model that ``graft train`` wrote.

    The network is not read; see ``check_network``.

    Raises:
        ModelError: the file is missing, cut short, was not written by graftkit, or contains values that are not
            allowed.
    """
    path = Path(path)
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if file.read(8)[4:] != _IDENTIFIER:
                raise ModelError(f"{path} is not a .tflite model", "give the file that 'graft train' wrote")
            if size > LARGEST_FILE:
                raise ModelError(f"{path} has {size:,} bytes, more than a .tflite model can have")
            archive = Archive(file)
            labels = _labels(archive.read(LABELS_NAME, _MOST_LABEL_BYTES).decode("utf-8"))
            card = ModelCard.from_json(archive.read(CARD_NAME, MOST_CARD_BYTES).decode("utf-8"))
            golden = _golden(path, archive, labels)
    except OSError as error:
        remedy = "give the .tflite that 'graft train' wrote" if isinstance(error, NotAFileError) else ""
        raise ModelError(f"cannot read model {path}: {error.strerror or error}", remedy) from error
    except ArchiveError as error:
        raise ModelError(
            f"{path} has no model card: it is cut short or was not written by graftkit",
            "copy it again, or make it with 'graft train'",
        ) from error
    except ValueError as error:
        raise ModelError(
            f"{path} has a model card that cannot be used ({_brief(error)})",
            "update graftkit, or train the model again",
        ) from error
    return ModelFile(path, labels, card, size, archive.network_bytes, golden)


def _golden(path: Path, archive: Archive, labels: tuple[str, ...]) -> Golden | None:
    if GOLDEN_NAME not in archive:
        return None
    try:
        return Golden.from_json(archive.read(GOLDEN_NAME, MOST_GOLDEN_BYTES).decode("utf-8"), labels)
    except (ValueError, ArchiveError) as error:
        what = f"{path} has a {GOLDEN_NAME} that cannot be used ({_brief(error)})"
        raise ModelError(what, "update graftkit, or copy the model again") from error


def _brief(error: Exception) -> str:
    """The reason of an error without most of a long value that it quotes."""
    text = str(error)
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _labels(text: str) -> tuple[str, ...]:
    lines = text.count("\n") + 1
    if lines > MOST_LABELS + 1:
        raise ValueError(f"{LABELS_NAME} has {lines:,} lines, more than {MOST_LABELS:,}")
    labels = tuple(text.removesuffix("\n").split("\n"))
    if "" in labels:
        raise ValueError(f"{LABELS_NAME} has an empty line")
    longest = max(map(len, labels))
    if longest > LONGEST_LABEL:
        raise ValueError(f"{LABELS_NAME} has a label of {longest:,} letters, more than {LONGEST_LABEL:,}")
    return labels
