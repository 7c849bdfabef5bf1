from __future__ import annotations

import io
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from graft_device.classifier import Prediction
from graft_device.errors import GraftError, PhotoError
from graft_device.outputs.noted_jpegs import with_notes, without_notes
from graft_device.outputs.photo_notes import PhotoNotes, notes_of
from graft_device.outputs.uncertain_frames import FrameAnswer, UncertainFrames
from graft_device.outputs.uncertain_store import UncertainStore
from graft_device.sources.apart import is_kept, is_labelled
from graft_device.sources.base import Frame
from tests.support.device_models import COLOURS, picture

SEEN = (Prediction("cats", 0.61), Prediction("dogs", 0.38), Prediction("mice", 0.01))
MB = 1_000_000


def at(second: int) -> str:
    return f"2026-01-31T12:00:{second:02}.250Z"


def pixels(colour: str = "red", side: int = 64) -> np.ndarray:  # type: ignore[type-arg]
    return np.asarray(picture(colour, (side, side)))


def noise(seed: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(0, 255, (64, 64, 3)).astype(np.uint8)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_for_each_label_and_a_name_with_time_and_scores(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path / "uncertain", MB)
    path = store.save(pixels(), at(1), "cats", SEEN)
    assert path is not None
    assert files(tmp_path) == ["uncertain/cats/20260131T120001.250Z_cats-61_dogs-38.jpg"]
    with Image.open(path) as image:
        assert image.format == "JPEG"
        assert image.size == (64, 64)
        assert np.abs(np.asarray(image).mean((0, 1)) - COLOURS["red"]).max() < 3


def test_the_name_of_an_unknown_photo_has_the_most_similar_labels(tmp_path: Path) -> None:
    UncertainStore(tmp_path, MB).save(pixels(), at(1), "unknown", SEEN)
    assert files(tmp_path) == ["unknown/20260131T120001.250Z_cats-61_dogs-38.jpg"]


def test_a_photo_that_is_labelled_again_is_moved_and_never_there_twice(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, MB)
    data = _jpeg(pixels())
    first = store.save_labelled(data, at(1), "cats", SEEN)
    assert store.save_labelled(data, at(1), "cats", SEEN) == first
    again = store.save_labelled(data, at(1), "dogs", SEEN)
    other = store.save_labelled(_jpeg(noise(3)), at(1), "cats", SEEN)
    assert again is not None
    assert other is not None
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted([again, other])
    assert [again.parent.name, other.parent.name] == ["dogs", "cats"]
    store.save(noise(5), at(2), "cats", SEEN)
    full = UncertainStore(tmp_path, len(data))
    full.save_labelled(data, at(1), "birds", SEEN)
    assert [path.parent.name for path in tmp_path.rglob("*") if path.is_file()] in (["birds"], [])


def test_a_person_s_word_is_not_taken_for_a_guess_whatever_the_labels_are_called(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, MB)
    strange = (Prediction(".labelled_cats", 0.61), Prediction("labelled", 0.02))
    guess, word = (
        store.save(pixels(), at(1), "cats", strange),
        store.save_labelled(_jpeg(pixels()), at(1), "cats", SEEN),
    )
    assert guess is not None
    assert word is not None
    assert word.name == "20260131T120001.250Z.labelled_cats-61_dogs-38.jpg"
    assert [is_kept(guess.name), is_kept(word.name)] == [True, True]
    assert [is_labelled(guess.name), is_labelled(word.name)] == [False, True]
    assert word.read_bytes() == _jpeg(pixels())


def test_both_kinds_share_the_limit_and_no_guess_removes_a_person_s_word(tmp_path: Path) -> None:
    def seconds() -> list[str]:
        return re.findall(r"T1200(\d\d)", " ".join(files(tmp_path)))

    size = len(_jpeg(noise(0)))
    store = UncertainStore(tmp_path, round(3.5 * size))
    for second in range(1, 4):
        save = store.save_labelled if second % 2 else store.save
        save(noise(second), at(second), "cats", SEEN)
    again = UncertainStore(tmp_path, round(3.5 * size))
    again.save_labelled(noise(4), at(4), "cats", SEEN)
    assert seconds() == ["01", "03", "04"]
    assert again.save(noise(5), at(5), "cats", SEEN) is None
    assert seconds() == ["01", "03", "04"]
    again.save_labelled(noise(6), at(6), "cats", SEEN)
    assert seconds() == ["03", "04", "06"]


def test_two_threads_keep_photos_at_the_same_time(tmp_path: Path) -> None:
    """All are there under names of their own, and the limit still holds afterwards."""
    photos = [_jpeg(noise(number)) for number in range(40)]
    store = UncertainStore(tmp_path, 90 * max(map(len, photos)))
    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(save, photo, at(1), "cats", SEEN)
            for photo in photos
            for save in (store.save, store.save_labelled)
        ]
    paths = {job.result() for job in jobs}
    assert len(paths) == len(files(tmp_path)) == 80
    with ThreadPoolExecutor(2) as pool:
        for photo in photos:
            pool.submit(store.save, photo, at(2), "cats", SEEN)
    assert 90 <= len(files(tmp_path)) <= 92  # the photos differ by a few bytes


