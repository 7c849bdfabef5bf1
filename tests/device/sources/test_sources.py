from __future__ import annotations

import dataclasses
import itertools
import os
import socket
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.run.feeds import Feed, Feeds
from graft_device.run.readers import Newest
from graft_device.sources import Frame, Source, SourceError, SourceOptions, cameras, open_source
from graft_device.sources.base import utc_now
from graft_device.sources.cameras import stream, without_password
from graft_device.sources.files import Photos
from graft_device.sources.live import Live
from graft_device.sources.timeline import Timeline
from graft_device.sources.video import Video
from graft_device.sources.watch import Folder
from graft_device.system.backoff import Backoff
from graft_device.system.pacing import Pace
from graft_device.system.stopping import Stop
from tests.support.clips import FPS, SIZE, Camera, av, clip, turned, write_clip
from tests.support.device_models import COLOURS, picture
from tests.support.ports import free_port
from tests.support.running import PATIENCE_S, drop_photo, eventually

POLL_S = 0.02


def silent(note: str) -> None:
    raise AssertionError(f"nothing to note: {note}")


def opened(*places: str | Path, note: Callable[[str], None] = silent, **options: Any) -> Source:
    return open_source([str(place) for place in places], SourceOptions(**options), note)


def every(source: Source) -> list[Frame]:
    return [frame for frame in source.frames(Stop()) if frame is not None]


def colour(frame: Frame) -> str:
    pixels = np.asarray(frame.load(), np.float64)
    assert pixels.ndim == 3
    mean = pixels.mean((0, 1))
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


# The source for a place


def test_places_and_their_sources(tmp_path: Path) -> None:
    drop_photo(tmp_path, "a.png", "red")
    assert isinstance(opened(tmp_path / "a.png"), Photos)
    assert isinstance(opened(tmp_path), Folder)
    assert isinstance(opened("/dev/fd"), Folder), "not all in /dev are cameras"
    assert isinstance(opened("clip.MP4"), Video)
    for place in (
        "/dev/null",
        "rtsp://me:hush@cam/1?key=hush",
        "http://cam/",
        "tcp://cam:1",
        "picamera2",
        "picamera2:1",
    ):
        source = opened(place)
        assert isinstance(source, Live), place
        assert "hush" not in source.name


@pytest.mark.parametrize(
    ("places", "words"),
    [
        (["nowhere.jpg"], "no such source: nowhere.jpg; give photos, a folder"),
        ([""], "no such source: ; give"),
        (["picamera2:x"], "picamera2:x is not a camera; give picamera2, or picamera2:1"),
        (["a.jpg", "picamera2"], "picamera2 cannot be read together with other sources"),
        (["a.jpg", "/"], "/ cannot be read together"),
    ],
)
def test_places_that_are_none(places: list[str], words: str) -> None:
    with pytest.raises(SourceError) as caught:
        opened(*places)
    assert str(caught.value).startswith(words)


def test_photos_come_once_in_order() -> None:
    frames = every(opened("b.jpg", "a.jpg", "b.jpg"))
    assert [frame.load() for frame in frames] == ["b.jpg", "a.jpg", "b.jpg"]
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert not any(frame.dropped for frame in frames)
    with pytest.raises(dataclasses.FrozenInstanceError):
        frames[0].number = 4  # type: ignore[misc]


# A watched folder


class Ticks(Stop):
    """A stop whose waits have one tick, so that there is a scan for each, however long scans take."""

    def ticks(self, seconds: float) -> Iterator[None]:  # noqa: ARG002
        time.sleep(POLL_S)
        yield None


