"""What is offered for each kind of finding, and when a finding is settled."""

from __future__ import annotations

import pytest

from graft_host.photos.findings import KINDS
from graft_host.studio.remedies.found import COPIES, Found, FoundPhoto
from graft_host.studio.remedies.ignored import Entry
from graft_host.studio.remedies.remedy import Remedy, remedies
from graft_host.studio.remedies.standing import ORDER, findings_of, standing

ABOUT_CLASSES = {"class", "split", "few", "imbalance"}


def _photo(name: str, label: str = "cat", size: int = 100) -> FoundPhoto:
    return FoundPhoto(id=f"{label}/{name}", digest=name, label=label, width=size, height=size, size=1000)


def _found(kind: str, *photos: FoundPhoto, labels: tuple[str, ...] = (), suggested: str = "") -> Found:
    labels = labels or tuple(dict.fromkeys(photo.label for photo in photos))
    return Found(kind=kind, photos=photos, labels=labels, suggested=suggested, figures={})


def _offered(finding: Found) -> tuple[Remedy, ...]:
    return remedies(finding, finding.photos)


def _stands(finding: Found, gone: tuple[str, ...] = (), **counts: int) -> bool:
    return bool(standing([finding], counts, lambda name: name not in gone, ()))


def test_of_copies_in_a_class_the_better_one_is_kept() -> None:
    finding = _found("near", _photo("a.jpg"), _photo("b.jpg", size=200), _photo("c.jpg"))
    keep, ignore = _offered(finding)
    assert (keep.action, keep.binned, ignore.action) == ("keep", ("cat/a.jpg", "cat/c.jpg"), "ignore")
    assert keep.better is not None
    assert keep.better.reason == "larger"


def test_for_copies_in_several_classes_the_class_is_chosen() -> None:
    finding = _found("identical_across", _photo("a.jpg"), _photo("a.jpg", "dog"), _photo("b.jpg", "dog"))
    cat, dog, _ = _offered(finding)
    assert (cat.label, cat.binned) == ("cat", ("dog/a.jpg", "dog/b.jpg"))
    assert (dog.label, dog.binned) == ("dog", ("cat/a.jpg",))


def test_a_photo_in_the_wrong_class_is_moved_to_the_likely_one() -> None:
    move, delete, _ = _offered(_found("mislabel", _photo("a.jpg"), suggested="dog"))
    assert (move.action, move.moved, move.label) == ("move", ("cat/a.jpg",), "dog")
    assert delete.binned == ("cat/a.jpg",)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_place_a_remedy_and_can_be_ignored(kind: str) -> None:
    about_classes = kind in ABOUT_CLASSES
    finding = _found(kind, labels=("cat", "dog")) if about_classes else _found(kind, _photo("a"), _photo("b"))
    offered = _offered(finding)
    first, last = offered[0], offered[-1]
    assert kind in ORDER
    assert (first.action == "photos") == about_classes
    assert (first.action == "ignore") == (kind == "stray")
    assert last.action == "ignore"
    assert not standing([finding], {"cat": 1, "dog": 9}, lambda _: True, [Entry.of(finding)])


@pytest.mark.parametrize("kind", sorted(COPIES))
def test_copies_are_settled_once_one_is_left(kind: str) -> None:
    finding = _found(kind, _photo("a"), _photo("b"), _photo("c"))
    assert _stands(finding, ("cat/a",))
    assert not _stands(finding, ("cat/a", "cat/c"))


def test_copies_in_several_classes_are_settled_once_all_are_in_one() -> None:
    finding = _found("near_across", _photo("a"), _photo("b"), _photo("c", "dog"))
    assert _stands(finding, ("cat/a",))
    assert not _stands(finding, ("dog/c",))


def test_a_photo_that_was_moved_is_settled() -> None:
    finding = _found("mislabel", _photo("a"), suggested="dog")
    assert _stands(finding)
    assert not _stands(finding, ("cat/a",))


def test_classes_are_settled_once_they_have_enough() -> None:
    few, uneven = _found("few", labels=("cat",)), _found("imbalance", labels=("dog", "cat"))
    assert _stands(few, cat=19)
    assert not _stands(few, cat=20)
    assert not _stands(few, dog=3)
    assert _stands(uneven, cat=10, dog=30)
    assert not _stands(uneven, cat=11, dog=30)


def test_the_worst_comes_first() -> None:
    findings = [_found("tiny", _photo("a")), _found("identical", _photo("a"), _photo("b")),
                _found("mislabel", _photo("c"), suggested="dog")]  # fmt: skip
    kinds = [each.finding.kind for each in standing(findings, {}, lambda _: True, ())]
    assert kinds == ["mislabel", "identical", "tiny"]


def test_findings_survive_the_way_through_a_file() -> None:
    finding = _found("near", _photo("a<b>.jpg"), _photo("ü.jpg"))
    assert findings_of({"found": [finding.to_json()]}) == (finding,)
    assert findings_of(None) == ()
    assert findings_of({"found": [{"kind": "near"}]}) == ()
