"""What is noted in a kept photo's EXIF: when and where it was taken, and what a model or a person said of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from PIL import Image

from graft_device.ranking import Prediction

_DESCRIPTION, _SOFTWARE, _EXIF = 0x010E, 0x0131, 0x8769
_TAKEN, _OFFSET, _MILLISECONDS, _COMMENT = 0x9003, 0x9011, 0x9291, 0x9286
_ASCII = b"ASCII\0\0\0"
"""The character code of UserComment (EXIF 2.32, table 10)."""

_FORMAT = 1

DIGEST_DIGITS = 16
"""Hex digits of a model's SHA-256 that are noted."""


@dataclass(frozen=True)
class PhotoNotes:
    """What is noted in a kept photo.

    Attributes:
        time: when it was taken, ISO 8601 in UTC, to the millisecond.
        source: the source that it is a frame of; empty if it is not known.
        region: the region of the frame; empty for the whole frame.
        said: what a person said that it shows; None if nobody did.
        model: the first 16 hex digits of the SHA-256 of the model file that saw it; empty for none.
        predictions: the model's labels with their scores, best first; empty for none.
        unknown: whether the model called it unknown.
    """

    time: str
    source: str = ""
    region: str = ""
    said: str | None = None
    model: str = ""
    predictions: tuple[Prediction, ...] = ()
    unknown: bool = False

    def to_json(self) -> dict[str, Any]:
        """The notes as plain values."""
        predictions = [{"label": one.label, "score": round(one.score, 4)} for one in self.predictions]
        return {**asdict(self), "predictions": predictions}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PhotoNotes:
        """Reads the result of ``to_json``; raises KeyError, TypeError or ValueError for anything else."""
        said = raw.get("said")
        return cls(
            time=str(raw["time"]),
            source=str(raw.get("source", "")),
            region=str(raw.get("region", "")),
            said=None if said is None else str(said),
            model=str(raw.get("model", "")),
            predictions=tuple(Prediction(str(one["label"]), float(one["score"])) for one in raw.get("predictions", ())),
            unknown=bool(raw.get("unknown", False)),
        )


def exif_of(notes: PhotoNotes, version: str) -> Image.Exif:
    """The EXIF to save a JPEG with.

    Time and place are in the usual fields, so that other programs show them. Everything is in UserComment as JSON.

    Args:
        notes: what to note.
        version: of graftkit.
    """
    taken = datetime.fromisoformat(notes.time.replace("Z", "+00:00")).astimezone(timezone.utc)
    exif = Image.Exif()
    exif[_SOFTWARE] = f"graftkit {version}"
    exif[_DESCRIPTION] = "/".join(part for part in (notes.source, notes.region) if part) or "graftkit"
    text = json.dumps({"graftkit": _FORMAT, **notes.to_json()})
    exif.get_ifd(_EXIF).update(
        {
            _TAKEN: taken.strftime("%Y:%m:%d %H:%M:%S"),
            _OFFSET: "+00:00",
            _MILLISECONDS: f"{taken.microsecond // 1000:03d}",
            _COMMENT: _ASCII + text.encode("ascii"),
        }
    )
    return exif


def notes_of(image: Image.Image) -> PhotoNotes | None:
    """The notes in an opened photo; None if graftkit did not write it."""
    comment = image.getexif().get_ifd(_EXIF).get(_COMMENT)
    if not isinstance(comment, bytes) or not comment.startswith(_ASCII):
        return None
    try:
        raw = json.loads(comment[len(_ASCII) :])
        return PhotoNotes.from_json(raw) if isinstance(raw, dict) and raw.get("graftkit") == _FORMAT else None
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
