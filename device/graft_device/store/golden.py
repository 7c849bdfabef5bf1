"""The scores of a model for a few pictures where it was made, stored in its zip for a self-test on the board.

``golden.json`` holds ``format``, ``network`` (``bytes`` and ``sha256`` of the flatbuffer before the zip), ``tolerance``
and ``photos``. Each photo has ``name``, the best ``label``, all ``scores`` in the order of the labels, and one of
``file``, an image of the model's input size in the zip, or ``picture``, the number of a picture of ``pictures.render``.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.errors import ModelError
from graft_device.store.exit_codes import ChecksumError
from graft_device.system.plain import open_plain

GOLDEN_NAME = "golden.json"
GOLDEN_FORMAT = 1
FOLDER = "golden/"

TOLERANCE = 0.1
"""The largest allowed difference of scores: the two runtimes were up to 0.054 apart on 334 photos in two models."""

_CHUNK = 1 << 20
_UNUSABLE = (
    OSError, ValueError, KeyError, TypeError, OverflowError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class GoldenPhoto:
    """A picture and the model's scores for it.

    Attributes:
        name: the picture's name in messages.
        label: the label with the highest score.
        scores: the scores of all labels, in their order.
        file: the name of a photo in the zip; None for a rendered picture.
        picture: the number of a rendered picture; None for a photo.
    """

    name: str
    label: str
    scores: tuple[float, ...]
    file: str | None = None
    picture: int | None = None

    @property
    def lead(self) -> float:
        """The difference between the best score and the second best."""
        best, *others = sorted(self.scores, reverse=True)
        return best - max(others, default=0.0)


@dataclass(frozen=True)
class Golden:
    """The contents of ``golden.json``.

    Attributes:
        network_bytes: the size of the flatbuffer, at whose end the zip begins.
        network_sha256: the SHA-256 of the flatbuffer.
        photos: the pictures with their scores.
        tolerance: the largest allowed difference of scores.
    """

    network_bytes: int
    network_sha256: str
    photos: tuple[GoldenPhoto, ...]
    tolerance: float = TOLERANCE

    def to_json(self) -> str:
        """The text of ``golden.json``."""
        photos = [{name: value for name, value in asdict(photo).items() if value is not None} for photo in self.photos]
        network = {"bytes": self.network_bytes, "sha256": self.network_sha256}
        raw = {"format": GOLDEN_FORMAT, "network": network, "tolerance": self.tolerance, "photos": photos}
        return json.dumps(raw, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, classes: int) -> Golden:
        """Parses the text of ``golden.json``.

        Args:
            text: the text.
            classes: how many labels the model has.

        Raises:
            ValueError: the text has another format; such a text may also raise KeyError, TypeError or OverflowError.
        """
        raw = json.loads(text)
        if raw["format"] != GOLDEN_FORMAT:
            raise ValueError(f"format {raw['format']!r}, where this version reads {GOLDEN_FORMAT}")
        photos = tuple(_photo(photo, classes) for photo in raw["photos"])
        tolerance = float(raw["tolerance"])
        if not 0 < tolerance < 1:
            raise ValueError(f"tolerance {tolerance}")
        return cls(int(raw["network"]["bytes"]), str(raw["network"]["sha256"]), photos, tolerance)


def read_golden(model: Path, classes: int) -> Golden | None:
    """The golden photos of a model; None for a model without any.

    Raises:
        ModelError: they cannot be read.
    """
    try:
        with open_plain(model) as file, zipfile.ZipFile(file) as archive:
            if GOLDEN_NAME not in archive.namelist():
                return None
            return Golden.from_json(archive.read(GOLDEN_NAME).decode("utf-8"), classes)
    except _UNUSABLE as error:
        what = f"{model} has a {GOLDEN_NAME} that cannot be used ({error})"
        raise ModelError(what, "update graftkit, or copy the model again") from error


def check_network(model: Path, golden: Golden) -> None:
    """Raises ChecksumError unless a file contains the network that was tested when it was made."""
    sha256, left = hashlib.sha256(), golden.network_bytes
    with open_plain(model) as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            sha256.update(chunk)
            left -= len(chunk)
    if left or sha256.hexdigest() != golden.network_sha256:
        raise ChecksumError(f"{model} is damaged: its network is not the original one", "copy it again")


def _photo(raw: dict[str, Any], classes: int) -> GoldenPhoto:
    scores = tuple(float(score) for score in raw["scores"])
    file, picture = raw.get("file"), raw.get("picture")
    if len(scores) != classes or not all(map(math.isfinite, scores)) or (file is None) == (picture is None):
        raise ValueError(f"photo {raw['name']!r}")
    return GoldenPhoto(
        str(raw["name"]),
        str(raw["label"]),
        scores,
        None if file is None else str(file),
        None if picture is None else int(picture),
    )
