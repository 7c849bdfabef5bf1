"""``graft-device capture`` without a terminal: at times, at once, when something moves."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_device import __version__
from graft_device.capture import store as store_module
from graft_device.capture.store import CaptureError, CaptureStore
from graft_device.outputs.photo_notes import PhotoNotes, notes_of
from graft_device.sources.apart import is_captured, is_kept, is_labelled
from tests.support.clips import write_clip, write_video
from tests.support.device_models import picture
from tests.support.interrupting import Action, interrupt_everywhere
from tests.support.running import PATIENCE_S, drop_photo, eventually
from tests.support.web_camera import WebCamera

COMMAND = [sys.executable, "-m", "graft_device.cli", "capture"]
NOTES = PhotoNotes("2026-01-31T12:00:01.250Z", "door", "0,0,0.5,1", said="cats")


def captured(*args: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, args)]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def noise(seed: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(seed).integers(0, 255, (48, 64, 3)).astype(np.uint8)


def test_a_picture_every_second_of_a_video_with_time_and_source_in_its_exif(tmp_path: Path) -> None:
    video = write_clip(tmp_path / "v.mp4", ["red", "green", "blue"] * 25)  # 3 s
    done = captured("--label", "cats", "--source", video, "--every", 1, "-o", tmp_path / "photos", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(one["file"]).relative_to(tmp_path / "photos").as_posix() for one in told] == names(tmp_path / "photos")
    assert len(told) == 3
    for one in told:
        path = Path(one["file"])
        assert path.parent.name == one["label"] == "cats"
        assert one["bytes"] == path.stat().st_size
        assert (is_kept(path.name), is_captured(path.name), is_labelled(path.name)) == (True, True, False)
        with Image.open(path) as image:
            assert (image.format, image.size) == ("JPEG", (96, 64))
            assert notes_of(image) == PhotoNotes(one["time"], str(video), said="cats")
            assert image.getexif()[0x0131] == f"graftkit {__version__}"


def test_a_part_of_the_frame_without_what_is_masked(tmp_path: Path) -> None:
    video = write_clip(tmp_path / "v.mp4", ["red"] * 5)
    parts = ("--roi", "0,0,0.5,1", "--mask", "0,0,0.25,1")
    assert captured("--label", "a", "--source", video, "--once", *parts, "-o", tmp_path / "o").returncode == 0
    (name,) = names(tmp_path / "o")
    with Image.open(tmp_path / "o" / name) as image:
        pixels = np.asarray(image)
        noted = notes_of(image)
    assert pixels.shape == (64, 48, 3)
    assert pixels[:, :20].mean() < 10
    assert pixels[:, 28:, 0].mean() > 100
    assert noted is not None
    assert noted.region == "0,0,0.5,1"


def test_photos_of_a_folder_are_kept_as_they_are_and_damaged_ones_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "from"
    folder.mkdir()
    red = drop_photo(folder, "red.png", "red", 1_700_000_000)
    drop_photo(folder, "blue.png", "blue", 1_700_000_001)
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    done = captured("--label", "cats", "--source", folder, "--once", "-o", folder / "out")
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error")] == [
        f"error: {folder}/torn.jpg: the image is cut short or damaged"
    ]
    kept = sorted((folder / "out" / "cats").iterdir())
    assert [path.name.partition("Z")[2] for path in kept] == [".captured.png"] * 2
    assert kept[0].read_bytes() == red.read_bytes()
    again = captured("--label", "cats", "--source", folder, "--once", "-o", folder / "out")
    assert again.stdout.count("cats ") == 2, "what it captured itself came back"


def test_a_still_camera_that_shows_one_picture_all_the_time_is_frozen(tmp_path: Path) -> None:
    with WebCamera() as camera:
        command = [*COMMAND, "--label", "red", "--source", f"{camera.url}/now.jpg", "--every", "0.05"]
        process = subprocess.Popen(
            [*command, "-o", str(tmp_path / "o")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline().startswith("red 1: ")
        seen = len(camera.requests)
        eventually(lambda: len(camera.requests) > seen + 5)
        camera.colour = "blue"
        assert process.stdout.readline().startswith("red 2: ")
        process.send_signal(signal.SIGINT)
        _, notes = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert notes.count("gives the same picture as before, which is not kept again") in {1, 2}
    assert notes.splitlines()[-1] == "interrupted; what was finished is kept"
    assert len(names(tmp_path / "o")) == 2
    with Image.open(tmp_path / "o" / names(tmp_path / "o")[0]) as image:
        noted = notes_of(image)
    assert noted is not None
    assert (noted.source, noted.said) == (f"{camera.url}/now.jpg", "red")


def test_only_what_moves_is_kept(tmp_path: Path) -> None:
    still = [np.full((96, 128, 3), 90, np.uint8) for _ in range(75)]
    for frame in still[40:45]:
        frame[20:60, 30:80] = 220
    video = write_video(tmp_path / "v.mp4", still, (128, 96), 25)
    done = captured("--label", "a", "--source", video, "--on-motion", "-o", tmp_path / "o")
    assert done.returncode == 0
    assert len(names(tmp_path / "o")) == 1
    with Image.open(tmp_path / "o" / names(tmp_path / "o")[0]) as image:
        assert np.asarray(image)[30:50, 40:70].mean() > 180


def test_at_the_limit_it_ends_and_nothing_is_removed(tmp_path: Path) -> None:
    video = write_video(tmp_path / "v.mp4", [noise(seed) for seed in range(50)], (64, 48), 25)
    done = captured("--label", "a", "--source", video, "--every", 0.04, "-o", tmp_path / "o", "--max-mb", 0.03)
    assert done.returncode == 1
    size = sum(path.stat().st_size for path in (tmp_path / "o").rglob("*.jpg"))
    assert 0.02e6 < size <= 0.03e6
    assert done.stderr == (
        f"error: {tmp_path}/o has as many pictures as it may have, 0.03 MB, so this one is not kept; "
        "collect them, or raise max-mb\n"
    )
    before = names(tmp_path / "o")
    assert captured("--label", "b", "--source", video, "--once", "-o", tmp_path / "o").returncode == 0
    assert set(before) < set(names(tmp_path / "o"))


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--label", "a"], "without a terminal there are no keys; give --every, --on-motion or --once"),
        (["--label", "a/b", "--once"], "'a/b': the label has a slash, a backslash or a control character"),
        (["--label", "a\nb", "--once"], "'a\\nb': the label has a slash, a backslash or a control character"),
        (["--label", "..", "--once"], "'..': the label begins with a dot"),
        (["--label", "@eaDir", "--once"], "the label is the name of a folder in which systems keep their files"),
        (["--label", "a", "--once", "--roi", "2"], "'2' is not a region"),
    ],
)
def test_a_wrong_command_line(args: list[str], error: str, tmp_path: Path) -> None:
    done = captured(*args, "--source", tmp_path / "v.mp4", "-o", tmp_path / "o")
    assert done.returncode == 2
    assert error in done.stderr
    assert names(tmp_path) == []


def test_a_camera_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = captured("--label", "a", "--source", tmp_path / "gone.mp4", "--once", "-o", tmp_path / "o")
    assert (done.returncode, done.stderr.splitlines()) == (1, [f"error: no such video: {tmp_path}/gone.mp4"])


def test_two_captures_into_one_folder_share_its_names_and_its_limit(tmp_path: Path) -> None:
    one, other = CaptureStore(tmp_path, 0.05), CaptureStore(tmp_path, 0.05)
    paths = [store.save(noise(seed), "cats", NOTES) for seed in range(2) for store in (one, other)]
    assert [path.path.name for path in paths if path] == [
        f"20260131T120001.250Z.captured{ending}.jpg" for ending in ("", "-2", "-3", "-4")
    ]
    size = len(b"".join(path.read_bytes() for path in (tmp_path / "cats").iterdir()))
    full = CaptureStore(tmp_path, size / 1e6)
    with pytest.raises(CaptureError, match="as many pictures as it may have"):
        full.save(noise(9), "dogs", NOTES)
    assert len(names(tmp_path)) == 4


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = CaptureStore(tmp_path, 10)

    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store_module, "sync", full)
    with pytest.raises(CaptureError, match="no space left on device; make room on the disk"):
        store.save(noise(0), "cats", NOTES)
    assert names(tmp_path) == []


def test_without_a_rename_that_spares_what_is_there_nothing_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "rename_to_free", lambda *_: False)
    store = CaptureStore(tmp_path, 10)
    for seed in range(3):
        store.save(noise(seed), "cats", NOTES)
    assert len(names(tmp_path)) == 3


def test_an_interrupted_picture_is_there_as_a_whole_or_not_at_all(in_memory: Path) -> None:
    data = picture("red", (8, 8))

    def save(place: Path) -> None:
        CaptureStore(place / "photos", 10).save(data, "cats", NOTES)

    def is_whole(place: Path) -> None:
        for path in (place / "photos").rglob("*.jpg"):
            with Image.open(path) as image:
                image.load()

    def is_there(place: Path) -> None:
        is_whole(place)
        first, second = (f"cats/20260131T120001.250Z.captured{ending}.jpg" for ending in ("", "-2"))
        assert names(place / "photos") in ([first], sorted([first, second])), "there are hidden files"

    def prepare(place: Path) -> None:
        (place / "photos").mkdir()

    action = Action(prepare=prepare, act=save, interrupted=is_whole, finished=is_there)
    assert interrupt_everywhere(action, in_memory) > 20


def killed(step: str, place: Path) -> None:
    """Captures a picture in a child that is killed at a call of the system."""
    program = (
        "import os, signal, sys; from pathlib import Path; from PIL import Image\n"
        "from graft_device.capture import store; from graft_device.outputs.photo_notes import PhotoNotes\n"
        "def kill(*_): os.kill(os.getpid(), signal.SIGKILL)\n"
        f"store.{step} = kill\n"
        "store.CaptureStore(Path(sys.argv[1]), 10).save(Image.new('RGB', (64, 64)), 'cats',"
        " PhotoNotes('2026-01-31T12:00:01.250Z'))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(place)], timeout=PATIENCE_S, check=False)
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", ["sync", "rename_to_free"])
def test_a_crash_between_writing_and_naming_leaves_only_a_hidden_file_that_goes_away(step: str, tmp_path: Path) -> None:
    killed(step, tmp_path)
    (left,) = (tmp_path / "cats").iterdir()
    assert left.name.startswith(".")
    assert left.name.endswith(".tmp")
    CaptureStore(tmp_path, 10)
    assert left.exists(), "it may be that of another process"
    os.utime(left, (1, 1))
    store = CaptureStore(tmp_path, 10)
    assert names(tmp_path) == []
    assert store.save(picture("red"), "cats", NOTES) is not None
