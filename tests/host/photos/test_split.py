from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, Photo, scan
from graft_host.photos.split import RecordedSplit, shortages, split
from graft_host.photos.split_rule import SplitRule
from tests.support.host_data import write_photos

if TYPE_CHECKING:
    from collections.abc import Sequence

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


def _dataset(contents: Sequence[Sequence[str]], root: Path = Path("photos")) -> Dataset:
    """A data set of one class per list of digests, without files."""
    labels = tuple(f"class{index}" for index in range(len(contents)))
    photos = [
        Photo(path=root / labels[label] / f"{number}.jpg", label=label, digest=digest)
        for label, members in enumerate(contents)
        for number, digest in enumerate(members)
    ]
    return Dataset(root, labels, tuple(photos), ())


def _parts(dataset: Dataset, rule: SplitRule) -> dict[str, str]:
    """The part that every digest is in."""
    parts = split(dataset, rule).parts
    return {photo.digest: name for name, photos in parts.items() for photo in photos}


def _grouped(dataset: Dataset, groups: Sequence[Sequence[str]]) -> Dataset:
    """The data set with groups of near duplicates, each named by its smallest digest."""
    names = {digest: min(group) for group in groups for digest in group}
    return replace(dataset, photos=tuple(replace(p, group=names.get(p.digest, p.digest)) for p in dataset.photos))


_classes_and_groups = st.integers(0, 2**32).flatmap(
    lambda salt: st.tuples(
        st.lists(st.integers(2, 12), min_size=1, max_size=4).map(
            lambda sizes: [[f"{salt:x}/{label}/{n}" for n in range(size)] for label, size in enumerate(sizes)]
        ),
        st.lists(st.integers(0, 4), max_size=48),
    )
)


def _case(drawn: tuple[list[list[str]], list[int]]) -> Dataset:
    """A data set whose photos are grouped by number; 0 means no group."""
    classes, numbers = drawn
    groups: dict[int, list[str]] = {}
    for digest, number in zip((digest for members in classes for digest in members), numbers, strict=False):
        if number:
            groups.setdefault(number, []).append(digest)
    return _grouped(_dataset(classes), list(groups.values()))


@given(st.sets(digests, min_size=1, max_size=30), st.sets(digests, max_size=30), st.integers(0, 2**32))
def test_adding_photos_moves_none(first: set[str], added: set[str], seed: int) -> None:
    rule = SplitRule(seed)
    assert {d: rule.part(d) for d in first}.items() <= {d: rule.part(d) for d in first | added}.items()


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_moving_renaming_and_reordering_moves_no_photo(seed: int, data: st.DataObject) -> None:
    contents = [[f"{label}-{number}" for number in range(60)] for label in range(2)]
    before = _parts(_dataset(contents), rule := SplitRule(seed, 25, 25))
    shuffled = [data.draw(st.permutations(members)) for members in contents]
    renamed = _dataset(shuffled, Path("elsewhere"))
    assert _parts(renamed, rule) == before


def test_the_split_of_real_files_survives_moving_renaming_and_adding(tmp_path: Path) -> None:
    rule = SplitRule(test_percent=30, validation_percent=30)
    root = write_photos(tmp_path / "photos", count=30)
    before = _parts(scan(root, 2), rule)
    assert set(before.values()) == {"train", "validation", "test"}
    root = root.rename(tmp_path / "moved here")
    for index, path in enumerate(sorted(root.rglob("*.png"))):
        path.rename(path.with_name(f"{97 * index % 101} renamed.jpeg"))
    write_photos(root, count=20, first=1000)
    after = _parts(scan(root, 1), rule)
    assert len(after) == 100
    assert before.items() <= after.items()


@settings(max_examples=25)
@given(st.lists(digests, min_size=40, max_size=60, unique=True), st.integers(0, 100))
def test_identical_copies_are_on_one_side(contents: list[str], seed: int) -> None:
    dataset = _dataset([contents + contents[:20], contents[20:] + contents])
    rule = SplitRule(seed, 30, 30)
    sides = {
        digest: {rule.part(photo.digest) for photo in dataset.photos if photo.digest == digest} for digest in contents
    }
    assert all(len(side) == 1 for side in sides.values())


