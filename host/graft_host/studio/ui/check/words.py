"""Findings and remedies in the language of the page."""

from __future__ import annotations

from graft_host.studio.remedies.found import COPIES, Found, FoundPhoto
from graft_host.studio.remedies.remedy import Remedy
from graft_host.studio.remedies.standing import Standing
from graft_host.studio.texts.texts import Texts

_KILO = 1000
_BOTH = 2


def problem_text(texts: Texts, standing: Standing) -> str:
    """What is wrong, in a sentence."""
    finding, photos = standing.finding, standing.photos
    figures = finding.figures
    first, last = (finding.labels[0], finding.labels[-1]) if finding.labels else ("", "")
    return texts(
        f"check.is_{finding.kind}",
        count=int(figures.get("photos", 0)) if finding.kind == "few" else len(photos),
        suggested=finding.suggested,
        percent=round(100 * finding.probability),
        label=first,
        reason=finding.problem,
        large=first,
        small=last,
        most=int(figures.get("largest", 0)),
        least=int(figures.get("smallest", 0)),
        size=size_text(photos[0]) if photos else "",
    )


def remedy_text(texts: Texts, standing: Standing, remedy: Remedy) -> str:
    """The text on the button of a remedy."""
    count = len(standing.photos)
    if remedy.action == "keep":
        return texts("check.do_keep", count=count)
    if remedy.action in {"choose", "move"}:
        return texts(f"check.do_{remedy.action}", label=remedy.label)
    if remedy.action == "ignore":
        if standing.finding.kind not in COPIES:
            return texts("check.do_ignore")
        return texts("check.do_keep_both") if count == _BOTH else texts("check.do_keep_all", count=count)
    return texts(f"check.do_{remedy.action}")


def photo_text(photo: FoundPhoto) -> str:
    """The facts of a photo by which a person compares it with another."""
    parts = [name_of(photo), size_text(photo), bytes_text(photo.size)]
    return " · ".join(filter(None, parts))


def name_of(photo: FoundPhoto) -> str:
    """The name of a photo's file."""
    return photo.id.rpartition("/")[2]


def size_text(photo: FoundPhoto) -> str:
    """Its width and height in pixels; empty if unknown."""
    return f"{photo.width} \u00d7 {photo.height}" if photo.width else ""


def bytes_text(size: int) -> str:
    """A size in kilobytes or megabytes."""
    if size < _KILO * _KILO:
        return f"{max(1, round(size / _KILO)):,} kB" if size else ""
    return f"{size / _KILO / _KILO:.1f} MB"


def kind_title(texts: Texts, finding: Found, count: int) -> str:
    """The heading of the findings of a kind."""
    return texts(f"check.kind_{finding.kind}", count=count)
