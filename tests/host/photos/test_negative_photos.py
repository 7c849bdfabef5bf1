"""Photos of none of the classes: where they are found, and which part of the split they are in."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest

from graft_device.errors import DatasetError
from graft_host.photos.dataset import NO_CLASS, Dataset, scan
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.photos.problems import find_problems
from graft_host.photos.split import RecordedSplit, Split, split
from graft_host.photos.split_rule import SplitRule
from graft_host.support.option import OptionError
from graft_host.support.progress import unwatched
from graft_host.training.options import HeadOptions
from tests.support.host_data import write_photos

RULE = SplitRule()


def _negatives(dataset: Dataset, rule: SplitRule = RULE) -> Split:
    parts = split(dataset, rule).negatives
    assert parts is not None
    return parts


@pytest.mark.parametrize("name", ["unknown", "Unknown", "UNKNOWN"])
def test_a_folder_called_unknown_is_no_class_but_photos_of_none(tmp_path: Path, name: str) -> None:
    write_photos(tmp_path, ("bus", "car"), 8)
    write_photos(tmp_path / name, ("boat", "tram"), 12, first=100)
    dataset = scan(PhotoPlaces(root=tmp_path, unknown=()), 2)
    assert dataset.labels == ("bus", "car")
    assert len(dataset.photos) == 16
    assert Counter(photo.label for photo in dataset.negatives) == {NO_CLASS: 24}
    assert {name: len(photos) > 0 for name, photos in _negatives(dataset).parts.items()} == {
        "train": True, "validation": True, "test": True
    }  # fmt: skip
    without = scan(tmp_path, 2)
    assert sorted(without.labels) == sorted(("bus", "car", name))
    assert without.negatives == ()


def test_negatives_move_no_photo_of_a_class(tmp_path: Path) -> None:
    write_photos(tmp_path, ("bus", "car"), 40)
    alone = split(scan(tmp_path, 2), RULE)
    write_photos(tmp_path, ("unknown",), 30, first=500)
    beside = split(scan(PhotoPlaces(root=tmp_path, unknown=()), 2), RULE)
    assert beside.parts == alone.parts
    assert len(set(beside.record(RULE)["test"]) - set(alone.record(RULE)["test"])) == len(_negatives_of(beside).test)


def _negatives_of(parts: Split) -> Split:
    assert parts.negatives is not None
    return parts.negatives


def test_folders_that_give_the_split_give_that_of_the_unknown_folders_inside_them(tmp_path: Path) -> None:
    for number, (part, count) in enumerate({"train": 9, "val": 3, "test": 4}.items()):
        write_photos(tmp_path / part, ("bus", "car", "unknown"), count, first=1000 * number)
    dataset = scan(PhotoPlaces(root=tmp_path, unknown=()), 2)
    assert _negatives(dataset).counts(0) == {"train": 9, "validation": 3, "test": 4, "skipped": 0}
    write_photos(tmp_path / "unknown", ("boat",), 40, first=9000)  # beside the parts: drawn where no folder gives one
    parts = _negatives(scan(PhotoPlaces(root=tmp_path, unknown=()), 2))
    assert sum(photo.part == "" for photo in parts.train) == 40
    for part in ("train", "val", "test"):
        shutil.rmtree(tmp_path / part / "unknown")
    drawn = _negatives(scan(PhotoPlaces(root=tmp_path, unknown=()), 2))
    assert {photo.digest for photo in drawn.test} == {
        photo.digest for photos in drawn.parts.values() for photo in photos if RULE.part(photo.digest) == "test"
    }


def test_a_negative_is_in_the_part_of_its_near_duplicates_in_a_class(tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", ("bus", "car"), 20)
    (tmp_path / "photos" / "unknown").mkdir()
    for path in (tmp_path / "photos" / "bus").iterdir():
        shutil.copy(path, tmp_path / "photos" / "unknown" / path.name)
    dataset = group_near_duplicates(
        scan(PhotoPlaces(root=tmp_path / "photos", unknown=()), 2), tmp_path / "cache", 2, unwatched
    )
    parts = split(dataset, RULE)
    for name, photos in _negatives_of(parts).parts.items():
        assert {photo.digest for photo in photos} == {p.digest for p in parts.parts[name] if p.label == 0}
    kinds = Counter(finding.kind for finding in find_problems(dataset, 32))
    assert kinds["identical_across"] == 20
    (finding, *_) = [one for one in find_problems(dataset, 32) if one.kind == "identical_across"]
    assert finding.details["labels"] == ["unknown", "bus"]


def test_the_card_gives_the_part_of_every_negative(tmp_path: Path) -> None:
    write_photos(tmp_path, ("bus", "car"), 9)
    write_photos(tmp_path, ("unknown",), 5, first=60)
    parts = split(scan(PhotoPlaces(root=tmp_path, unknown=()), 2), RULE)
    recorded = RecordedSplit.read(parts.record(RULE))
    for name, photos in _negatives_of(parts).parts.items():
        assert {recorded.part(photo.digest) for photo in photos} <= {name}
        assert not any(recorded.new_to_test(photo.digest) for photo in photos)


def test_other_folders_of_negatives(tmp_path: Path) -> None:
    photos, others = tmp_path / "photos", tmp_path / "others"
    write_photos(photos, ("bus", "car", "unknown"), 4)
    write_photos(others, ("boat",), 3, first=50)
    (tmp_path / "same").symlink_to(others)
    dataset = scan(
        PhotoPlaces(
            root=photos,
            unknown=(
                others,
                tmp_path / "same",
                photos / "unknown",
            ),
        ),
        2,
    )
    assert len(dataset.negatives) == 7
    with pytest.raises(DatasetError, match=r"bus is to hold photos of none of the classes, but .*bus is a class"):
        scan(PhotoPlaces(root=photos, unknown=(photos / "bus",)), 2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"no readable photo in .*empty; put photos"):
        scan(PhotoPlaces(root=photos, unknown=(tmp_path / "empty",)), 2)
    with pytest.raises(DatasetError, match="no such folder of photos"):
        scan(PhotoPlaces(root=photos, unknown=(tmp_path / "missing",)), 2)
    with pytest.raises(OptionError, match=r"^--unknown: --unknown-rate 0 calls no photo unknown"):
        HeadOptions(photos=photos, unknown=(others,), unknown_rate=0)


def test_a_list_of_labels_may_name_photos_of_none(tmp_path: Path) -> None:
    write_photos(tmp_path, ("a",), 9)
    labels = ["bus", "bus", "bus", "car", "car", "car", "Unknown", "unknown", "unknown"]
    lines = [f"a/{number:04}.png,{label}" for number, label in enumerate(labels)]
    (tmp_path / "labels.csv").write_text("\n".join(["path,label", *lines]))
    places = PhotoPlaces(root=tmp_path, labels=(tmp_path / "labels.csv",), unknown=())
    dataset = scan(places, 2)
    assert (dataset.labels, len(dataset.photos), len(dataset.negatives)) == (("bus", "car"), 6, 3)
    assert dataset.places == places