def test_shares_are_about_those_asked_for() -> None:
    dataset = _dataset([[f"{label}/{number}" for number in range(10_000)] for label in range(2)])
    for seed in (0, 1):
        result = split(dataset, SplitRule(seed, test_percent=20, validation_percent=12.5))
        # Four standard deviations of the binomial distribution.
        assert abs(len(result.test) - 4000) < 230
        assert abs(len(result.validation) - 2500) < 190
        assert len(result.train) + len(result.validation) + len(result.test) == 20_000


def test_another_seed_gives_another_split() -> None:
    dataset = _dataset([[f"{label}/{number}" for number in range(200)] for label in range(2)])
    assert _parts(dataset, SplitRule(0)) != _parts(dataset, SplitRule(1))


def test_the_split_of_a_seed_is_the_same_for_ever() -> None:
    # Recorded when the rule was written: training with a later version must not test on photos trained on before.
    rule = SplitRule(seed=7)
    assert [rule.part(f"{number:064x}") for number in range(9)] == ["validation", *["train"] * 7, "test"]


@settings(max_examples=200)
@given(
    st.lists(st.integers(2, 12), min_size=2, max_size=5),
    st.integers(0, 1000),
    st.sampled_from([0.1, 5.0, 15.0, 40.0]),
    st.sampled_from([0.0, 15.0, 40.0]),
)
def test_no_class_of_two_different_photos_is_refused(
    sizes: list[int], seed: int, test_percent: float, validation_percent: float
) -> None:
    dataset = _dataset([[f"{seed}/{label}/{number}" for number in range(size)] for label, size in enumerate(sizes)])
    rule = SplitRule(seed, test_percent, validation_percent)
    result = split(dataset, rule)
    assert result.divided == ()
    for label, size in enumerate(sizes):
        own = {name: [p for p in photos if p.label == label] for name, photos in result.parts.items()}
        assert own["train"]
        assert own["test"]
        by_rule = {name for name in own if any(rule.part(f"{seed}/{label}/{n}") == name for n in range(size))}
        if validation_percent and "validation" not in by_rule and len(own["train"]) > 2:
            assert own["validation"], "a class that keeps two photos to train on gives one to the validation"


def test_the_photo_with_the_lowest_position_stands_in_and_goes_back_when_a_lower_one_is_added() -> None:
    rule = SplitRule()
    names = sorted((f"{number}" for number in range(200)), key=rule.position)
    low, trained = [n for n in names if rule.part(n) == "test"], [n for n in names if rule.part(n) == "train"]
    other = [f"x{number}" for number in range(50)]
    first = _dataset([trained[10:16], other])
    moved = {trained[10]: "test", trained[11]: "validation"}
    assert {d: p for d, p in _parts(first, rule).items() if rule.part(d) != p} == moved
    lower = _dataset([[*trained[10:16], trained[0]], other])
    moved = {trained[0]: "test", trained[10]: "validation"}
    assert {d: p for d, p in _parts(lower, rule).items() if rule.part(d) != p} == moved
    tested = _dataset([[*trained[10:16], low[-1]], other])
    moved = {trained[10]: "validation"}
    assert {d: p for d, p in _parts(tested, rule).items() if rule.part(d) != p} == moved


def test_of_two_photos_one_is_trained_on_and_one_tests_and_of_three_two_are_trained_on() -> None:
    for seed in range(50):
        classes = [[f"{seed}/{label}/{number}" for number in range(2 + label)] for label in range(2)]
        parts = split(_dataset(classes), SplitRule(seed, 0.1, 0.1)).parts
        assert {name: [photo.label for photo in photos] for name, photos in parts.items()} == {
            "train": [0, 1, 1],
            "validation": [],
            "test": [0, 1],
        } or sorted(photo.label for photo in parts["train"]) == [0, 1, 1]


def _covers(dataset: Dataset, rule: SplitRule) -> bool:
    try:
        split(dataset, rule)
    except DatasetError:
        return False
    return True


