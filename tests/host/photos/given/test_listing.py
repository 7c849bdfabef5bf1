"""Several folders of photos, and lists of labels, as one data set."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, scan
from graft_host.photos.given.places import PhotoPlaces
from graft_host.photos.split_rule import SplitRule
from graft_host.photos.split_text import split_text


def draw(root: Path, *names: str) -> None:
    """A small photo of its own in each file."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = zlib.crc32(name.encode())
        Image.new("RGB", (8, 8), (colour % 256, colour // 256 % 256, colour // 65536 % 256)).save(path)


def found(root: Path, also: tuple[Path, ...] = (), lists: dict[str, str] | None = None) -> Dataset:
    """What is found below ``root`` and in other folders, with lists of these names and contents."""
    for name, text in (lists or {}).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    labels = tuple(root / name for name in lists or {})
    return scan(PhotoPlaces(root=root, also=also, labels=labels), 1)


def shown(dataset: Dataset) -> set[tuple[str, str, str]]:
    """The name, label and part of each photo."""
    return {(photo.path.name, dataset.labels[photo.label], photo.part) for photo in dataset.photos}


def test_a_list_gives_the_labels_wherever_the_photos_are(tmp_path: Path) -> None:
    draw(tmp_path, "in/1.jpg", "2.jpg", "in/3.jpg", "not-listed.jpg")
    dataset = found(tmp_path, lists={"labels.csv": "in/1.jpg,cats\n2.jpg,dogs\nin\\3.jpg,cats\n"})
    assert shown(dataset) == {("1.jpg", "cats", ""), ("2.jpg", "dogs", ""), ("3.jpg", "cats", "")}
    assert not dataset.parts


def test_paths_may_begin_beside_the_list(tmp_path: Path) -> None:
    draw(tmp_path, "train/1.jpg", "train/2.jpg")
    assert len(found(tmp_path, lists={"train/labels.csv": "1.jpg,cats\n2.jpg,dogs\n"}).photos) == 2


def test_what_a_list_names_and_nobody_can_use_is_skipped_with_the_reason(tmp_path: Path) -> None:
    draw(tmp_path, "1.jpg", "2.jpg", "3.jpg")
    text = "1.jpg,cats\n2.jpg,dogs\n3.jpg,cats\n3.jpg,dogs\ngone.jpg,cats\n../../etc,cats\n"
    reasons = {skip.path.name: skip.reason for skip in found(tmp_path, lists={"labels.csv": text}).skipped}
    assert reasons["gone.jpg"] == "is listed in labels.csv, but there is no such file"
    assert reasons["3.jpg"] == "has 2 labels in labels.csv: 'cats' and 'dogs'"


def test_a_list_can_give_the_split(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{number}.jpg" for number in range(6)))
    parts = ["train", "train", "valid", "val", "test", "TEST"]
    text = "".join(f"{number}.jpg,{'cats' if number % 2 else 'dogs'},{part}\n" for number, part in enumerate(parts))
    dataset = found(tmp_path, lists={"labels.csv": text})
    assert sorted(part for _, _, part in shown(dataset)) == ["test", "test", "train", "train", *["validation"] * 2]
    assert split_text(dataset, SplitRule()) == "the split is that of the list 'labels.csv'"


def test_folders_named_as_parts_give_the_split_of_listed_photos_too(tmp_path: Path) -> None:
    draw(tmp_path, "train/1.jpg", "train/2.jpg", "test/3.jpg", "test/4.jpg")
    text = "train/1.jpg,cats\ntrain/2.jpg,dogs\ntest/3.jpg,cats\ntest/4.jpg,dogs\n"
    dataset = found(tmp_path, lists={"labels.csv": text})
    assert {part for _, _, part in shown(dataset)} == {"train", "test"}
    assert split_text(dataset, SplitRule()) == (
        "the split is that of the folders 'train' and 'test'; of the training photos, 15% for validation"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1.jpg,cats,train\n2.jpg,dogs,\n", "gives .*2.jpg no part"),
        ("1.jpg,cats,train\n1.jpg,cats,test\n2.jpg,dogs,train\n", "puts .*1.jpg into 'test' and 'train'"),
        ("1.jpg,cats,test\n2.jpg,dogs,test\n", "no photo to train on"),
        ("1.jpg,cats,spare\n2.jpg,dogs,train\n", "into 'spare'"),
        ("1.jpg,cats\n2.jpg,Cats\n", "differ only in case"),
        ("1.jpg,ca\u2028ts\n2.jpg,dogs\n", "can't be printed"),
        ("1.jpg,.x\n2.jpg,dogs\n", "cannot be the name of a folder"),
        ("1.jpg,a/b\n2.jpg,dogs\n", "cannot be the name of a folder"),
        ("1.jpg,cats\n2.jpg,cats\n", "has 1 class, but at least two are needed"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(tmp_path: Path, text: str, says: str) -> None:
    draw(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(DatasetError, match=says):
        found(tmp_path, lists={"labels.csv": text})


def test_several_folders_are_one_data_set(tmp_path: Path) -> None:
    draw(tmp_path, "a/cats/1.jpg", "a/dogs/2.jpg", "b/cats/3.jpg", "b/foxes/4.jpg")
    dataset = found(tmp_path / "a", also=(tmp_path / "b",))
    assert shown(dataset) == {
        ("1.jpg", "cats", ""), ("2.jpg", "dogs", ""), ("3.jpg", "cats", ""), ("4.jpg", "foxes", "")
    }  # fmt: skip
    assert dataset.folders_of(0) == (tmp_path / "a/cats", tmp_path / "b/cats")


def test_folders_and_a_list_are_one_data_set(tmp_path: Path) -> None:
    draw(tmp_path, "a/1.jpg", "b/dogs/2.jpg")
    dataset = found(tmp_path / "a", also=(tmp_path / "b",), lists={"labels.csv": "1.jpg,cats\n"})
    assert shown(dataset) == {("1.jpg", "cats", ""), ("2.jpg", "dogs", "")}


@pytest.mark.parametrize("other", ["a", "a/cats", "."])
def test_a_folder_in_another_is_refused(tmp_path: Path, other: str) -> None:
    draw(tmp_path, "a/cats/1.jpg", "a/dogs/2.jpg")
    with pytest.raises(DatasetError, match=r"is given twice|is in "):
        found(tmp_path / "a", also=(tmp_path / other,))


def test_a_folder_train_alone_is_no_class(tmp_path: Path) -> None:
    draw(tmp_path, "train/cats/1.jpg", "train/dogs/2.jpg")
    assert shown(found(tmp_path)) == {("1.jpg", "cats", "train"), ("2.jpg", "dogs", "train")}
