"""Which findings of an earlier check still stand, now that photos were moved, deleted, or ignored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graft_host.photos.findings import KINDS
from graft_host.photos.problems import FEW_PHOTOS, IMBALANCE
from graft_host.studio.remedies.found import COPIES, Found, FoundPhoto
from graft_host.studio.remedies.ignored import Entry

ORDER = (
    "mislabel", "identical_across", "near_across", "leak", "unreadable", "class", "split", "stray", "identical", "near",
    "few", "imbalance", "tiny",
)  # fmt: skip
"""The kinds, the worst first: what teaches the network wrong, what flatters the test, what is wasted or missing."""


@dataclass(frozen=True)
class Standing:
    """A finding, and those of its photos that are still where they were.

    Attributes:
        finding: what was found.
        photos: those that are still there.
    """

    finding: Found
    photos: tuple[FoundPhoto, ...]

    @property
    def key(self) -> str:
        """Another text for each finding, and once one of its photos is gone."""
        return "\n".join((self.finding.key, "", *(photo.id for photo in self.photos)))


def findings_of(result: Mapping[str, Any] | None) -> tuple[Found, ...]:
    """The findings in the result of a job, those that a page can show; none in one of another version."""
    try:
        found = tuple(Found.of(values) for values in (result or {}).get("found", ()))
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(finding for finding in found if finding.kind in KINDS)


def standing(
    findings: Sequence[Found], counts: Mapping[str, int], exists: Callable[[str], bool], ignored: Sequence[Entry]
) -> tuple[Standing, ...]:
    """The findings that are neither settled nor ignored, the worst kind first.

    Args:
        findings: of the check.
        counts: the number of photos in each class now.
        exists: whether there is a file with such an id.
        ignored: what is ignored.
    """
    kept = []
    for finding in findings:
        photos = tuple(photo for photo in finding.photos if exists(photo.id))
        settled = _settled_photos(finding, photos) if finding.photos else _settled_classes(finding, counts)
        if not settled and not any(entry.covers(finding) for entry in ignored):
            kept.append(Standing(finding, photos))
    return tuple(sorted(kept, key=lambda each: _rank(each.finding)))


def _rank(finding: Found) -> tuple[int, float]:
    place = ORDER.index(finding.kind) if finding.kind in ORDER else len(ORDER)
    return place, -finding.probability


def _settled_photos(finding: Found, photos: Sequence[FoundPhoto]) -> bool:
    if finding.kind not in COPIES:
        return not photos
    across = len(finding.labels) > 1 and len({photo.label for photo in photos}) < 2  # noqa: PLR2004  they differ no more
    return across or len(photos) < 2  # noqa: PLR2004  one is no copy


def _settled_classes(finding: Found, counts: Mapping[str, int]) -> bool:
    numbers = [counts.get(label, 0) for label in finding.labels]
    if finding.kind == "few":
        return bool(numbers) and (numbers[0] >= FEW_PHOTOS or finding.labels[0] not in counts)
    if finding.kind == "imbalance":
        return len(numbers) > 1 and max(numbers) < IMBALANCE * max(min(numbers), 1)
    return any(label not in counts for label in finding.labels)
