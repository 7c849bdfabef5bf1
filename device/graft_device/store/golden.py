"""What a model said of a few pictures where it was made; stored in its zip, repeated on the board.

``golden.json``: ``format``, ``network`` (``bytes`` and ``sha256`` of the flatbuffer before the zip), ``tolerance``,
and ``photos``: each with ``name``, the ``label`` that came first, all ``scores`` in the order of the labels, and where
it comes from: ``file``, an image of the model's own input size in the zip, or ``picture``, the number of one that
``pictures.render`` makes.
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

GOLDEN_NAME = "golden.json"
GOLDEN_FORMAT = 1
FOLDER = "golden/"

TOLERANCE = 0.1
"""How far scores may lie apart: the two runtimes were up to 0.054 apart on 334 photos in two models."""

_CHUNK = 1 << 20
_UNUSABLE = (
    OSError, ValueError, KeyError, TypeError, OverflowError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class GoldenPhoto:
    """One picture and what the model said of it.

    Attributes:
        name: for people.
        label: the one with the highest score.
        scores: of all labels, in their order.
        file: the image's name in the zip; None for …
        picture: … the number of a rendered one.
    """

    name: str
    label: str
    scores: tuple[float, ...]
    file: str | None = None
    picture: int | None = None

    @property
    def lead(self) -> float:
        """How far the best score lies before the second."""
        best, *others = sorted(self.scores, reverse=True)
        return best - max(others, default=0.0)


@dataclass(frozen=True)
class Golden:
    """All of ``golden.json``; ``network_bytes`` is where the flatbuffer ends and the zip begins."""

    network_bytes: int
    network_sha256: str
    photos: tuple[GoldenPhoto, ...]
    tolerance: float = TOLERANCE

    def to_json(self) -> str:
        """The file's text."""
        photos = [{name: value for name, value in asdict(each).items() if value is not None} for each in self.photos]
        network = {"bytes": self.network_bytes, "sha256": self.network_sha256}
        raw = {"format": GOLDEN_FORMAT, "network": network, "tolerance": self.tolerance, "photos": photos}
        return json.dumps(raw, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str, classes: int) -> Golden:
        """Reads the file.

        Args:
            text: its contents.
            classes: how many labels the model has.

        Raises:
            ValueError: the text is not of that format; also KeyError, TypeError and OverflowError.
        """
        raw = json.loads(text)
        if raw["format"] != GOLDEN_FORMAT:
            raise ValueError(f"format {raw['format']!r}, where this version reads {GOLDEN_FORMAT}")
        photos = tuple(_photo(each, classes) for each in raw["photos"])
        tolerance = float(raw["tolerance"])
        if not 0 < tolerance < 1:
            raise ValueError(f"tolerance {tolerance}")
        return cls(int(raw["network"]["bytes"]), str(raw["network"]["sha256"]), photos, tolerance)


def read_golden(model: Path, classes: int) -> Golden | None:
    """What a model brings along to be tested with; None for one that brings nothing.

    Raises:
        ModelError: what it brings cannot be read.
    """
    try:
        with zipfile.ZipFile(model) as archive:
            if GOLDEN_NAME not in archive.namelist():
                return None
            return Golden.from_json(archive.read(GOLDEN_NAME).decode("utf-8"), classes)
    except _UNUSABLE as error:
        raise ModelError(f"{model} has a {GOLDEN_NAME} that cannot be used ({error}): update graftkit, or copy the "
                         "model again") from error  # fmt: skip


def check_network(model: Path, golden: Golden) -> None:
    """Raises ChecksumError unless the network in a file is the one that was tested when it was made."""
    found, left = hashlib.sha256(), golden.network_bytes
    with model.open("rb") as file:
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            found.update(chunk)
            left -= len(chunk)
    if left or found.hexdigest() != golden.network_sha256:
        raise ChecksumError(f"{model} is damaged: its network is not the one that it was written with; copy it again")


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