class Watched:
    """A watched folder and the photos that it gives."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.notes: list[str] = []
        self.stop = Ticks()
        self._frames = Folder(path, self.notes.append, poll_s=POLL_S, **options).frames(self.stop)
        self.first = self.scans(2)

    def scans(self, count: int = 4) -> list[str]:
        """The names of the photos that so many scans give."""
        given = []
        while count:
            frame = next(self._frames)
            if frame is None:
                count -= 1
            else:
                given.append(os.path.relpath(str(frame.load()), self.path))
        return given


def test_new_photos_once(tmp_path: Path) -> None:
    drop_photo(tmp_path, "old.png", "red")
    watched = Watched(tmp_path)
    assert watched.first == []
    drop_photo(tmp_path, "new.png", "red")
    assert watched.scans() == ["new.png"]
    assert watched.scans() == []
    assert watched.notes == []


def test_existing_ones_if_asked(tmp_path: Path) -> None:
    drop_photo(tmp_path, "old.png", "red")
    frames = Folder(tmp_path, silent, existing=True, poll_s=POLL_S).frames(Stop())
    given = next(frame for frame in frames if frame is not None)
    assert given.source == str(tmp_path / "old.png")


def test_a_file_that_is_still_written(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    with (tmp_path / "slow.jpg").open("wb") as file:
        for _ in range(6):
            file.write(b"a part")
            file.flush()
            assert watched.scans(1) == [], "it grew since the last scan"
    assert watched.scans() == ["slow.jpg"]


def test_one_that_was_half_written_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "half.jpg").write_bytes(b"half")
    watched = Watched(tmp_path)
    with (tmp_path / "half.jpg").open("ab") as file:
        file.write(b" and half")
    assert watched.scans() == ["half.jpg"]


def test_one_that_is_still_written_while_existing_ones_are_taken(tmp_path: Path) -> None:
    (tmp_path / "slow.jpg").write_bytes(b"a part")
    frames = Folder(tmp_path, silent, once=True, poll_s=POLL_S).frames(Ticks())
    assert next(frames) is None
    (tmp_path / "slow.jpg").write_bytes(b"a part and another")
    assert next(frames) is None
    assert [frame.number for frame in frames if frame is not None] == [1]


def test_one_that_is_written_anew(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    drop_photo(tmp_path, "latest.png", "red")
    assert watched.scans() == ["latest.png"]
    drop_photo(tmp_path, "latest.png", "blue")
    assert watched.scans() == ["latest.png"]


def test_what_counts(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / ".trash").mkdir()
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    for name in ("a/b/deep.JPG", ".hidden.jpg", ".trash/x.jpg", "notes.txt", "part.jpg.tmp", "clip.mp4"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    assert watched.scans() == ["a/b/deep.JPG"]


@pytest.mark.parametrize("folder", ["@eaDir/photo.jpg", "#RECYCLE", "$Recycle.Bin", "__MACOSX", "lost+found"])
def test_service_folders_of_systems_do_not_count(tmp_path: Path, folder: str) -> None:
    watched = Watched(tmp_path)
    for name in ("photo.jpg", f"{folder}/thumbnail.jpg", f"deep/{folder}/thumbnail.jpg", "._photo.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert watched.scans() == ["photo.jpg"]


def test_oldest_first(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for name, age in (("b.jpg", 10), ("a.jpg", 5), ("c.jpg", 20)):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    assert watched.scans() == ["c.jpg", "b.jpg", "a.jpg"]


def test_one_that_is_deleted_and_comes_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    for _ in range(2):
        path = tmp_path / "x.jpg"
        path.write_bytes(b"x")
        os.utime(path, (1e9, 1e9))
        assert watched.scans() == ["x.jpg"]
        path.unlink()
        assert watched.scans() == []


def test_a_folder_that_goes_and_comes_back(tmp_path: Path) -> None:
    root = tmp_path / "stick"
    root.mkdir()
    watched = Watched(root)
    drop_photo(root, "a.png", "red")
    assert watched.scans() == ["a.png"]
    drop_photo(root, "hardly seen.png", "red")
    assert watched.scans(1) == []
    root.rename(tmp_path / "away")
    assert watched.scans() == []
    assert watched.notes == [f"cannot read folder {root}: no such file or directory; waiting for it"]
    (tmp_path / "away").rename(root)
    drop_photo(root, "b.png", "red")
    assert sorted(watched.scans()) == ["b.png", "hardly seen.png"], "and not the one that was given before"
    assert watched.notes[1:] == [f"folder {root} is back"]


def test_once_takes_what_is_there_and_ends(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("a.png", "b.png"):
        drop_photo(inner, name, "red")
    for folder in (inner, inner / ".."):
        assert len(every(Folder(folder, silent, once=True, poll_s=POLL_S))) == 2


def until_over(folder: Folder, meanwhile: Callable[[], object] = lambda: None) -> list[str]:
    """The names of the photos from a watch that ends by itself."""
    given, started = [], time.monotonic()
    for frame in folder.frames(Ticks()):
        assert time.monotonic() - started < PATIENCE_S, "it does not end"
        if frame is not None:
            given.append(Path(frame.source).name)
        meanwhile()
    return given


def test_once_ends_while_the_folder_fills_up(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        drop_photo(tmp_path, name, "red")
    numbers = itertools.count()
    folder = Folder(tmp_path, silent, once=True, poll_s=POLL_S)
    given = until_over(folder, lambda: drop_photo(tmp_path, f"later-{next(numbers)}.png", "blue"))
    assert given == ["a.png", "b.png"]


def test_once_leaves_a_file_that_grows_on_and_says_so(tmp_path: Path) -> None:
    notes: list[str] = []
    drop_photo(tmp_path, "a.png", "red")
    with (tmp_path / "slow.jpg").open("wb", buffering=0) as file:
        given = until_over(Folder(tmp_path, notes.append, once=True, poll_s=POLL_S), lambda: file.write(b"a part"))
    assert given == ["a.png"]
    assert notes == [f"{tmp_path}/slow.jpg is still being written, so it is skipped; run it again when it is complete"]


def test_once_gives_what_was_there_once_and_not_what_became_of_it(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "gone.png"):
        drop_photo(tmp_path, name, "red")
    frames = Folder(tmp_path, silent, once=True, poll_s=POLL_S).frames(Ticks())
    assert next(frames) is None
    (tmp_path / "gone.png").unlink()
    drop_photo(tmp_path, "b.png", "blue")  # written again before it was given
    first = next(frame for frame in frames if frame is not None)
    assert first.source == str(tmp_path / "a.png")
    drop_photo(tmp_path, "a.png", "blue")  # and again after
    assert [frame.source for frame in frames if frame is not None] == [str(tmp_path / "b.png")]


def test_once_of_a_folder_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    drop_photo(tmp_path / "stick", "a.png", "red")
    folder = Folder(tmp_path / "stick", lambda _: None, once=True, poll_s=POLL_S)
    (tmp_path / "away").mkdir()

    def pull() -> None:
        if (tmp_path / "stick").exists():
            (tmp_path / "stick").rename(tmp_path / "away" / "stick")

    with pytest.raises(SourceError, match=r"folder .*/stick was lost before .*; run it again"):
        until_over(folder, pull)


def test_one_that_is_renamed_is_the_same_photo(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    path = drop_photo(tmp_path, "a.png", "red")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    assert watched.scans() == ["a.png"]
    (tmp_path / "done").mkdir()
    path.rename(tmp_path / "done" / "b.png")
    assert watched.scans() == []
    (tmp_path / "done" / "b.png").rename(path)
    assert watched.scans() == []


def test_one_that_takes_a_place_by_being_renamed(tmp_path: Path) -> None:
    """A program writes a complete file under another name, then renames it, possibly over the last one."""
    watched = Watched(tmp_path)
    for colour_, hidden in (("red", ".latest.png"), ("blue", "latest.png.part"), ("green", "~latest.png")):
        drop_photo(tmp_path, hidden, colour_).replace(tmp_path / "latest.png")
        assert watched.scans() == ["latest.png"]
    drop_photo(tmp_path, "seen.png", "red")
    assert watched.scans() == ["seen.png"]
    (tmp_path / "seen.png").replace(tmp_path / "latest.png")
    assert watched.scans() == ["latest.png"], "another photo than the last with this name"


@pytest.mark.parametrize("time_ns", [1_700_000_000_000_000_000, 1_700_000_000_123_000_000])
def test_another_photo_on_the_same_inode(time_ns: int, tmp_path: Path) -> None:
    """As after a deletion, with the same size and a copied time in whole seconds."""
    watched = Watched(tmp_path)
    (tmp_path / "a.bmp").write_bytes(b"one")
    os.utime(tmp_path / "a.bmp", ns=(time_ns, time_ns))
    assert watched.scans() == ["a.bmp"]
    (tmp_path / "a.bmp").rename(tmp_path / "b.bmp")
    (tmp_path / "b.bmp").write_bytes(b"two")
    os.utime(tmp_path / "b.bmp", ns=(time_ns, time_ns))
    assert watched.scans() == ["b.bmp"]


def test_folders_that_are_skipped_are_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "closed").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    drop_photo(root / "closed", "seen.png", "red")
    watched = Watched(root, existing=True)
    assert watched.first == ["closed/seen.png"]
    scandir = os.scandir

    def refusing(folder: str) -> Any:
        if folder == str(root / "closed"):  # root may read any folder, so chmod has no effect
            raise PermissionError(13, "Permission denied", folder)
        return scandir(folder)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refusing)
        assert watched.scans() == []
    assert watched.notes == [
        f"{root}/link is a link to a folder, which is not followed; watch that folder itself",
        f"cannot read folder {root}/closed: permission denied; its photos are skipped",
    ]
    assert watched.scans() == [], "it can be read again, and its photo was given before"


def test_kept_photos_below_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "unsure" / "cats").mkdir(parents=True)
    (tmp_path / "in" / "cats").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    for folder, name in (("in/unsure/cats", "a.png"), ("in/cats", "b.png"), ("in", "c.png")):
        drop_photo(tmp_path / folder, name, "red")
    for watched, kept in (
        ("in", "in/unsure"),
        ("link", "in/unsure/"),
        (tmp_path / "in", "link/x/../unsure"),
        (".", "in/unsure"),
    ):
        source = opened(watched, once=True, kept=Path(kept))
        assert [Path(frame.source).name for frame in every(source)] == ["b.png", "c.png"], watched
    assert len(every(opened("in", once=True, kept=Path("elsewhere")))) == 3
    assert len(every(opened("in", once=True, kept=Path()))) == 3


def test_photos_are_not_kept_in_the_watched_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for kept in (tmp_path, tmp_path / "link"):
        with pytest.raises(SourceError, match="keep them in another folder"):
            opened(tmp_path, kept=kept)


def test_kept_photos_among_others_are_skipped(tmp_path: Path) -> None:
    notes: list[str] = []
    for name in ("20260131T120001.250Z_cats-61_dogs-38.jpg", "mine.jpg"):
        drop_photo(tmp_path, name, "red")
    given = every(opened(tmp_path, note=notes.append, once=True, kept=tmp_path.parent))
    assert [frame.source for frame in given] == [str(tmp_path / "mine.jpg")]
    assert notes == [f"{tmp_path} is a folder of {tmp_path.parent}: the uncertain photos in it are skipped"]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"cannot read folder .*/nowhere: no such file"):
        every(Folder(tmp_path / "nowhere", silent))


# A video


@pytest.mark.parametrize(
    ("kind", "codec"), [("mp4", "mpeg4"), ("matroska", "mpeg4"), ("avi", "mjpeg"), ("mpegts", "mpeg2video")]
)
def test_every_frame_of_a_video(kind: str, codec: str, tmp_path: Path) -> None:
    colours = ["red"] * 5 + ["green"] * 5 + ["blue"] * 5
    frames = every(opened(write_clip(tmp_path / "clip.mkv", colours, kind=kind, codec=codec)))
    assert [colour(frame) for frame in frames] == colours
    assert [frame.number for frame in frames] == list(range(1, 16))
    assert not any(frame.dropped for frame in frames)
    steps = np.diff([frame.position or 0 for frame in frames])
    assert steps == pytest.approx(0.04, abs=0.002)
    assert np.asarray(frames[0].load()).shape == (SIZE[1], SIZE[0], 3)


def test_some_frames_of_a_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", ["red"] * 50)
    frames = every(opened(path, interval=0.2))
    assert [frame.position for frame in frames] == pytest.approx([0.2 * n for n in range(10)], abs=0.001)
    assert [frame.dropped for frame in frames] == [0] + [4] * 9
    assert len(every(opened(path, interval=1 / 10))) == 20, "25 frames per second are not a multiple of 10"


def test_two_videos_joined(tmp_path: Path) -> None:
    """Their timestamps jump back in the middle."""
    path, parts = tmp_path / "joined.ts", [["red"] * 75, ["blue"] * 75]
    path.write_bytes(b"".join(clip(part, kind="mpegts", codec="mpeg2video") for part in parts))
    frames = every(opened(path))
    assert [colour(frame) for frame in frames] == [*parts[0], *parts[1]]
    assert not any(frame.dropped for frame in frames)
    assert [frame.position for frame in frames] == pytest.approx([n / FPS for n in range(150)], abs=0.002)
    frames = every(opened(path, interval=0.2))
    assert [colour(frame) for frame in frames] == ["red"] * 15 + ["blue"] * 15
    assert [frame.dropped for frame in frames] == [0] + [4] * 29


@pytest.mark.parametrize(("rate", "interval", "taken"), [(25, 0.2, 10), (30, 0.5, 4), (25, 0, 50)])
@pytest.mark.parametrize(("kind", "codec"), [("h264", "libx264"), ("hevc", "libx265")])
def test_a_video_without_timestamps(
    kind: str, codec: str, rate: int, interval: float, taken: int, tmp_path: Path
) -> None:
    """As rpicam-vid writes it."""
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg has no {codec}")
    path = write_clip(tmp_path / f"clip.{kind}", ["red"] * 50, kind=kind, codec=codec, rate=rate)
    frames = every(opened(path, interval=interval))
    step = interval or 1 / rate
    assert [frame.position for frame in frames] == pytest.approx([n * step for n in range(taken)], abs=0.001)


def test_a_video_whose_timestamps_do_not_begin_at_zero(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "late.ts", ["red"] * 10, kind="mpegts", codec="mpeg2video", start_s=5000)
    frames = every(opened(path))
    assert [frame.position for frame in frames] == pytest.approx([n / FPS for n in range(10)], abs=0.001)


@pytest.mark.parametrize(
    ("timestamps", "places"),
    [
        ([5.0, 5.1, 5.2], [0, 0.1, 0.2]),
        ([None, None, None], [0, 0.1, 0.2]),
        ([5.0, None, 5.2, None], [0, 0.1, 0.2, 0.3]),
        ([5.0, 9.0, 5.0, 5.1, 5.0], [0, 4.0, 4.1, 4.2, 4.2]),
        ([5.0, 5.2, 5.1, 5.4, 5.3], [0, 0.2, 0.2, 0.4, 0.4]),
        ([1.0, 1.1], [0, 0.1]),
    ],
)
def test_where_a_frame_lies(timestamps: list[float | None], places: list[float]) -> None:
    timeline = Timeline(5.0, 0.1)
    assert [timeline.place(timestamp) for timestamp in timestamps] == pytest.approx(places)
    assert timeline.end_s == pytest.approx(places[-1] + 0.1)


def test_a_sign_of_life_for_each_frame_that_is_passed_over(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", ["red"] * 50)
    frames = list(opened(path, interval=1).frames(Stop()))
    assert [n for n, frame in enumerate(frames) if frame is not None] == [0, 25]
    assert len(frames) == 50


@pytest.mark.parametrize("name", ["2026-11-25T12:30:00.mp4", "a:b.mp4", "concat:a.mp4", "file:a.mp4", "-dash.mp4"])
def test_videos_with_odd_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / name, ["red"] * 3)
    assert [frame.source for frame in every(opened(name))] == [name] * 3
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(SourceError, match=f"^cannot read {name}: invalid data"):
        every(opened(name))


def test_a_video_that_a_phone_took_upright(tmp_path: Path) -> None:
    path = tmp_path / "phone.mp4"
    path.write_bytes(turned(clip(["red"] * 3)))
    assert np.asarray(every(opened(path))[0].load()).shape == (SIZE[0], SIZE[1], 3)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such video"),
        (b"", "cannot read .*: invalid data"),
        (b"text\n" * 999, "cannot read .*: invalid data"),
        ("cut short", "cannot read .*: invalid data"),
    ],
)
def test_videos_that_cannot_be_read(content: bytes | str | None, words: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else clip(["red"] * 50)[:-300])
    with pytest.raises(SourceError, match=words) as caught:
        every(opened(path))
    assert "\n" not in str(caught.value)


def test_a_file_of_sound_is_no_video(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "sound.mp4"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    with pytest.raises(SourceError, match=r"sound\.mp4 holds no video"):
        every(opened(tmp_path / "sound.mp4"))


def test_a_video_cut_short_gives_what_there_is(tmp_path: Path) -> None:
    data = clip(["red"] * 50, kind="matroska")
    (tmp_path / "clip.mkv").write_bytes(data[: len(data) // 2])
    notes: list[str] = []
    frames = every(opened(tmp_path / "clip.mkv", note=notes.append))
    assert 10 < len(frames) < 25
    assert notes == [f"{tmp_path}/clip.mkv ends after {len(frames) / FPS:.1f} s of 2.0 s: it is cut short"]


def test_a_video_damaged_in_the_middle(tmp_path: Path) -> None:
    notes: list[str] = []
    data = bytearray(clip(["red"] * 25 + ["blue"] * 25, kind="avi", codec="mjpeg"))
    start = data.index(b"\xff\xd8", len(data) // 2)
    for _ in range(3):  # three complete frames
        end = data.index(b"\xff\xd9", start)
        data[start:end] = bytes(end - start)
        start = data.index(b"\xff\xd8", end)
    (tmp_path / "clip.avi").write_bytes(bytes(data))
    frames = every(opened(tmp_path / "clip.avi", note=notes.append))
    assert len(frames) == 47
    assert colour(frames[-1]) == "blue"
    assert notes == [f"{tmp_path}/clip.avi is damaged in places; frames that cannot be decoded are skipped"]


def test_without_pyav_it_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", ["red"])
    monkeypatch.setitem(sys.modules, "av", None)
    for place in (path, "tcp://127.0.0.1:1", "/dev/null"):
        with pytest.raises(SourceError, match=r'needs PyAV.*: python3 -m pip install "av>=15.1"'):
            every(opened(place))


# The newest frame


class Ticking:
    """A live source that counts as fast as it is asked to."""

    live = True
    name = "clock"

    def __init__(self, pause_s: float, count: int = 10**9) -> None:
        self.given = 0
        self._pause_s = pause_s
        self._count = count

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        while not stop.wanted and self.given < self._count:
            time.sleep(self._pause_s)
            self.given += 1
            yield Frame(lambda: "x", self.name, self.given, utc_now(), time.monotonic())


class Stepping:
    """A live source that gives frames when it is told to."""

    live = True
    name = "steps"

    def __init__(self) -> None:
        self.taken = 0
        self._wanted = threading.Semaphore(0)

    def step(self, count: int) -> None:
        """Gives so many frames, and waits until the reader has all of them."""
        end = self.taken + count
        self._wanted.release(count)
        eventually(lambda: self.taken == end)

    def frames(self, stop: Stop) -> Iterator[Frame | None]:
        while not stop.wanted:
            if self._wanted.acquire(timeout=0.05):
                yield Frame(lambda: "x", self.name, self.taken + 1, utc_now(), time.monotonic())
                self.taken += 1


def test_a_slow_reader_gets_the_newest_frame_and_no_growing_lag() -> None:
    source = Stepping()
    with Newest(source) as newest:
        for turn in range(1, 16):
            source.step(30)
            frame = newest.take(PATIENCE_S)
            assert frame is not None
            assert frame.number == 30 * turn, "the newest"
            assert frame.dropped == 29


def test_no_frame_comes_twice() -> None:
    with Newest(Ticking(0, 1)) as newest:
        assert newest.take(PATIENCE_S) is not None
        assert newest.take(0.05) is None
        eventually(lambda: newest.ended)
        assert newest.take(PATIENCE_S) is None


def test_the_last_frame_and_the_end_are_not_lost() -> None:
    with Feeds([Feed(Ticking(0, 5))], Stop(), print) as feeds:
        turns = [turn for turn in feeds.turns() if turn is not None]
    assert turns[-1].frame.number == 5


def test_an_error_in_the_thread_is_raised_outside() -> None:
    for _ in range(20):
        feeds = Feeds([Feed(opened("tcp://127.0.0.1:1", required=True))], Stop(), print)
        with feeds, pytest.raises(SourceError, match="connection refused"):
            list(feeds.turns())


def test_a_source_that_hangs_does_not_keep_the_process() -> None:
    forever = threading.Event()

    class Hanging(Ticking):
        def frames(self, stop: Stop) -> Iterator[Frame | None]:  # noqa: ARG002
            forever.wait()
            yield None

    started = time.monotonic()
    with Newest(Hanging(0)) as newest:
        assert newest.take(0.05) is None
        assert newest.silent_s >= 0.05
    assert time.monotonic() - started < PATIENCE_S
    forever.set()


def test_the_rate_is_limited() -> None:
    stop = Stop()
    moments = []
    with Feeds([Feed(Ticking(0.002), 0.05)], stop, print) as feeds:
        started = time.monotonic()
        for turn in feeds.turns():
            if turn is not None:
                moments.append(time.monotonic() - started)
                stop.wanted = len(moments) == 8
    for number, moment in enumerate(moments):
        assert moment >= number * 0.05 - 0.001, "on a grid, which begins with the first frame"


@pytest.mark.parametrize(("rate", "wanted", "taken"), [(30, 10, 10), (30, 20, 20), (25, 10, 10), (30, 60, 30)])
def test_a_pace_holds_on_average(rate: int, wanted: int, taken: int) -> None:
    pace, count = Pace(1 / wanted), 0
    for frame in range(rate * 10):
        if not pace.wait_s(frame / rate):
            pace.record(frame / rate)
            count += 1
    assert count == pytest.approx(taken * 10, abs=1)


def test_after_a_pause_a_pace_does_not_catch_up() -> None:
    pace = Pace(1)
    pace.record(0)
    pace.record(10)
    assert pace.wait_s(10) == pytest.approx(1)


def test_waits_double_up_to_the_cap() -> None:
    backoff = Backoff(0.5, 30)
    waits = [backoff.next() for _ in range(50)]
    for wait, due in zip(waits, [0.5, 1, 2, 4, 8, 16] + [30.0] * 44):
        assert due / 2 <= wait <= due
    assert len(set(waits)) > 40
    backoff.reset()
    assert backoff.next() <= 0.5


# Cameras that are lost


def test_a_stream_gives_its_frames() -> None:
    with Camera(clip(["green"] * 30, kind="mpegts", codec="mpeg2video"), pace_s=0.01) as camera:
        frames = opened(camera.url).frames(Stop())
        for frame in (next(frames) for _ in range(5)):
            assert frame is not None
            assert colour(frame) == "green"
        frames.close()  # type: ignore[attr-defined]


def test_a_camera_reopened_a_hundred_times_leaks_nothing() -> None:
    """A real stream through FFmpeg, which ends after a few frames each time."""
    notes: list[str] = []
    with Camera(clip(["blue"] * 20, kind="mpegts", codec="mpeg2video")) as camera:
        source = Live("camera", cameras.stream(camera.url), notes.append, Backoff(0.001, 0.002))
        with Newest(source) as newest:
            assert newest.take(PATIENCE_S) is not None
            eventually(lambda: camera.opened >= 10)
            before, threads = _descriptors(), threading.active_count()
            eventually(lambda: camera.opened >= 110)
            frame = newest.take(PATIENCE_S)
            after, threads_after = _descriptors(), threading.active_count()
    assert frame is not None
    assert frame.session >= 99
    assert after <= before + 3, "now and then one more is open"
    assert threads_after <= threads + 3
    assert {note.split(";")[0] for note in notes} == {"camera: it stopped giving frames", "camera is back"}


def test_an_outage_is_noted_once_and_waits_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    data = clip(["red"] * 10, kind="mpegts", codec="mpeg2video")
    monkeypatch.setattr(cameras, "TIMEOUT_S", PATIENCE_S)
    camera = Camera(data, pace_s=0.01)
    source = Live("camera", cameras.stream(camera.url), notes.append, Backoff(0.01, 0.05))
    with Newest(source) as newest:
        assert newest.take(PATIENCE_S) is not None
        camera.unplug()
        eventually(lambda: bool(notes))
        time.sleep(0.4)  # several tries, all refused
        assert len(notes) == 1
        assert notes[0].endswith("; trying to open it again")
        eventually(lambda: newest.silent_s < 0.3, "it reports that it is waiting")
        with Camera(data, pace_s=0.01, port=camera.port):
            eventually(lambda: notes[-1] == "camera is back")
            assert len(notes) == 2
            frames = iter(lambda: newest.take(PATIENCE_S), None)  # the first may be from before the outage
            assert next(frame.session for frame in frames if frame.session) > 0


@pytest.mark.parametrize(("required", "once"), [(True, False), (False, True)])
def test_a_camera_that_is_missing_at_the_start_is_an_error_if_it_is_required(required: bool, once: bool) -> None:
    with pytest.raises(SourceError, match=r"cannot read tcp://127.0.0.1:1: connection refused"):
        every(opened("tcp://127.0.0.1:1", required=required, once=once))
    with pytest.raises(SourceError, match=r"no camera at /dev/video77; the available ones are: "):
        every(opened("/dev/video77", required=required, once=once))


def test_a_camera_that_is_missing_at_the_start_is_waited_for() -> None:
    notes: list[str] = []
    port = free_port()
    source = opened(f"tcp://127.0.0.1:{port}", note=notes.append)
    with Newest(source) as newest:
        eventually(lambda: bool(notes))
        time.sleep(0.2)
        assert notes == [f"cannot read tcp://127.0.0.1:{port}: connection refused; waiting for it"]
        assert newest.silent_s < PATIENCE_S, "it gives signs of life"
        with Camera(clip(["red"] * 30, kind="mpegts", codec="mpeg2video"), pace_s=0.01, port=port):
            frame = newest.take(PATIENCE_S)
    assert frame is not None
    assert colour(frame) == "red"
    assert notes[1:] == [f"tcp://127.0.0.1:{port} is there"]


@pytest.mark.parametrize("url", ["http://[::1", "rtsp://[bad/"])
def test_urls_that_cannot_be_read(url: str) -> None:
    with pytest.raises(SourceError, match="the stream's URL cannot be read"):
        without_password(url)


@pytest.mark.parametrize("url", ["RTSP://me:secret@127.0.0.1:1/live?t=secret", "http://me:s%65cret@127.0.0.1:1/"])
def test_a_password_is_in_no_error(url: str) -> None:
    with pytest.raises(SourceError, match=r"cannot read \w+://127\.0\.0\.1:1/\w*: ") as caught:
        every(opened(url, required=True))
    assert "cret" not in str(caught.value)
    for place in ("rtmp://me:secret@h/live", "http://me:secret@[::1"):
        with pytest.raises(SourceError) as caught:
            opened(place)
        assert "secret" not in str(caught.value)


def test_a_stream_that_stays_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        opener = stream(f"tcp://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(SourceError, match=r"no data for 0\.5 seconds"), opener():
            pass


def test_a_device_that_is_no_camera() -> None:
    """What V4L2 does without a camera: FFmpeg opens the device, and the kernel does not know the request."""
    with pytest.raises(SourceError, match="cannot read camera /dev/null: inappropriate ioctl for device"):
        every(opened("/dev/null"))


# The Pi camera, with a stand-in for the picamera2 library, which exists only for the Raspberry Pi


class StandInPicamera2:
    """The few calls of picamera2's API that the adapter makes, as its manual describes them."""

    cameras: int = 1
    alive: bool = True
    closed: int = 0
    configured: dict[str, Any] | None = None

    def __init__(self, index: int) -> None:
        if index >= self.cameras:
            raise IndexError("list index out of range")
        self.started = False

    def create_video_configuration(self, main: dict[str, Any]) -> dict[str, Any]:
        return main

    def configure(self, configuration: dict[str, Any]) -> None:
        type(self).configured = configuration

    def start(self) -> None:
        self.started = True

    def capture_array(self, name: str) -> Any:
        assert self.started
        assert name == "main"
        if not type(self).alive:
            raise RuntimeError("Camera frontend has timed out!")
        return np.asarray(picture("red", SIZE))

    def stop(self) -> None:
        self.started = False

    def close(self) -> None:
        type(self).closed += 1


