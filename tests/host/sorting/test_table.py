from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from graft_host.sorting.options import SortOptions
from graft_host.sorting.state import Destination, SortError, TableState
from graft_host.sorting.table import SortingTable, open_table
from tests.support.host_data import image_bytes
from tests.support.quiet import QUIET

CATS, DOGS = Destination("class", "cats"), Destination("class", "dogs")
INBOX, BIN, UNKNOWN = Destination("inbox"), Destination("bin"), Destination("unknown")


def opened(root: Path) -> SortingTable:
    """The table of ``inbox`` and ``photos`` in a folder."""
    options = SortOptions(
        inbox=root / "inbox", photos=root / "photos", weights="random", cache=root / "cache", threads=2
    )
    return open_table(options, QUIET)


def fill(folder: Path, *numbers: int) -> None:
    """Writes pictures, each named after its number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number}.png").write_bytes(image_bytes(number))
        os.utime(folder / f"{number}.png", ns=(10**18 + number, 10**18 + number))


def pictures(root: Path) -> dict[str, tuple[str, int]]:
    """The content and time of each picture in the inbox, the bin and the photos, by its path."""
    return {
        path.relative_to(root).as_posix(): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in root.glob("*/**/*.png")
        if path.is_file()
    }


def ids(state: TableState) -> dict[str, str]:
    """The id of each picture in the inbox by its name."""
    return {picture.name: picture.id for group in state.groups for picture in group.pictures}


def counts(state: TableState) -> dict[str, int]:
    """The number of photos of each class."""
    return {count.label: count.photos for count in state.classes}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three pictures at two depths in the inbox, and a photo of each of two classes."""
    fill(tmp_path / "inbox", 1, 2)
    fill(tmp_path / "inbox" / "kitchen" / "captured" / "cats", 3)
    fill(tmp_path / "photos" / "cats", 10)
    fill(tmp_path / "photos" / "dogs", 11)
    return tmp_path


def test_moved_pictures_keep_their_bytes_and_times_and_come_back_after_a_restart(root: Path) -> None:
    before = pictures(root)
    with opened(root) as table:
        known = ids(table.state())
        table.move([known["1.png"], known["kitchen/captured/cats/3.png"]], CATS)
        moved = table.move([known["2.png"]], BIN)
        assert moved.pictures == (known["2.png"],)
        state = table.state()
        assert counts(state) == {"cats": 3, "dogs": 1}
        assert (state.binned, state.moved, state.undo, state.redo) == (1, 3, "1 picture to the bin", None)
        assert not state.groups
        assert table.picture(known["1.png"]) == root / "photos" / "cats" / "1.png"
    after = pictures(root)
    assert sorted(after) == [
        "inbox/.bin/2.png", "photos/cats/1.png", "photos/cats/10.png", "photos/cats/3.png", "photos/dogs/11.png",
    ]  # fmt: skip
    assert sorted(after.values()) == sorted(before.values())
    with opened(root) as table:
        assert table.state().binned == 1
        assert table.undo() is not None
        undone = table.undo()
        assert undone is not None
        assert undone.text == "2 pictures to cats"
        assert set(ids(table.state())) == {"1.png", "2.png", "kitchen/captured/cats/3.png"}
        assert pictures(root) == before
    with opened(root) as table:
        assert table.state().undo is None
        assert table.redo() is not None
        assert counts(table.state()) == {"cats": 3, "dogs": 1}
        table.redo()
        assert table.redo() is None
    assert pictures(root) == after


def test_a_name_that_is_taken_is_never_replaced(root: Path) -> None:
    fill(root / "photos" / "cats", 1)
    (root / "photos" / "cats" / "1.png").write_bytes(image_bytes(99))
    fill(root / "inbox" / "hall", 2)
    (root / "inbox" / "hall" / "2.png").write_bytes(image_bytes(98))
    with opened(root) as table:
        table.move([*ids(table.state()).values()], CATS)
    assert sorted(path.name for path in (root / "photos" / "cats").iterdir()) == [
        "1-2.png", "1.png", "10.png", "2-2.png", "2.png", "3.png",
    ]  # fmt: skip
    assert (root / "photos" / "cats" / "1.png").read_bytes() == image_bytes(99)


def test_a_new_class_gets_its_folder_with_its_first_picture_and_loses_it_with_the_last(root: Path) -> None:
    with opened(root) as table:
        label = table.add_class("bi\u0308rds")
        assert label == "b\u00efrds"
        assert not (root / "photos" / label).exists()
        table.move([ids(table.state())["1.png"]], Destination("class", label))
        assert (root / "photos" / label / "1.png").exists()
        table.undo()
        assert not (root / "photos" / label).exists()
        for name in ("", "cats", "Cats", "a/b", ".hidden", "unknown", "train", "x\ny", "n" * 300):
            with pytest.raises(SortError):
                table.add_class(name)
        with pytest.raises(SortError, match="there is no class 'fish'"):
            table.move([*ids(table.state()).values()], Destination("class", "fish"))


def test_a_picture_that_was_changed_or_removed_by_hand_is_left_and_named(root: Path) -> None:
    with opened(root) as table:
        known = ids(table.state())
        (root / "inbox" / "1.png").write_bytes(image_bytes(50))
        (root / "inbox" / "2.png").unlink()
        moved = table.move([*known.values()], DOGS)
        assert {left.name: left.reason for left in moved.left} == {
            "1.png": "it was changed meanwhile", "2.png": "it is no longer there",
        }  # fmt: skip
        assert (root / "inbox" / "1.png").read_bytes() == image_bytes(50)
        (root / "photos" / "dogs" / "3.png").write_bytes(image_bytes(51))
        undone = table.undo()
        assert undone is not None
        assert [left.reason for left in undone.left] == ["it was changed meanwhile"]
        assert (root / "photos" / "dogs" / "3.png").read_bytes() == image_bytes(51)


def test_grouping_again_learns_from_what_was_sorted_meanwhile(tmp_path: Path) -> None:
    fill(tmp_path / "inbox", *range(12))
    for number in range(6):  # darker copies would be near duplicates: these only share their colours
        grey = Image.open(tmp_path / "inbox" / f"{number}.png").convert("L").convert("RGB")
        grey.save(tmp_path / "inbox" / f"{number}.png")
    with opened(tmp_path) as table:
        known = ids(table.state())
        assert {group.kind for group in table.state().groups} == {"cluster"}
        for label, numbers in {"grey": range(4), "coloured": range(6, 10)}.items():
            table.add_class(label)
            table.move([known[f"{number}.png"] for number in numbers], Destination("class", label))
        table.regroup()
        groups = {group.label: [picture.name for picture in group.pictures] for group in table.state().groups}
        assert {label: sorted(names) for label, names in groups.items()} == {
            "coloured": ["10.png", "11.png"], "grey": ["4.png", "5.png"],
        }  # fmt: skip
        table.undo()
        assert len(ids(table.state())) == 8


def test_two_tables_of_an_inbox_exclude_each_other(root: Path) -> None:
    with opened(root), pytest.raises(SortError, match="is being sorted by another"):
        opened(root)
    opened(root).__exit__()


def test_the_state_is_plain_json(root: Path) -> None:
    with opened(root) as table:
        raw = json.loads(json.dumps(table.state().to_json()))
    assert raw["classes"] == [{"label": "cats", "photos": 1}, {"label": "dogs", "photos": 1}]
    assert {picture["name"] for group in raw["groups"] for picture in group["pictures"]} >= {"1.png", "2.png"}
