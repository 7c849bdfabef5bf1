from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from graft_device.errors import DatasetError
from graft_host.photos.dataset import Dataset, scan
from tests.support.host_data import image_bytes, open_folder, without_privileges, write_photos


def _names(dataset: Dataset) -> list[str]:
    return [str(photo.path.relative_to(dataset.root)) for photo in dataset.photos]


def _reasons(dataset: Dataset) -> dict[str, str]:
    return {str(skip.path.relative_to(dataset.root)): skip.reason for skip in dataset.skipped}


def test_a_scanned_photo_has_its_size_and_no_group_yet(tmp_path: Path) -> None:
    write_photos(tmp_path, count=1)
    (tmp_path / "cats" / "wide.png").write_bytes(image_bytes(5, width=70, height=30))
    photos = {photo.path.name: photo for photo in scan(tmp_path, 1).photos}
    assert photos["wide.png"].size == (70, 30)
    assert photos["wide.png"].group == ""
    assert photos["wide.png"].place == photos["wide.png"].digest


# Scanning


def test_labels_are_the_class_folders_in_code_point_order(tmp_path: Path) -> None:
    names = [
        "Zebra",
        "ape",
        'it\'s "quoted"',
        "two words",
        "ключ",
        "ねじ",
        "می\N{ZERO WIDTH NON-JOINER}خواهم",
        "全\u3000角",
    ]
    write_photos(tmp_path, names, count=1)
    dataset = scan(tmp_path, 2)
    assert dataset.labels == tuple(sorted(names))
    assert [dataset.labels[photo.label] for photo in dataset.photos] == sorted(names)
    assert all(photo.path.parent.name == dataset.labels[photo.label] for photo in dataset.photos)


def test_nested_folders_count_as_their_class_and_hidden_names_do_not(tmp_path: Path) -> None:
    write_photos(tmp_path, ["a", "b", "b/deep/er", ".hidden", "a/.thumbs", "b/deep/.x/y"], count=1)
    (tmp_path / "a" / ".0000.png").write_bytes(image_bytes(1))
    dataset = scan(tmp_path, 2)
    assert _names(dataset) == ["a/0000.png", "b/0000.png", "b/deep/er/0000.png"]
    assert [photo.label for photo in dataset.photos] == [0, 1, 1]
    assert dataset.skipped == ()


def test_service_folders_and_files_of_systems_are_neither_classes_nor_photos_nor_problems(tmp_path: Path) -> None:
    services = [
        "@eaDir",
        "#recycle",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "__MACOSX",
        "#Snapshot",
    ]
    write_photos(
        tmp_path, ["a", "b", *services, *(f"a/{name}" for name in services), "b/deep/@EADIR/0000.png"], count=1
    )
    for place in (tmp_path, tmp_path / "a"):
        for name in ("Thumbs.db", "desktop.ini", "._0000.png", "Icon\r", "0000.png@SynoEAStream"):
            (place / name).write_bytes(b"no photo")
    dataset = scan(tmp_path, 2)
    assert dataset.labels == ("a", "b")
    assert _names(dataset) == ["a/0000.png", "b/0000.png"]
    assert dataset.skipped == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF"])
def test_every_kind_of_image_is_used_whatever_its_name(tmp_path: Path, kind: str) -> None:
    write_photos(tmp_path, count=1)
    (tmp_path / "cats" / "photo.dat").write_bytes(image_bytes(9, kind))
    assert "cats/photo.dat" in _names(scan(tmp_path, 1))


