"""The photos of a studio."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from graft_device.errors import PhotoError
from graft_host.sorting.applying import take_back
from graft_host.sorting.locking import locked
from graft_host.sorting.options import SortOptions
from graft_host.sorting.places import check_folders
from graft_host.studio.album.album import Album
from graft_host.studio.album.state import AlbumState
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import open_project
from tests.support.host_data import image_bytes
from tests.support.quiet import QuietReporter


def an_album(root: Path) -> Album:
    """The photos of a project in a folder; a new process would have the same."""
    return Album(open_project(root / "pets"), root / "cache")


def filled(root: Path) -> Album:
    """An album with two photos of cats and one of a dog."""
    album = an_album(root)
    for seed, (label, name) in enumerate([("cat", "a.png"), ("cat", "b.png"), ("dog", "c.png")]):
        assert album.add(label, name, image_bytes(seed)) is not None
    return album


def shown(state: AlbumState) -> dict[str, list[str]]:
    """The ids by label, in order."""
    classes = (*state.classes, *([state.unknown] if state.unknown else []))
    return {one.label: sorted(photo.id for photo in one.photos) for one in classes}


def test_photos_are_added_moved_and_binned_and_every_change_is_undone_even_after_a_restart(tmp_path: Path) -> None:
    album = filled(tmp_path)
    start = shown(album.state())
    assert start == {"cat": ["cat/a.png", "cat/b.png"], "dog": ["dog/c.png"]}
    assert album.move(["cat/a.png"], "dog") == 1
    assert album.move(["cat/b.png"], "Unknown") == 1
    assert album.delete(["dog/c.png"]) == 1
    state = album.state()
    assert shown(state) == {"cat": [], "dog": ["dog/a.png"], "unknown": ["unknown/b.png"]}
    assert (state.binned, state.undo, state.redo) == (1, "1 picture to the bin", None)

    album = an_album(tmp_path)
    assert [album.undo() for _ in range(3)] == ["1 picture to the bin", "1 picture to unknown", "1 picture to dog"]
    assert shown(album.state()) == start
    assert album.redo() == "1 picture to dog"
    assert shown(album.state())["dog"] == ["dog/a.png", "dog/c.png"]
    for _ in range(4):
        assert album.undo() is not None
    assert album.undo() is None
    state = album.state()
    assert (shown(state), state.binned) == ({}, 3)


def test_classes_are_added_renamed_merged_and_deleted_in_one_step_each(tmp_path: Path) -> None:
    album = filled(tmp_path)
    (tmp_path / "pets/photos/cat/.hidden").write_text("of a system")
    (tmp_path / "pets/photos/cat/2024").mkdir()
    (tmp_path / "pets/photos/cat/2024/d.png").write_bytes(image_bytes(9))
    assert album.add_class(" bird ") == "bird"
    assert album.state().undo == "the class bird"
    assert album.rename_class("cat", "feline") == "feline"
    assert shown(album.refresh()) == {
        "bird": [], "dog": ["dog/c.png"], "feline": ["feline/2024/d.png", "feline/a.png", "feline/b.png"],
    }  # fmt: skip
    assert not (tmp_path / "pets/photos/cat").exists()
    assert album.rename_class("feline", "dog") == "dog"
    assert len(shown(album.state())["dog"]) == 4
    album.delete_class("bird")
    album.delete_class("dog")
    assert (shown(album.state()), album.state().binned) == ({}, 4)
    assert album.undo() == "5 pictures to the bin"
    assert album.undo() == "the class bird"
    assert album.undo() == "4 pictures to dog"
    assert sorted(shown(album.state())) == ["bird", "dog", "feline"]
    assert album.undo() == "4 pictures to feline"
    assert album.undo() == "the class bird"
    assert shown(album.state()) == {"cat": ["cat/2024/d.png", "cat/a.png", "cat/b.png"], "dog": ["dog/c.png"]}
    assert (tmp_path / "pets/photos/cat/.hidden").read_text() == "of a system"


def test_a_recording_is_one_step_and_the_same_picture_is_added_once(tmp_path: Path) -> None:
    album = filled(tmp_path)
    for seed in range(20, 26):
        assert album.add("cat", "frame.jpg", image_bytes(seed, "JPEG"), series="recording 1") is not None
        assert album.add("cat", "again.jpg", image_bytes(seed, "JPEG"), series="recording 1") is None
    state = album.state()
    assert state.undo == "6 pictures to cat"
    assert state.undo_change is not None
    assert (state.undo_change.photos, state.undo_change.kind, state.undo_change.label) == (6, "class", "cat")
    assert "cat/frame-6.jpg" in shown(state)["cat"]
    album = an_album(tmp_path)
    assert album.undo() == "6 pictures to cat"
    assert shown(album.state())["cat"] == ["cat/a.png", "cat/b.png"]
    assert album.redo() == "6 pictures to cat"
    assert len(shown(album.state())["cat"]) == 8


def test_photos_that_are_dropped_together_are_taken_back_together_whatever_their_classes(tmp_path: Path) -> None:
    album = an_album(tmp_path)
    for seed, label in enumerate(["cat", "dog", "cat", "unknown"]):
        album.add(label, "dropped.png", image_bytes(seed), series="one drop")
    change = album.state().undo_change
    assert change is not None
    assert (change.photos, change.kind, change.label, change.text) == (4, "classes", "3", "4 pictures to 3 classes")
    assert album.undo() == "4 pictures to 3 classes"
    assert (shown(album.state()), album.state().binned) == ({}, 4)
    assert album.state().redo == "4 pictures to 3 classes"
    assert album.redo() == "4 pictures to 3 classes"
    assert {label: len(ids) for label, ids in shown(album.state()).items()} == {"cat": 2, "dog": 1, "unknown": 1}


def test_graft_sort_takes_back_what_the_studio_moved_and_the_studio_sees_it(tmp_path: Path) -> None:
    album = filled(tmp_path)
    album.move(["cat/a.png"], "dog")
    options = SortOptions(inbox=tmp_path / "pets/inbox", photos=tmp_path / "pets/photos", cache=tmp_path / "cache")
    take_back(options, QuietReporter())
    state = album.refresh()
    assert shown(state)["cat"] == ["cat/a.png", "cat/b.png"]
    assert (state.undo, state.redo) == ("1 picture to dog", "1 picture to dog")
    lock = locked(check_folders(options.inbox, options.photos), 0)
    assert lock is not None
    with lock, pytest.raises(StudioError, match="sorted by another program"):
        album.move(["cat/a.png"], "dog")
    assert album.move(["cat/a.png"], "dog") == 1


def test_photos_that_another_program_adds_show_up_and_pages_are_told(tmp_path: Path) -> None:
    album = filled(tmp_path)
    told: list[str] = []
    before = album.state()
    album.changed.subscribe(lambda: told.append("changed"))
    assert album.refresh().revision == before.revision
    assert told == []
    (tmp_path / "pets/photos/cat/z.JPG").write_bytes(image_bytes(7, "JPEG"))
    (tmp_path / "pets/photos/cat/z.json").write_text("{}")
    (tmp_path / "pets/photos/cat/@eaDir").mkdir()
    (tmp_path / "pets/photos/cat/@eaDir/z.JPG").write_bytes(b"thumbnail")
    state = album.refresh()
    assert state.revision != before.revision
    assert told == ["changed"]
    assert state.classes[0].photos[0].id == "cat/z.JPG"
    assert shown(state)["cat"] == ["cat/a.png", "cat/b.png", "cat/z.JPG"]
    os.utime(tmp_path / "pets/photos/cat", ns=(0, 0))
    assert album.refresh() is not None


def test_labels_are_composed_and_photos_stay_in_their_part_of_the_split(tmp_path: Path) -> None:
    root = tmp_path / "pets/photos"
    for number, folder in enumerate(["train/cafe\u0301", "train/tea", "test/cafe\u0301", "test/tea"]):
        (root / folder).mkdir(parents=True)
        (root / folder / f"{number}.png").write_bytes(image_bytes(number))
    album = an_album(tmp_path)
    assert [one.label for one in album.state().classes] == ["caf\u00e9", "tea"]
    assert album.move(["test/tea/3.png"], "caf\u00e9") == 1
    assert album.add("tea", "new.png", image_bytes(5)) is not None
    assert shown(album.state()) == {
        "caf\u00e9": ["test/cafe\u0301/2.png", "test/cafe\u0301/3.png", "train/cafe\u0301/0.png"],
        "tea": ["train/tea/1.png", "train/tea/new.png"],
    }  # fmt: skip
    assert album.rename_class("caf\u00e9", "coffee") == "coffee"
    assert shown(album.state())["coffee"] == ["test/coffee/2.png", "test/coffee/3.png", "train/coffee/0.png"]


@pytest.mark.parametrize(
    "photo_id",
    ["../studio.toml", "cat/../../outside.png", "/etc/passwd", "cat/\0.png", "", "cat", "cat//a.png", "cat/./a.png",
     ".bin/a.png", "out/secret.png", "cat/link.png", "cat/up/secret.png"],
)  # fmt: skip
def test_nothing_outside_the_project_is_shown_moved_or_written(tmp_path: Path, photo_id: str) -> None:
    album = filled(tmp_path)
    outside, photos = tmp_path / "outside", tmp_path / "pets/photos"
    outside.mkdir()
    (outside / "secret.png").write_bytes(image_bytes(1))
    (photos / "out").symlink_to(outside)
    (photos / "cat/up").symlink_to(outside)
    (photos / "cat/link.png").symlink_to(outside / "secret.png")
    state = album.refresh()
    assert shown(state) == {"cat": ["cat/a.png", "cat/b.png"], "dog": ["dog/c.png"]}
    assert len(state.refused) == 3
    for act in (album.path, album.thumbnail, album.picture):
        with pytest.raises(StudioError):
            act(photo_id)
    with contextlib.suppress(StudioError):
        assert album.move([photo_id], "dog") == 0
    with contextlib.suppress(StudioError):
        assert album.delete([photo_id]) == 0
    for label in ("out", "../outside", "a/b", ".hidden", "train", "x" * 300):
        with pytest.raises(StudioError):
            album.add(label, "new.png", image_bytes(40))
    assert [path.name for path in outside.iterdir()] == ["secret.png"]
    assert (outside / "secret.png").read_bytes() == image_bytes(1)
    assert not list((tmp_path / "pets/inbox/.bin").rglob("*.*"))


def test_a_bin_that_leads_out_of_the_project_is_not_written_to(tmp_path: Path) -> None:
    album = filled(tmp_path)
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "pets/inbox/.bin/cat").rmdir()
    (tmp_path / "pets/inbox/.bin/cat").symlink_to(outside)
    with pytest.raises(StudioError, match="leads out of the project"):
        album.delete(["cat/a.png"])
    with pytest.raises(StudioError, match="leads out of the project"):
        album.add("cat", "n.png", image_bytes(8))
    assert album.undo() == "1 picture to dog"
    with pytest.raises(StudioError, match="leads out of the project"):
        album.undo()
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"hello", image_bytes(1)[:60], image_bytes(1, "JPEG")[:-400]])
def test_what_is_no_photo_leaves_nothing_behind(tmp_path: Path, content: bytes) -> None:
    album = an_album(tmp_path)
    with pytest.raises(PhotoError):
        album.add("cat", "a.jpg", content)
    assert [path for path in (tmp_path / "pets").rglob("*") if path.is_file()] == []
    assert album.state().classes == ()


def test_a_second_studio_leaves_alone_what_is_on_its_way_into_the_first(tmp_path: Path) -> None:
    with an_album(tmp_path) as first:
        half = first.incoming.folder / "upload-half"
        half.write_bytes(b"half")
        with an_album(tmp_path) as second:
            assert second.add("cat", "a.png", image_bytes(1)) is not None
        assert half.exists()
    assert not half.exists()
    left = tmp_path / "pets/.studio/incoming/studio-killed"
    left.mkdir()
    (left / "upload-half").write_bytes(b"half")
    with an_album(tmp_path) as third:
        assert not left.exists()
        assert shown(third.state()) == {"cat": ["cat/a.png"]}
