from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from graft_host.evaluation.kept_aside import photos_to_test
from graft_host.photos.dataset import scan
from graft_host.photos.fingerprints import fingerprints
from graft_host.photos.near_duplicates import grouped
from graft_host.photos.split import RecordedSplit, split
from graft_host.photos.split_rule import SplitRule
from tests.support.copies import jpeg
from tests.support.host_data import image, photo, write_photos
from tests.support.quiet import QuietReporter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graft_host.photos.dataset import Photo
    from graft_host.photos.split import Split

RULE = SplitRule(test_percent=30, validation_percent=20)
ALIKE = "left out 1 photo: added after training, but a near duplicate of a photo that it may have used"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos", count=20)


def _trained(root: Path, scratch: Path) -> tuple[Split, RecordedSplit]:
    """The split of a training run, and the split as a model card records it."""
    dataset = scan(root, 2)
    prints = fingerprints(dataset.photos, scratch, 2, lambda _done, _total: None)
    parts = split(grouped(dataset, prints, 2), RULE)
    return parts, RecordedSplit.read(json.loads(json.dumps(parts.record(RULE))))


def _tested(root: Path, recorded: RecordedSplit) -> tuple[set[str], list[str]]:
    """Digests of the photos to test on, and the notes."""
    reporter = QuietReporter()
    return {p.digest for p in photos_to_test(scan(root, 2), recorded, 2, reporter)}, reporter.notes


def _add(folder: Path, part: str, data: Callable[[int], bytes]) -> Photo:
    """Writes the first variant of a picture that the rule puts into the given part."""
    for number in range(200):
        path = folder / "added.jpg"
        path.write_bytes(data(number))
        if RULE.part(photo(path).digest) == part:
            return photo(path)
    raise AssertionError


def _copies(original: Photo) -> Callable[[int], bytes]:
    picture = Image.open(original.path).convert("RGB")
    return lambda number: jpeg(picture.resize((80 + number // 20, 80)), 75 + number % 20)


def test_the_photos_of_the_run_are_recognized_by_content_without_comparing_any(root: Path, cache: Path) -> None:
    parts, recorded = _trained(root, cache.with_name("other"))
    for index, path in enumerate(sorted(root.glob("*/*.png"))):
        path.rename(path.with_name(f"renamed {index}.jpg"))
    assert _tested(root, recorded) == ({p.digest for p in parts.test}, [])
    assert not cache.exists()


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_new_near_duplicate_of_a_training_photo_is_no_test_photo(root: Path, cache: Path, part: str) -> None:
    parts, recorded = _trained(root, cache)
    added = _add(root / "dogs", "test", _copies(parts.parts[part][0]))
    assert RULE.part(added.digest) == "test"
    assert _tested(root, recorded) == ({p.digest for p in parts.test}, [ALIKE])


def test_a_training_photo_that_the_rule_alone_would_test_on_never_becomes_a_test_photo(root: Path, cache: Path) -> None:
    trained = next(p for p in scan(root, 1).photos if RULE.part(p.digest) == "train")
    added = _add(root / "dogs", "test", _copies(trained))
    while min(added.digest, trained.digest) != trained.digest:  # the group is named after the smallest digest
        (root / "dogs" / "added.jpg").unlink()
        trained = next(p for p in scan(root, 1).photos if RULE.part(p.digest) == "train" and p.digest > trained.digest)
        added = _add(root / "dogs", "test", _copies(trained))
    parts, recorded = _trained(root, cache)
    assert added.digest in {p.digest for p in parts.train}
    trained.path.unlink()  # only the copy is left, in another folder and under another name
    (root / "dogs" / "added.jpg").rename(root / "cats" / "other.jpg")
    assert _tested(root, recorded) == ({p.digest for p in parts.test}, [])


def test_test_photos_stay_test_photos_whatever_is_added(root: Path, cache: Path) -> None:
    parts, recorded = _trained(root, cache)
    _add(root / "dogs", "train", _copies(parts.test[0]))
    (root / "dogs" / "added.jpg").rename(root / "dogs" / "a copy that the rule would train on.jpg")
    _add(root / "dogs", "test", lambda number: jpeg(image(5000 + number)))
    tested, notes = _tested(root, recorded)
    assert {p.digest for p in parts.test} < tested
    assert len(tested) == len(parts.test) + 1
    assert notes == []


def test_the_test_photos_of_a_group_that_had_to_be_divided_count(tmp_path: Path, cache: Path) -> None:
    root = write_photos(tmp_path / "photos", ["cats"], count=20)
    (root / "dogs").mkdir()
    for number in range(12):
        (root / "dogs" / f"{number}.jpg").write_bytes(jpeg(image(7, 80, 80), 80 + number))
    parts, recorded = _trained(root, cache)
    assert len(parts.divided) == 1
    assert {p.label for p in parts.test} == {0, 1}
    _add(root / "dogs", "test", lambda number: jpeg(image(7, 80, 80), 40 + number))
    assert _tested(root, recorded) == ({p.digest for p in parts.test}, [ALIKE])


def test_a_cache_that_cannot_be_used_is_not_needed(root: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts, recorded = _trained(root, cache)
    _add(root / "dogs", "test", _copies(parts.train[0]))
    monkeypatch.setenv("GRAFT_CACHE", "/dev/null/none")
    assert _tested(root, recorded) == ({p.digest for p in parts.test}, [ALIKE])


def test_without_a_list_of_test_photos_the_rule_alone_decides(root: Path, cache: Path) -> None:
    parts, _ = _trained(root, cache)
    earlier = parts.record(RULE)
    del earlier["test"]
    added = _add(root / "dogs", "test", _copies(parts.train[0]))
    tested, notes = _tested(root, RecordedSplit.read(earlier))
    assert tested == {p.digest for p in parts.test} | {added.digest}
    assert notes == []