@settings(max_examples=100)
@given(_classes_and_groups, st.integers(0, 50))
def test_shortages_are_where_the_split_fails(drawn: tuple[list[list[str]], list[int]], seed: int) -> None:
    dataset, rule = _case(drawn), SplitRule(seed, 30, 20)
    lacking = shortages(dataset, rule)
    if not lacking:
        assert {photo.label for photo in split(dataset, rule).test} == set(range(len(dataset.labels)))
        return
    with pytest.raises(DatasetError) as caught:
        split(dataset, rule)
    assert re.findall(r"'class(\d)'", str(caught.value)) == [str(label) for label in lacking]


@pytest.mark.parametrize("copies", [1, 3])
def test_a_class_of_one_photo_or_its_copies_needs_more_photos(copies: int) -> None:
    dataset = _dataset([["a"] * copies, [str(number) for number in range(100)]])
    with pytest.raises(DatasetError) as caught:
        split(dataset, SplitRule())
    assert caught.value.what == "1 class has fewer than two different photos: 'class0'"
    needed = "every class needs two different ones, one to train on and one to test on"
    assert caught.value.remedy == f"add 1 photo: {needed}"


def test_hundreds_of_classes_without_enough_photos_are_counted() -> None:
    dataset = _dataset([[f"{label}"] for label in range(300)])
    with pytest.raises(DatasetError) as caught:
        split(dataset, SplitRule())
    names = "'class0', 'class1', 'class2' and 297 more"
    assert caught.value.what == f"300 of 300 classes have fewer than two different photos: {names}"
    assert caught.value.remedy.startswith("add at least 300 photos: every class needs two different ones")


def test_300_classes_of_4_photos_give_one_each_to_the_test() -> None:
    dataset = _dataset([[f"{label}/{number}" for number in range(4)] for label in range(300)])
    for percent in (15, 30, 50):
        tested = {photo.label for photo in split(dataset, SplitRule(0, percent)).test}
        assert tested == set(range(300))


def test_classes_that_share_all_their_photos_are_told_so() -> None:
    dataset = _dataset([["a", "b"], ["b", "c"], ["c", "a"]])
    with pytest.raises(DatasetError, match=r"no photo to train on or to test on that is theirs alone.*several classes"):
        split(dataset, SplitRule())


def test_counts() -> None:
    result = split(_dataset([[f"{label}/{n}" for n in range(100)] for label in range(2)]), SplitRule())
    counts = result.counts(skipped=3)
    assert counts["skipped"] == 3
    assert counts["train"] == len(result.train)
    assert counts["validation"] == len(result.validation)
    assert counts["test"] == len(result.test)
    assert sum(counts.values()) == 203


# Near duplicates


@settings(max_examples=300)
@given(_classes_and_groups, st.integers(0, 50), st.sampled_from([15.0, 40.0]))
def test_near_duplicates_share_a_side_and_never_make_a_split_fail(
    drawn: tuple[list[list[str]], list[int]], seed: int, percent: float
) -> None:
    dataset, rule = _case(drawn), SplitRule(seed, percent, 15)
    alone = replace(dataset, photos=tuple(replace(photo, group="") for photo in dataset.photos))
    if not _covers(dataset, rule):
        assert not _covers(alone, rule)
        return
    result = split(dataset, rule)
    sides: dict[str, set[str]] = {}
    by_rule = {}
    for name, photos in result.parts.items():
        for photo in photos:
            sides.setdefault(photo.place, set()).add(name)
            by_rule[photo.digest] = rule.part(photo.digest if photo.place in result.divided else photo.place)
    covered = {(photo.label, by_rule[photo.digest]) for photo in dataset.photos}
    if len(covered) == 3 * len(dataset.labels):  # the rule alone gives every class all parts
        assert _parts(dataset, rule) == by_rule
    assert {group for group, names in sides.items() if len(names) > 1} <= set(result.divided)
    assert sum(map(len, result.parts.values())) == len(dataset.photos)
    assert {(photo.label, name) for name, photos in result.parts.items() for photo in photos} >= {
        (label, name) for label in range(len(dataset.labels)) for name in ("train", "test")
    }


