"""Folders ``train``, ``val`` and ``test`` in a data set give its split."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from graft_device.errors import DatasetError
from graft_host.evaluation.kept_aside import photos_to_test
from graft_host.photos.dataset import Dataset, scan
from graft_host.photos.findings import KINDS
from graft_host.photos.near_duplicates import group_near_duplicates
from graft_host.photos.problems import find_problems
from graft_host.photos.split import RecordedSplit, split
from graft_host.photos.split_rule import SplitRule
from graft_host.photos.split_text import split_text
from tests.support.host_data import image_bytes, write_photos
from tests.support.quiet import QuietReporter

NAMES = [("train", "val", "test"), ("training", "validation", "testing"), ("Train", "VALID", "Test")]
RULE = SplitRule()


def _given(root: Path, counts: dict[str, int], classes: tuple[str, ...] = ("bus", "car")) -> Path:
    """A data set whose folders give the split, with this number of photos a class in each."""
    for number, (part, count) in enumerate(counts.items()):
        write_photos(root / part, classes, count, first=1000 * number)
    return root


def _folders(dataset: Dataset, rule: SplitRule = RULE) -> dict[str, Counter[str]]:
    """How many photos of each top folder are in each part."""
    parts = split(dataset, rule).parts
    return {
        name: Counter(photo.path.relative_to(dataset.root).parts[0] for photo in photos)
        for name, photos in parts.items()
    }


@pytest.mark.parametrize("names", NAMES)
def test_each_photo_is_in_the_part_of_its_folder(tmp_path: Path, names: tuple[str, str, str]) -> None:
    train, validation, test = names
    dataset = scan(_given(tmp_path, {train: 6, validation: 2, test: 3}), 2)
    assert dataset.labels == ("bus", "car")
    assert dataset.skipped == ()
    assert _folders(dataset) == {"train": {train: 12}, "validation": {validation: 4}, "test": {test: 6}}
    assert split(dataset, RULE).counts(0) == {"train": 12, "validation": 4, "test": 6, "skipped": 0}


def test_a_part_without_a_folder_is_drawn_from_the_training_photos_by_content(tmp_path: Path) -> None:
    dataset = scan(_given(tmp_path, {"train": 60, "val": 5}), 2)
    parts = split(dataset, RULE).parts
    assert _folders(dataset)["validation"] == {"val": 10}
    assert {photo.digest for photo in parts["test"]} == {
        photo.digest for photo in dataset.photos if photo.part == "train" and RULE.part(photo.digest) == "test"
    }
    assert split_text(dataset, RULE) == (
        "the split is that of the folders 'train' and 'val'; of the training photos, 15% for test"
    )
    other = scan(_given(tmp_path / "other", {"train": 3, "test": 2}), 2)
    assert _folders(other)["test"] == {"test": 4}
    assert {photo.label for photo in split(other, RULE).train} == {0, 1}


def test_a_test_folder_without_classes_is_no_part(tmp_path: Path) -> None:
    root = _given(tmp_path, {"train": 20})
    (root / "test").mkdir()
    (root / "test" / "1.jpg").write_bytes(image_bytes(5))
    dataset = scan(root, 2)
    assert dataset.labels == ("bus", "car")
    assert [(skip.path.name, skip.reason) for skip in dataset.skipped] == [("1.jpg", "is outside the class folders")]
    assert _folders(dataset)["test"].keys() == {"train"}


@pytest.mark.parametrize("others", [("bus", "car"), ("test", "bus"), ("val", "rest")])
def test_a_class_may_be_named_train_beside_others(tmp_path: Path, others: tuple[str, str]) -> None:
    write_photos(tmp_path, ["train", *others], count=3)
    write_photos(tmp_path / "train", ["steam"], count=2, first=50)
    dataset = scan(tmp_path, 2)
    assert dataset.labels == tuple(sorted(["train", *others]))
    assert dataset.parts == {}
    assert Counter(photo.label for photo in dataset.photos)[dataset.labels.index("train")] == 5


def test_folders_that_give_a_split_of_nothing_are_refused(tmp_path: Path) -> None:
    write_photos(tmp_path, ["train", "val"], count=3)
    with pytest.raises(DatasetError, match="split into 'train' and 'val', but there are no class folders in 'train'"):
        scan(tmp_path, 2)


def test_a_split_is_not_mistaken_for_classes_where_another_folder_is_beside_it(tmp_path: Path) -> None:
    root = _given(tmp_path, {"train": 2, "test": 2})
    write_photos(root, ["unlabelled"], count=2)
    with pytest.raises(DatasetError, match="contains 'unlabelled' beside the split into 'train' and 'test'; move"):
        scan(root, 2)


def test_two_folders_for_one_part_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'train' and 'training' in .* both name the train photos; merge"):
        scan(_given(tmp_path, {"train": 2, "training": 2, "test": 2}), 2)


def test_classes_that_differ_between_the_parts_are_refused_with_the_way_out(tmp_path: Path) -> None:
    root = _given(tmp_path, {"train": 4, "test": 2})
    write_photos(root / "test", ["bird"], count=2, first=70)
    write_photos(root / "train", ["cart"], count=2, first=80)
    dataset = scan(root, 2)
    assert dataset.labels == ("bird", "bus", "car", "cart")
    with pytest.raises(DatasetError) as caught:
        split(dataset, RULE)
    assert (
        caught.value.what
        == "1 class has no train photo in 'train': 'bird'; 1 class has no test photo in 'test': 'cart'"
    )
    assert "remove the classes that are not in all parts" in caught.value.remedy
    findings = [finding for finding in find_problems(dataset, 40, rule=RULE) if finding.kind == "split"]
    assert [finding.paths for finding in findings] == [(root / "test" / "bird",), (root / "train" / "cart",)]


def test_a_split_without_training_photos_can_be_tested_on_but_not_trained(tmp_path: Path) -> None:
    dataset = scan(_given(tmp_path, {"val": 2, "test": 2}), 2, min_classes=1)
    assert dataset.labels == ("bus", "car")
    with pytest.raises(DatasetError, match="is split into 'val' and 'test', but has no folder 'train'"):
        split(dataset, RULE)


def test_names_that_macos_decomposed_are_one_class_and_keep_their_reasons(tmp_path: Path) -> None:
    composed = "Käfer"
    decomposed = unicodedata.normalize("NFD", composed)
    root = _given(tmp_path / "parts", {"train": 3, "test": 2}, (decomposed, "bus"))
    write_photos(root / "val", [composed, "bus"], count=2, first=500)
    dataset = scan(root, 2)
    assert dataset.labels == (composed, "bus")
    assert Counter(photo.part for photo in dataset.photos) == {"train": 6, "test": 4, "validation": 4}
    flat = write_photos(tmp_path / "flat", ["bus"], count=3)
    (flat / decomposed).mkdir()
    (flat / decomposed / "a.jpg").write_bytes(b"")
    with pytest.raises(DatasetError, match=rf"no readable photo in '{composed}' in .* \(1 x .*empty"):
        scan(flat, 2)
    (finding,) = (f for f in find_problems(scan(flat, 2, min_classes=1), 40) if f.kind == "class")
    assert finding.paths == (flat / decomposed,)


def test_near_duplicates_in_several_parts_are_a_leak(tmp_path: Path) -> None:
    root = _given(tmp_path / "photos", {"train": 4, "test": 3})
    copied = (root / "train" / "bus" / "0000.png").read_bytes()
    (root / "test" / "bus" / "copy.png").write_bytes(copied)
    (root / "train" / "car" / "twin.png").write_bytes((root / "train" / "car" / "0001.png").read_bytes())
    dataset = group_near_duplicates(scan(root, 2), tmp_path / "cache", 2, lambda _done, _total: None)
    found = {finding.kind: finding for finding in find_problems(dataset, 40, rule=RULE) if finding.kind != "few"}
    assert found.keys() == {"leak", "identical"}
    assert found["leak"].paths == (root / "train" / "bus" / "0000.png", root / "test" / "bus" / "copy.png")
    assert found["leak"].problem == "2 versions of one photo, in 'train' and 'test'"
    assert found["leak"].details == {"parts": ["train", "test"]}
    assert found["leak"].advice == KINDS["leak"].advice


def test_an_evaluation_takes_the_recorded_test_photos_and_notes_others(tmp_path: Path) -> None:
    root = _given(tmp_path / "photos", {"train": 4, "test": 3})
    dataset = scan(root, 2)
    recorded = RecordedSplit.read(json.loads(json.dumps(split(dataset, RULE).record(RULE))))
    tested = {photo.path for photo in dataset.photos if photo.part == "test"}
    reporter = QuietReporter()
    assert {photo.path for photo in photos_to_test(dataset, recorded, 2, reporter)} == tested
    assert reporter.notes == []
    (root / "train" / "bus" / "0000.png").rename(root / "test" / "bus" / "was trained on.png")
    assert {photo.path for photo in photos_to_test(scan(root, 2), recorded, 2, reporter)} == tested
    assert reporter.notes == [
        f"left out 1 photo of {root / 'test'} that training did not keep aside: --split all takes them too"
    ]
    flat = tmp_path / "flat"
    for path in root.glob("*/*/*.png"):
        (flat / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(flat / path.parent.name / f"{path.parents[1].name} {path.name}")
    assert len(photos_to_test(scan(flat, 2), recorded, 2, reporter)) == len(tested)