def test_the_order_is_that_of_the_names_whatever_the_threads(tmp_path: Path) -> None:
    write_photos(tmp_path, count=40)
    single, many = scan(tmp_path, 1), scan(tmp_path, 8)
    assert single == many
    assert _names(single) == sorted(_names(single))


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", count=1)
    elsewhere = write_photos(tmp_path / "elsewhere", ["more"], count=1, first=50)
    (root / "cats" / "linked").symlink_to(elsewhere / "more", target_is_directory=True)
    (root / "cats" / "up").symlink_to("..", target_is_directory=True)
    (root / "cats" / "here").symlink_to(".", target_is_directory=True)
    (root / "cats" / "loop").symlink_to("loop")
    (root / "cats" / "gone.png").symlink_to("nowhere.png")
    (root / "birds").symlink_to(elsewhere / "more", target_is_directory=True)
    dataset = scan(root, 1)
    assert dataset.labels == ("birds", "cats", "dogs")
    names = _names(dataset)
    assert {"birds/0050.png", "cats/0000.png", "cats/linked/0050.png", "dogs/0000.png"} <= set(names)
    assert len(names) < 20
    assert "symbolic link" in _reasons(dataset)["cats/loop"]
    assert "no such file" in _reasons(dataset)["cats/gone.png"]


