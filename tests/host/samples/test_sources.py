"""Which photos of a source are trained on, and which folders are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, scan
from graft_host.samples.places import check_places
from graft_host.samples.sources import Sources, find_sources
from graft_host.support.option import OptionError
from tests.support.host_data import image, write_photos


@pytest.fixture
def target(tmp_path: Path) -> Dataset:
    return scan(write_photos(tmp_path / "target", ("cats", "dogs"), 3), 2)


def _find(target: Dataset, *roots: Path) -> Sources:
    return find_sources(target, roots, target.root.parent / "cache", 2, lambda *_: None)


def _notes(sources: Sources) -> list[str]:
    return [line for source in sources.folders for line in source.notes()]


def test_photos_get_the_labels_of_the_target_and_other_classes_are_left_out(target: Dataset, tmp_path: Path) -> None:
    root = write_photos(tmp_path / "source", ("apes", "cats", "dogs", "emus"), 4, first=100)
    (root / "apes" / "0100.png").unlink()
    sources = _find(target, root)
    assert len(sources.photos) == 8
    assert {(photo.path.parent.name, photo.label) for photo in sources.photos} == {("cats", 0), ("dogs", 1)}
    assert sources.folders[0].other_classes == {"apes": 3, "emus": 4}
    assert _notes(sources) == [
        f"note: {root} has classes that the target does not have, left out: 'apes' (3 photos) and 'emus' (4 photos)"
    ]


def test_the_order_does_not_depend_on_names_and_photos_of_all_parts_of_a_split_train(
    target: Dataset, tmp_path: Path
) -> None:
    plain = _find(target, write_photos(tmp_path / "plain", count=3, first=50))
    split = tmp_path / "split"
    for part, first in (("train", 52), ("val", 51), ("test", 50)):
        write_photos(split / part, count=1, first=first)
    sources = _find(target, split)
    assert [photo.digest for photo in sources.photos] == [photo.digest for photo in plain.photos]
    assert {photo.part for photo in sources.photos} == {""}


def test_a_missing_class_is_an_error_that_lists_it_and_the_names_that_there_are(tmp_path: Path) -> None:
    target = scan(write_photos(tmp_path / "target", ("cats", "dogs", "emus"), 3), 2)
    root = write_photos(tmp_path / "source", ("Cats", "dogs"), 3, first=100)
    with pytest.raises(DatasetError) as caught:
        _find(target, root)
    assert caught.value.what == (
        f"2 classes of {target.root} without a photo in the sources '{root}': 'cats', 'emus'; "
        "the sources' other classes are 'Cats'"
    )
    assert "same name" in caught.value.remedy
    both = _find(target, root, write_photos(tmp_path / "second", ("cats", "emus"), 2, first=200))
    assert [len(source.photos) for source in both.folders] == [3, 4]


def test_no_class_in_common_is_an_error_with_both_lists(target: Dataset, tmp_path: Path) -> None:
    root = write_photos(tmp_path / "source", ("nuts", "screws"), 3, first=100)
    with pytest.raises(DatasetError) as caught:
        _find(target, root)
    assert caught.value.what == (
        f"the target and its sources have no class in common: the classes of {target.root} are 'cats', 'dogs', "
        f"those of '{root}' are 'nuts', 'screws'"
    )


@pytest.mark.parametrize("kind", ["missing", "empty", "empty classes", "a file"])
def test_a_source_without_photos_is_an_error(target: Dataset, tmp_path: Path, kind: str) -> None:
    root = tmp_path / "source"
    if kind == "a file":
        root.write_text("")
    elif kind != "missing":
        root.mkdir()
    if kind == "empty classes":
        (root / "cats").mkdir()
        (root / "dogs").mkdir()
    with pytest.raises(DatasetError) as caught:
        _find(target, root)
    assert str(root) in caught.value.what


def test_photos_that_cannot_be_read_are_left_out_with_the_reason(target: Dataset, tmp_path: Path) -> None:
    root = write_photos(tmp_path / "source", ("apes", "cats", "dogs"), 3, first=100)
    (root / "cats" / "text.jpg").write_text("text")
    (root / "apes" / "text.jpg").write_text("of a class that is not used")
    whole = (root / "dogs" / "0100.png").read_bytes()
    (root / "dogs" / "0100.png").write_bytes(whole[: len(whole) // 2])
    (source,) = _find(target, root).folders
    assert len(source.photos) == 5
    assert sorted(skip.path.name for skip in source.skipped) == ["0100.png", "text.jpg"]


def test_near_duplicates_of_target_photos_are_left_out(target: Dataset, tmp_path: Path) -> None:
    root = write_photos(tmp_path / "source", count=4, first=100)
    twin = target.photos[0].path
    shutil.copy(twin, root / "cats" / "copy.png")
    Image.open(twin).resize((60, 60)).save(root / "cats" / "larger.jpg", quality=90)
    (source,) = _find(target, root).folders
    assert len(source.photos) == 8
    assert sorted(pair.path.name for pair in source.duplicates) == ["copy.png", "larger.jpg"]
    assert {pair.of for pair in source.duplicates} == {twin}
    assert list(source.notes()) == [
        f"note: {root}: 2 photos are left out: the target or an earlier source has near duplicates"
    ]


def test_near_duplicates_in_two_sources_count_once_and_within_one_as_they_are(target: Dataset, tmp_path: Path) -> None:
    first = write_photos(tmp_path / "first", count=4, first=100)
    second = write_photos(tmp_path / "second", count=4, first=200)
    shutil.copy(first / "dogs" / "0101.png", second / "dogs" / "again.png")
    image(77).save(second / "cats" / "one.png")
    image(77).resize((80, 80)).save(second / "cats" / "two.png")
    sources = _find(target, first, second)
    assert [len(source.photos) for source in sources.folders] == [8, 10]
    assert [pair.path.name for pair in sources.folders[1].duplicates] == ["again.png"]


def test_a_source_that_shows_nothing_new_is_an_error(target: Dataset, tmp_path: Path) -> None:
    root = Path(shutil.copytree(target.root, tmp_path / "copied"))
    with pytest.raises(DatasetError, match=f"every photo in '{root}' is a near duplicate of a photo of {target.root}"):
        _find(target, root)
    write_photos(root, ("cats",), 2, first=100)
    with pytest.raises(DatasetError, match="near duplicates") as caught:
        _find(target, root)
    assert "'dogs'" in caught.value.what
    assert "'cats'" not in caught.value.what


def test_few_photos_of_each_class_calibrate_the_backbone(target: Dataset, tmp_path: Path) -> None:
    sources = _find(target, write_photos(tmp_path / "source", count=30, first=100))
    calibrating = sources.calibrating
    assert len(calibrating) == 16
    assert [photo.label for photo in calibrating] == [0, 1] * 8


def test_folders_that_contain_each_other_are_refused(tmp_path: Path) -> None:
    target = write_photos(tmp_path / "target", count=1)
    other = write_photos(tmp_path / "other", count=1)
    link = tmp_path / "link"
    link.symlink_to(target)
    for sources, match, line in (
        ((target,), None, "--source: {target} is the target itself"),
        ((link,), None, "--source: {link} is the target itself"),
        ((target / "cats",), None, "--source: {target}/cats is inside {target}, where it would count as a class"),
        ((tmp_path,), None, "--source: {target} is inside {tmp_path}, where it would count as a class"),
        ((other, other / "cats"), None, "--source: {other}/cats is inside {other}"),
        ((other / "cats", other), None, "--source: {other}/cats is inside {other}"),
        ((other,), target / "dogs", "--match: {target}/dogs is inside {target}"),
    ):
        with pytest.raises(OptionError) as caught:
            check_places(target, sources, match)
        expected = line.format(target=target, link=link, other=other, tmp_path=tmp_path)
        assert str(caught.value).startswith(expected)
        assert caught.value.exit_status == 2
    check_places(target, (other,), target)
    check_places(target, (other, tmp_path / "otherwise"), other)