@pytest.mark.parametrize(("kind", "suffix"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("GIF", ".gif")])
def test_a_photo_is_copied_as_it_is(kind: str, suffix: str, tmp_path: Path) -> None:
    photo = tmp_path / "photo"
    picture("green").save(photo, kind)
    path = UncertainStore(tmp_path / "uncertain", MB).save(str(photo), at(1), "cats", SEEN)
    assert path is not None
    assert path.suffix == suffix
    assert path.read_bytes() == photo.read_bytes()


def test_two_of_the_same_moment(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, MB)
    assert len({store.save(pixels(), at(1), "cats", SEEN) for _ in range(3)}) == 3
    assert len(files(tmp_path)) == 3


def test_the_oldest_go_first(tmp_path: Path) -> None:
    size = len(_jpeg(noise(0)))
    store = UncertainStore(tmp_path, round(size * 3.5))
    for second in range(6):
        store.save(noise(second), at(second), ("cats", "dogs")[second % 2], SEEN)
    left = files(tmp_path)
    assert [name[-32:-24] for name in sorted(left, key=os.path.basename)] != []
    assert sorted(re.findall(r"T1200(\d\d)", " ".join(left))) == ["03", "04", "05"]
    assert sum((tmp_path / name).stat().st_size for name in left) <= size * 3.5


