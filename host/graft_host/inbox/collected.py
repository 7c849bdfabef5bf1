"""What is known of each photo in an inbox: the board that it came from, and what was noted there.

``collected.jsonl`` in the inbox has a line for each photo that was ever collected, also for those that have been sorted
since then. A later line about the same content replaces an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from graft_device.outputs.photo_notes import PhotoNotes

COLLECTED_NAME = "collected.jsonl"

Kind = Literal["captured", "labelled", "uncertain"]
"""Why a board kept a photo: for its class, because a person said what it shows, or because the model was uncertain."""


@dataclass(frozen=True, kw_only=True)
class CollectedPhoto:
    """A photo that was collected.

    Attributes:
        sha256: of the file's content, in hex.
        file: where it was put, relative to the inbox, with ``/`` between folders.
        board: the board's address or name in the inventory.
        place: the path on the board.
        kind: why the board kept it.
        label: the folder that it was in on the board: a person's word for ``captured`` and ``labelled``, a guess of the
            model for ``uncertain``.
        model_name: the name of the model that saw it, such as ``pets``; empty if it is not known.
        collected: when, ISO 8601 in UTC.
        notes: what the board noted; None if nothing is known.
        image: the SHA-256 of the file without its metadata, by which a photo is known whose notes were rewritten; empty
            if it was not noted.
    """

    sha256: str
    file: str
    board: str
    place: str
    kind: Kind
    label: str
    model_name: str
    collected: str
    notes: PhotoNotes | None = None
    image: str = ""

    @property
    def said(self) -> str | None:
        """What a person said that it shows; None if nobody did."""
        return None if self.kind == "uncertain" else self.label

    def to_json(self) -> dict[str, Any]:
        """The line of ``collected.jsonl`` as plain values."""
        return {**vars(self), "notes": None if self.notes is None else self.notes.to_json()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> CollectedPhoto:
        """Reads the result of ``to_json``; raises KeyError, TypeError or ValueError for anything else."""
        kind = raw["kind"]
        if kind not in {"captured", "labelled", "uncertain"}:
            raise ValueError(f"kind {kind!r}")
        names = ("sha256", "file", "board", "place", "label", "model_name", "collected")
        notes = raw.get("notes")
        return cls(
            **{name: str(raw[name]) for name in names},
            kind=kind,
            notes=None if notes is None else PhotoNotes.from_json(notes),
            image=str(raw.get("image", "")),
        )


def read_collected(inbox: Path) -> dict[str, CollectedPhoto]:
    """What is known of the photos of an inbox, by their SHA-256; empty for a folder that nothing was collected into.

    A line that cannot be read, such as one that a crash cut short, is left out.
    """
    try:
        lines = (inbox / COLLECTED_NAME).read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return {}
    photos = {}
    for line in lines:
        try:
            photo = CollectedPhoto.from_json(json.loads(line))
        except (KeyError, TypeError, ValueError, RecursionError, AttributeError):
            continue
        photos[photo.sha256] = photo
    return photos