def test_pipes_are_skipped_without_waiting_for_them(tmp_path: Path) -> None:
    write_photos(tmp_path, count=1)
    os.mkfifo(tmp_path / "cats" / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    dataset = scan(tmp_path, 1)
    assert _reasons(dataset) == {"cats/pipe.jpg": "a named pipe, not a file", "pipe": "is outside the class folders"}


def test_files_outside_the_class_folders_are_listed(tmp_path: Path) -> None:
    write_photos(tmp_path, count=1)
    (tmp_path / "stray.png").write_bytes(image_bytes(3))
    dataset = scan(tmp_path, 1)
    assert _reasons(dataset) == {"stray.png": "is outside the class folders"}
    assert len(dataset.photos) == 2


def test_files_that_are_not_photos_are_listed_with_the_reason(tmp_path: Path) -> None:
    write_photos(tmp_path, count=1)
    cats = tmp_path / "cats"
    (cats / "text.jpg").write_text("Dear diary")
    (cats / "empty.jpg").touch()
    (cats / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (cats / "two\nlines.jpg").write_text("x")
    (cats / os.fsdecode(b"not \xff utf-8.jpg")).write_text("x")
    (cats / "huge.bmp").write_bytes(_bmp_header(60_000, 60_000))
    reasons = _reasons(scan(tmp_path, 2))
    assert reasons["cats/empty.jpg"] == "the file is empty"
    assert reasons["cats/text.jpg"] == "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image"
    assert reasons["cats/phone.heic"] == "the image is cut short or damaged"
    assert "too large" in reasons["cats/huge.bmp"]
    assert "cats/two\nlines.jpg" in reasons
    assert len(reasons) == 6


def _bmp_header(width: int, height: int) -> bytes:
    data = bytearray(image_bytes(1, "BMP"))
    data[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return bytes(data)


def test_photos_with_strange_names_are_photos(tmp_path: Path) -> None:
    write_photos(tmp_path, count=1)
    names = ["two\nlines.png", 'it\'s "quoted" 100%.png', "ねじ.png", os.fsdecode(b"not \xff utf-8.png"), "-o"]
    for index, name in enumerate(names):
        (tmp_path / "cats" / name).write_bytes(image_bytes(70 + index))
    assert {f"cats/{name}" for name in names} <= set(_names(scan(tmp_path, 2)))


def test_a_photo_cut_short_inside_is_found_by_the_scan_and_dropped_when_it_fails(tmp_path: Path) -> None:
    write_photos(tmp_path, count=2)
    cut = tmp_path / "cats" / "cut.jpg"
    cut.write_bytes(image_bytes(4, "JPEG", width=200, height=200)[:-600])
    twin = tmp_path / "dogs" / "twin.jpg"
    shutil.copy(cut, twin)
    dataset = scan(tmp_path, 1)
    assert len(dataset.photos) == 6
    digest = next(photo.digest for photo in dataset.photos if photo.path == cut)
    rest = dataset.without({digest: "the image is cut short"})
    assert _names(rest) == ["cats/0000.png", "cats/0001.png", "dogs/0000.png", "dogs/0001.png"]
    assert _reasons(rest) == {"cats/cut.jpg": "the image is cut short", "dogs/twin.jpg": "the image is cut short"}
    assert (rest.root, rest.labels) == (dataset.root, dataset.labels)
    assert dataset.without({}) == dataset


# Refused folders


@pytest.mark.parametrize("classes", [[], ["only"]])
def test_fewer_than_two_classes(tmp_path: Path, classes: list[str]) -> None:
    write_photos(tmp_path, classes, count=2)
    (tmp_path / "0000.png").write_bytes(image_bytes(1))
    with pytest.raises(DatasetError, match=f"has {len(classes)} class folders?, but at least two are needed; put each"):
        scan(tmp_path, 1)


def test_an_empty_class_is_named_with_its_own_reasons_only(tmp_path: Path) -> None:
    write_photos(tmp_path, ["cats", "dogs"], count=1)
    (tmp_path / "dogs" / "notes.txt").write_text("x")
    (tmp_path / "Thumbs.db").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").touch()
    (tmp_path / "bad" / "b.jpg").touch()
    with pytest.raises(DatasetError) as caught:
        scan(tmp_path, 1)
    message = str(caught.value)
    assert message.startswith("no readable photo in 'bad' and 'empty' in ")
    assert message.endswith("; add photos or remove the folders")
    assert "(2 x the file is empty)" in message
    assert "outside the class" not in message
    assert "not a JPEG" not in message


def test_nothing_readable(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.jpg").write_text("text")
    with pytest.raises(DatasetError, match=r"no readable photo in .*2 x not a JPEG.*; put photos into"):
        scan(tmp_path, 1)


@pytest.mark.parametrize("name", ["missing", "file", "x" * 300])
def test_a_path_that_is_not_a_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=rf"{name}"):
        scan(tmp_path / name, 1)


def test_classes_that_differ_only_by_case(tmp_path: Path) -> None:
    write_photos(tmp_path, ["Cats", "birds", "cats"], count=1)
    with pytest.raises(DatasetError, match=r"'Cats' and 'cats'.*only in case"):
        scan(tmp_path, 1)


@pytest.mark.parametrize(
    "name", [b"two\nlines", b"tab\tbed", b"not \xff utf-8", "line\u2028separator".encode(), b"\x1b[31m"]
)
def test_a_class_name_that_cannot_be_printed_is_refused_in_one_line(tmp_path: Path, name: bytes) -> None:
    write_photos(tmp_path, ["cats", os.fsdecode(name)], count=1)
    with pytest.raises(DatasetError, match="; rename it") as caught:
        scan(tmp_path, 1)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111])
@pytest.mark.parametrize("where", [".", "cats", "cats/inner"])
def test_a_folder_that_this_user_may_not_list(mode: int, where: str) -> None:
    with open_folder() as folder:
        root = write_photos(folder / "photos", ["cats", "dogs", "cats/inner/most"], count=1)
        (root / where).chmod(mode)
        with (
            without_privileges(),
            pytest.raises(DatasetError, match=r"cannot list .*: permission denied; change its permissions"),
        ):
            scan(root, 1)


def test_photos_in_a_folder_that_may_only_be_listed_are_skipped() -> None:
    with open_folder() as folder:
        write_photos(folder, ["cats", "dogs", "cats/inner"], count=1)
        (folder / "cats" / "inner").chmod(0o444)
        with without_privileges():
            assert _reasons(scan(folder, 1)) == {"cats/inner/0000.png": "permission denied"}


def test_a_photo_that_this_user_may_not_read_is_skipped() -> None:
    with open_folder() as folder:
        write_photos(folder, count=2)
        (folder / "cats" / "0000.png").chmod(0)
        with without_privileges():
            dataset = scan(folder, 1)
        assert _reasons(dataset) == {"cats/0000.png": "permission denied"}
        assert len(dataset.photos) == 3