def test_the_limit_holds_over_runs_and_other_files_are_not_touched(tmp_path: Path) -> None:
    size = len(_jpeg(noise(0)))
    first = UncertainStore(tmp_path, 10 * size)
    for second in range(4):
        first.save(noise(second), at(second), "cats", SEEN)
    (tmp_path / "cats" / "mine.jpg").write_bytes(b"x" * size)
    (tmp_path / "cats" / ".20260131T120000.250Z_cats-61.jpg.part").write_bytes(b"half")
    (tmp_path / "cats" / ".other.part").write_bytes(b"mine")
    second_run = UncertainStore(tmp_path, round(2.5 * size))
    second_run.save(noise(9), at(9), "dogs", SEEN)
    left = files(tmp_path)
    assert "cats/mine.jpg" in left
    assert "cats/.other.part" in left
    assert re.findall(r"T1200(\d\d)", " ".join(left)) == ["03", "09"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    target, folder = tmp_path / "target", tmp_path / "uncertain"
    path = UncertainStore(target, MB).save(pixels(), at(1), "cats", SEEN)
    assert path is not None
    (target / "cats" / f".{path.name}.part").touch()
    before = files(target)
    folder.mkdir()
    (folder / "cats").symlink_to(target / "cats")
    store = UncertainStore(folder, 3_000)
    with pytest.raises(OSError, match="uncertain/cats is a link, which is not followed"):
        store.save(pixels(), at(2), "cats", SEEN)
    assert files(target) == before
    assert store.save(pixels(), at(3), "dogs", SEEN) is not None


def test_photos_that_were_labelled_and_moved_away(tmp_path: Path) -> None:
    size = len(_jpeg(noise(0)))
    store = UncertainStore(tmp_path, round(size * 2.5))
    moved = store.save(noise(0), at(0), "cats", SEEN)
    assert moved is not None
    moved.unlink()
    for second in (1, 2, 3):
        store.save(noise(second), at(second), "cats", SEEN)
    assert re.findall(r"T1200(\d\d)", " ".join(files(tmp_path))) == ["02", "03"]


def test_the_limit_holds_from_the_start(tmp_path: Path) -> None:
    size = len(_jpeg(noise(0)))
    first = UncertainStore(tmp_path, 10 * size)
    for second in range(4):
        first.save(noise(second), at(second), "cats", SEEN)
    UncertainStore(tmp_path, round(2.5 * size))
    assert re.findall(r"T1200(\d\d)", " ".join(files(tmp_path))) == ["02", "03"]


def test_what_is_not_a_file_but_has_the_name_of_a_photo(tmp_path: Path) -> None:
    size = len(_jpeg(noise(0)))
    cats = tmp_path / "cats"
    odd = [f"20260131T12000{n}.250Z_cats-61.jpg" for n in range(3)]
    (cats / odd[0]).mkdir(parents=True)
    (cats / odd[1]).symlink_to(tmp_path / "nowhere")
    (tmp_path / "mine.jpg").write_bytes(b"x" * 10 * size)
    (cats / odd[2]).symlink_to(tmp_path / "mine.jpg")
    (cats / f".{odd[0]}.part").mkdir()
    store = UncertainStore(tmp_path, round(1.5 * size))
    for second in (3, 4):
        assert store.save(noise(second), at(second), "cats", SEEN) is not None
    left = {path.name for path in cats.iterdir()}
    assert left == {*odd, f".{odd[0]}.part", "20260131T120004.250Z_cats-61_dogs-38.jpg"}
    assert (tmp_path / "mine.jpg").stat().st_size == 10 * size


def test_a_photo_that_is_moved_during_the_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = UncertainStore(tmp_path, MB)
    moved, stays = (first.save(noise(second), at(second), "cats", SEEN) for second in range(2))
    assert moved is not None
    glob = Path.glob

    def late(folder: Path, pattern: str) -> list[Path]:
        paths = list(glob(folder, pattern))
        moved.unlink(missing_ok=True)
        return paths

    with monkeypatch.context() as patched:
        patched.setattr(Path, "glob", late)
        UncertainStore(tmp_path, MB)
    assert [tmp_path / name for name in files(tmp_path)] == [stays]


def test_a_folder_in_the_place_of_a_photo(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, round(1.5 * len(_jpeg(noise(0)))))
    first = store.save(noise(0), at(0), "cats", SEEN)
    assert first is not None
    first.unlink()
    first.mkdir()
    assert store.save(noise(1), at(1), "cats", SEEN) is not None
    assert store.save(noise(2), at(2), "cats", SEEN) is not None
    assert re.findall(r"T1200(\d\d)", " ".join(files(tmp_path))) == ["02"]


def test_a_photo_that_cannot_be_removed_still_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = UncertainStore(tmp_path, round(1.5 * len(_jpeg(noise(0)))))
    store.save(noise(0), at(0), "cats", SEEN)

    def refused(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refused)
        for _ in range(2):
            with pytest.raises(PermissionError):
                store.save(noise(1), at(1), "cats", SEEN)
    store.save(noise(2), at(2), "cats", SEEN)
    assert re.findall(r"T1200(\d\d)", " ".join(files(tmp_path))) == ["02"]


def test_a_photo_over_the_limit_is_not_kept(tmp_path: Path) -> None:
    assert UncertainStore(tmp_path, 100).save(noise(0), at(0), "cats", SEEN) is None
    assert files(tmp_path) == []


@pytest.mark.parametrize("label", ["../../etc", "a/b", ".hidden", "nul\0", "l\nf", "x" * 300, "ä" * 200, "", "."])
def test_labels_that_are_not_file_names(label: str, tmp_path: Path) -> None:
    path = UncertainStore(tmp_path / "uncertain", MB).save(pixels(), at(0), label, (Prediction(label, 0.5),))
    assert path is not None
    assert path.is_file()
    assert path.parent.parent == tmp_path / "uncertain"
    assert path.resolve().parents[1] == (tmp_path / "uncertain").resolve()
    assert not path.parent.name.startswith(".")
    assert not path.name.startswith(".")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GraftError, match=r"cannot keep photos in .*/file"):
        UncertainStore(tmp_path / "file", MB)