@settings(max_examples=100)
@given(_classes_and_groups, st.integers(0, 50))
def test_a_recorded_split_gives_each_part_without_the_other_photos(
    drawn: tuple[list[list[str]], list[int]], seed: int
) -> None:
    dataset, rule = _case(drawn), SplitRule(seed, 30, 20)
    # Real digests, so that the first digits differ.
    hashed = {p.digest: hashlib.sha256(p.digest.encode()).hexdigest() for p in dataset.photos}
    photos = tuple(replace(p, digest=hashed[p.digest], group=hashed[p.place]) for p in dataset.photos)
    dataset = replace(dataset, photos=photos)
    if not _covers(dataset, rule):
        return
    result = split(dataset, rule)
    recorded = RecordedSplit.read(json.loads(json.dumps(result.record(rule))))
    moved = recorded.moved
    assert all(recorded.part(p.digest) == name for name, members in result.parts.items() for p in members)
    assert all(len(digits) == 16 for digits in moved)
    parts = [(p.digest, name) for name, members in result.parts.items() for p in members]
    assert moved == {digest[:16]: name for digest, name in parts if rule.part(digest) != name}
    assert recorded.test == frozenset(p.digest[:16] for p in result.test)
    assert not any(recorded.new_to_test(p.digest) for p in photos)


@settings(max_examples=100)
@given(_classes_and_groups, st.integers(0, 50), st.integers(1, 20))
def test_adding_photos_moves_only_those_of_their_own_group(
    drawn: tuple[list[list[str]], list[int]], seed: int, count: int
) -> None:
    dataset, rule = _case(drawn), SplitRule(seed, 40)
    added = [Photo(path=Path(f"new{n}"), label=0, digest=f"new{seed}/{n}") for n in range(count)]
    larger = replace(dataset, photos=(*dataset.photos, *added))
    if not (_covers(dataset, rule) and _covers(larger, rule)):
        return
    before, after = split(dataset, rule), split(larger, rule)
    if before.divided:
        return
    assert not after.divided
    parts = {photo.digest: name for name, photos in after.parts.items() for photo in photos}
    moved = {
        photo.place
        for name, photos in before.parts.items()
        for photo in photos
        if parts[photo.digest] != name and photo.label == 0
    }
    stand_ins = {
        photo.place
        for result in (before, after)
        for name, photos in result.parts.items()
        for photo in photos
        if name != rule.part(photo.place)
    }
    assert moved <= stand_ins, "only photos that stood in for a part that the class lacked, or do so now"


def test_without_near_duplicates_the_rule_alone_decides() -> None:
    dataset, rule = _dataset([[f"{label}/{n}" for n in range(100)] for label in range(2)]), SplitRule(3)
    alone = _grouped(dataset, [])
    assert _parts(alone, rule) == _parts(dataset, rule) == {p.digest: rule.part(p.digest) for p in dataset.photos}
    assert split(alone, rule).moved(rule) == {}
    assert RecordedSplit(rule).part("1/7") == rule.part("1/7")


def test_a_fixed_camera_whose_photos_all_look_alike_can_be_trained_on_and_is_named() -> None:
    alike, varied = [f"a{n}" for n in range(60)], [f"b{n}" for n in range(60)]
    dataset, rule = _grouped(_dataset([alike, varied]), [alike, varied[:10]]), SplitRule()
    result = split(dataset, rule)
    assert result.divided == (min(alike),)
    assert {photo.digest for photo in result.test if photo.label == 0} == {d for d in alike if rule.part(d) == "test"}
    assert len({rule.part(min(varied[:10])), *(_parts(dataset, rule)[digest] for digest in varied[:10])}) == 1


def test_the_smallest_group_that_helps_is_divided() -> None:
    large, small = [f"l{n}" for n in range(40)], [f"s{n}" for n in range(20)]
    dataset = _grouped(_dataset([[*large], [*small, "l40"], [f"x{n}" for n in range(60)]]), [[*large, "l40"], small])
    assert split(dataset, SplitRule()).divided == ("l0",), "class0 has no other group"
    two = _grouped(_dataset([large + small, [f"x{n}" for n in range(60)]]), [large, small])
    for seed in range(20):
        result = split(two, SplitRule(seed))
        assert result.divided == ()
        assert {photo.group for photo in result.test if photo.label == 0} in ({"l0"}, {"s0"})