@contextmanager
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandInPicamera2]]:
    fresh = type("Fresh", (StandInPicamera2,), {})
    module = types.ModuleType("picamera2")
    module.Picamera2 = fresh  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    yield fresh


def test_the_pi_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in(monkeypatch) as library:
        notes: list[str] = []
        frames = Live("picamera2", cameras.picamera2(0, (320, 240)), notes.append, Backoff(0.001, 0.002)).frames(Stop())
        frame = next(frames)
        assert frame is not None
        assert colour(frame) == "red"
        assert library.configured == {"size": (320, 240), "format": "BGR888"}
        library.alive = False
        assert next(frames) is None
        assert notes == ["picamera2: the Pi camera 0 failed: Camera frontend has timed out!; trying to open it again"]
        library.alive = True
        while frame is None or frame.session == 0:
            frame = next(frames)
        assert notes[1:] == ["picamera2 is back"]
        frames.close()  # type: ignore[attr-defined]
        assert library.closed >= 2


def test_no_pi_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in(monkeypatch), pytest.raises(SourceError, match="no Pi camera 3; check its cable"):
        every(opened("picamera2:3", required=True))


def test_no_picamera2_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(SourceError, match=r"sudo apt install python3-picamera2 .*--system-site-packages"):
        every(opened("picamera2"))


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