def test_a_photo_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(PhotoError):
        UncertainStore(tmp_path, MB).save(str(tmp_path / "gone.jpg"), at(0), "cats", SEEN)


# What is kept


def frame(moment: float, position: float | None = None) -> Frame:
    return Frame(pixels, "camera", 1, at(int(moment)), moment, position=position)


def answer(best: float, unknown: bool = False) -> FrameAnswer:
    return FrameAnswer(pixels(), (Prediction("cats", best), Prediction("dogs", 1 - best)), best, unknown)


def test_only_uncertain_frames(tmp_path: Path) -> None:
    notes: list[str] = []
    uncertain = UncertainFrames(UncertainStore(tmp_path, MB), 0.8, moving=False, note=notes.append)
    for second, (best, unknown) in enumerate([(0.95, False), (0.79, False), (0.8, False), (0.95, True)]):
        uncertain.offer(frame(second), answer(best, unknown))
    assert re.findall(r"T1200(\d\d)", " ".join(files(tmp_path))) == ["01", "03"]
    assert notes == []


def test_unknown_frames_have_a_folder_of_their_own(tmp_path: Path) -> None:
    uncertain = UncertainFrames(UncertainStore(tmp_path, MB), 0.8, moving=False, note=print)
    uncertain.offer(frame(1), answer(0.6, unknown=True))
    assert files(tmp_path) == ["unknown/20260131T120001.250Z_cats-60_dogs-40.jpg"]


@pytest.mark.parametrize("video", [False, True])
def test_not_every_frame_of_a_camera(video: bool, tmp_path: Path) -> None:
    uncertain = UncertainFrames(UncertainStore(tmp_path, MB), 0.8, moving=True, note=print)
    for tenth in range(50):
        uncertain.offer(frame(0 if video else tenth / 10, tenth / 10 if video else None), answer(0.5))
    assert len(files(tmp_path)) == 3


def test_a_full_disk_is_noted_once_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    uncertain = UncertainFrames(UncertainStore(tmp_path, MB), 0.8, moving=False, note=notes.append)
    whole = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        whole(path, data[:100])
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        for second in range(3):
            uncertain.offer(frame(second), answer(0.5))
    assert notes == ["cannot keep uncertain photos: no space left on device"]
    assert files(tmp_path) == [], "not even half a file"
    uncertain.offer(frame(4), answer(0.5))
    assert len(files(tmp_path)) == 1


def _jpeg(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    from io import BytesIO

    buffer = BytesIO()
    Image.fromarray(array).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def test_the_loop_and_the_page_may_keep_photos_at_the_same_time(tmp_path: Path) -> None:
    photo = b"\xff\xd8" + bytes(998)
    store = UncertainStore(tmp_path, 20 * len(photo))

    def save(number: int) -> None:
        store.save(photo, f"2026-01-31T12:00:00.{number:03}Z", f"label {number % 3}", SEEN)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(save, range(500)))
    assert len(files(tmp_path)) == 20
    assert store._bytes == 20 * len(photo)


