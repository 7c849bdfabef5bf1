"""A finding of a check with all that a page needs to offer remedies, as plain values in the result of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

COPIES = frozenset({"identical", "identical_across", "near", "near_across", "leak"})
"""The kinds about several files that show one picture."""


@dataclass(frozen=True, kw_only=True)
class FoundPhoto:
    """A file that a finding is about.

    Attributes:
        id: its path relative to ``photos/``, as the album has it.
        digest: of its content; empty if it could not be read.
        label: its class; empty if it is in none.
        width: in pixels; 0 if unknown.
        height: in pixels; 0 if unknown.
        size: in bytes.
        changed: when the file was written, in seconds since 1970.
        sharpness: of near duplicates, compared at one size; 0 if it was not measured.
    """

    id: str
    digest: str
    label: str
    width: int = 0
    height: int = 0
    size: int = 0
    changed: float = 0.0
    sharpness: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Found:
    """A finding.

    Attributes:
        kind: a key of ``graft_host.photos.findings.KINDS``.
        photos: the files that it is about; none if it is about classes.
        labels: the classes that it is about: that of the photos, or those that lack photos.
        suggested: the class that a photo is likely of; empty if the kind has none.
        probability: of that class; 0 if the kind has none.
        problem: what is wrong, in the words of ``graft check``.
        advice: what to do, in the words of ``graft check``.
        figures: further numbers by name, such as ``largest``.
    """

    kind: str
    photos: tuple[FoundPhoto, ...]
    labels: tuple[str, ...]
    suggested: str = ""
    probability: float = 0.0
    problem: str = ""
    advice: str = ""
    figures: Mapping[str, float]

    @property
    def key(self) -> str:
        """Another text for each finding of a check."""
        return "\n".join((self.kind, *self.labels, *(photo.id for photo in self.photos)))

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Found:
        """From plain values of ``to_json``; raises KeyError, TypeError or ValueError if they are not such."""
        known = {name: values[name] for name in ("kind", "suggested", "probability", "problem", "advice", "figures")}
        photos = tuple(FoundPhoto(**photo) for photo in values["photos"])
        return cls(photos=photos, labels=tuple(values["labels"]), **known)
