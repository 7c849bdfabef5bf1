"""The scores of a model for a few pictures where it was made, stored in its zip for a self-test on the board.

``golden.json`` holds ``format``, ``network`` (``bytes`` and ``sha256`` of the flatbuffer before the zip), ``tolerance``
and ``photos``. Each photo has ``name``, the best ``label``, all ``scores`` in the order of the labels, and one of
``file``, an image of the model's input size in the zip, or ``picture``, the number of a picture of ``pictures.render``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from graft_device.model.rules import LONGEST_TEXT, is_number
from graft_device.system.strict_json import parse_json

GOLDEN_NAME = "golden.json"
GOLDEN_FORMAT = 1
FOLDER = "golden/"

TOLERANCE = 0.1
"""The largest allowed difference of scores: the two runtimes were up to 0.054 apart on 334 photos in two models."""

MOST_GOLDEN_BYTES = 1 << 23
"""Bytes of ``golden.json``."""

MOST_PHOTOS, MOST_PICTURES = 64, 64
"""The number of golden photos, and of rendered pictures to choose from; graftkit takes six of six."""

_SHA256 = re.compile("[0-9a-f]{64}")


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
    def from_json(cls, text: str, labels: Sequence[str]) -> Golden:
        """Parses the text of ``golden.json``.

        Args:
            text: the text.
            labels: the labels of the model.

        Raises:
            ValueError: the text has another format, or a value that is not allowed.
        """
        raw = parse_json(text)
        form = raw.get("format") if isinstance(raw, dict) else None
        if not is_number(form) or form != GOLDEN_FORMAT:
            raise ValueError(f"format {form!r}, where this version reads {GOLDEN_FORMAT}")
        network, tolerance, photos = raw.get("network"), raw.get("tolerance"), raw.get("photos")
        if not isinstance(network, dict):
            raise ValueError("no network")
        size: Any = network.get("bytes")
        sha256 = network.get("sha256")
        if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256) and _is_index(size, 2**63)):
            raise ValueError("the checksum of the network")
        if not (is_number(tolerance) and 0 < tolerance < 1):
            raise ValueError("the tolerance")
        if not isinstance(photos, list) or len(photos) > MOST_PHOTOS:
            raise ValueError("the list of photos")
        known = frozenset(labels)
        return cls(size, sha256, tuple(_photo(photo, known, len(labels)) for photo in photos), float(tolerance))


def _photo(raw: Any, labels: frozenset[str], classes: int) -> GoldenPhoto:
    if not isinstance(raw, dict):
        raise ValueError("a photo")
    name, label, scores, file, picture = (raw.get(key) for key in ("name", "label", "scores", "file", "picture"))
    if not isinstance(name, str) or len(name) > LONGEST_TEXT:
        raise ValueError("a photo without a name")
    if not isinstance(scores, list) or len(scores) != classes or not all(map(_is_score, scores)):
        raise ValueError(f"the scores of photo {name!r}")
    if not isinstance(label, str) or label not in labels:
        raise ValueError(f"the label of photo {name!r}")
    one = isinstance(file, str) if picture is None else file is None and _is_index(picture, MOST_PICTURES)
    if not one:
        raise ValueError(f"the file or picture of photo {name!r}")
    return GoldenPhoto(name, label, tuple(map(float, scores)), file, picture)


def _is_score(value: Any) -> bool:
    return is_number(value) and -1 <= value <= 2  # noqa: PLR2004  a share, with room for rounding


def _is_index(value: object, end: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end