# Notes


def test_a_kept_frame_carries_where_it_is_from_and_what_the_model_said(tmp_path: Path) -> None:
    frame = Frame(pixels, "/dev/video0", 1, at(1), 1.0)
    answer = FrameAnswer(pixels(), SEEN, 0.61, unknown=True, region="bowl", model="ab" * 32)
    UncertainFrames(UncertainStore(tmp_path, MB), 0.8, moving=True, note=print).offer(frame, answer)
    (path,) = tmp_path.glob("unknown/*.jpg")
    assert noted(path) == PhotoNotes(at(1), "/dev/video0", "bowl", None, "ab" * 8, SEEN, unknown=True)


def test_a_photo_that_is_labelled_again_is_noted_with_the_new_label(tmp_path: Path) -> None:
    store = UncertainStore(tmp_path, MB)
    for label in ("cats", "dogs"):
        path = store.save_labelled(pixels(), at(1), label, SEEN, PhotoNotes(at(1), "door", said=label))
        assert [path] == [found for found in tmp_path.rglob("*") if found.is_file()]
        assert path is not None
        assert noted(path) == PhotoNotes(at(1), "door", said=label)


def test_files_are_kept_unchanged_and_so_are_bytes_with_notes_of_their_own(tmp_path: Path) -> None:
    store, notes = UncertainStore(tmp_path / "kept", MB), PhotoNotes(at(1), "door")
    (tmp_path / "own.jpg").write_bytes(_jpeg(noise(1)))
    turned = Image.Exif()
    turned[0x0112] = 6
    buffer = io.BytesIO()
    Image.fromarray(noise(2)).save(buffer, "JPEG", exif=turned)
    png = io.BytesIO()
    Image.fromarray(noise(3)).save(png, "PNG")
    own = [buffer.getvalue(), png.getvalue()]
    given: list[tuple[str | bytes, bytes]] = [(str(tmp_path / "own.jpg"), _jpeg(noise(1))), *zip(own, own)]
    for photo, data in given:
        path = store.save(photo, at(1), "cats", SEEN, notes)
        assert path is not None
        assert path.read_bytes() == data


def test_notes_change_no_pixel_of_a_still_camera_s_picture(tmp_path: Path) -> None:
    data = _jpeg(noise(1))
    path = UncertainStore(tmp_path, MB).save(data, at(1), "cats", SEEN, PhotoNotes(at(1), "door"))
    assert path is not None
    assert noted(path) == PhotoNotes(at(1), "door")
    assert without_notes(path.read_bytes()) == data
    with Image.open(path) as image, Image.open(io.BytesIO(data)) as before:
        assert np.array_equal(np.asarray(image), np.asarray(before))


@given(st.binary(max_size=40))
def test_bytes_that_are_no_whole_jpeg_are_left_alone(tail: bytes) -> None:
    for data in (tail, b"\xff\xd8" + tail, b"\xff\xd8\xff\xe0" + tail):
        added = with_notes(data, PhotoNotes(at(1)))
        assert without_notes(added) == data or added == data


def test_pictures_that_a_person_captured_are_neither_counted_nor_removed(tmp_path: Path) -> None:
    captured = tmp_path / "cats" / "20250131T120001.250Z.captured-2.jpg"
    captured.parent.mkdir()
    captured.write_bytes(_jpeg(noise(0)))
    store = UncertainStore(tmp_path, round(1.5 * len(_jpeg(noise(0)))))
    for second in range(3):
        assert store.save(noise(second), at(second), "cats", SEEN) is not None
    assert len(files(tmp_path)) == 2
    assert captured.exists()


def noted(path: Path) -> PhotoNotes | None:
    with Image.open(path) as image:
        return notes_of(image)
