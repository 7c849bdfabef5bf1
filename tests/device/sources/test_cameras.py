"""Cameras as they are: RTSP servers that hang, streams that break the rules, USB cameras with formats of their own."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.run.readers import Newest
from graft_device.sources import Frame, Source, SourceError, SourceOptions, cameras, open_source, snapshot
from graft_device.sources.decoding import DecodedFrame
from graft_device.sources.files import Photos
from graft_device.sources.live import Live
from graft_device.system.backoff import Backoff
from graft_device.system.stopping import Stop
from tests.support.clips import av, write_clip
from tests.support.device_models import COLOURS, picture, write_artifact
from tests.support.rtsp_camera import RtspCamera
from tests.support.running import PATIENCE_S, drop_photo, eventually, running
from tests.support.serving import encoded
from tests.support.web_camera import WebCamera, jpeg


def opened(place: str, notes: list[str], **options: Any) -> Source:
    return open_source([place], SourceOptions(**options), notes.append)


def taken(source: Source, count: int) -> list[Frame]:
    """The first frames of a source."""
    frames: list[Frame] = []
    with contextlib.closing(source.frames(Stop())) as turns:  # type: ignore[type-var]
        for frame in turns:
            if frame is not None:
                frames.append(frame)
            if len(frames) == count:
                break
    return frames


def colour(frame: Frame) -> str:
    return colour_of(frame.load)


def colour_of(load: Any) -> str:
    mean = np.asarray(load(), np.float64).mean((0, 1))
    return min(COLOURS, key=lambda name: float(np.abs(mean - COLOURS[name]).sum()))


# RTSP


def test_an_rtsp_camera_gives_its_frames_over_tcp() -> None:
    with RtspCamera() as camera:
        frames = taken(opened(camera.url, []), 5)
    assert [colour(frame) for frame in frames] == ["red"] * 5
    assert np.asarray(frames[0].load()).shape == (64, 64, 3)


@pytest.mark.parametrize("moment", ["OPTIONS", "DESCRIBE", "PLAY", "frames"])
def test_an_rtsp_camera_that_hangs_is_given_up_and_tried_again(moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cameras, "TIMEOUT_S", 0.5)
    notes: list[str] = []
    with RtspCamera() as camera:
        camera.hangs = moment
        source = Live("camera", cameras.stream(camera.url), notes.append, Backoff(0.01, 0.05))
        with Newest(source) as newest:
            eventually(lambda: camera.opened >= 2)
            assert "no data for 0.5 seconds" in notes[0], notes
            camera.hangs, camera.colour = "", "blue"
            frames = iter(lambda: newest.take(PATIENCE_S), None)
            assert any(colour(frame) == "blue" for frame in frames)
    assert f"camera is {'back' if moment == 'frames' else 'there'}" in notes


def test_a_run_with_a_camera_that_hangs_ends_when_it_should(tmp_path: Path) -> None:
    """The camera takes the connection and says nothing, for longer than this test is patient."""
    model = write_artifact(tmp_path / "colours.tflite")
    forever = "import graft_device.sources.cameras as c; c.TIMEOUT_S = 10_000"
    with RtspCamera() as camera:
        camera.hangs = "DESCRIBE"
        with running(model, "--source", camera.url, patch=forever) as job:
            eventually(lambda: camera.opened >= 1)
            assert job.end(signal.SIGTERM) == 0


def test_an_rtsp_camera_that_wants_a_password_and_gets_none() -> None:
    notes: list[str] = []
    with RtspCamera() as camera:
        camera.authorized = False
        source = Live("camera", cameras.stream(camera.url), notes.append, Backoff(0.01, 0.05))
        with Newest(source) as newest:
            eventually(lambda: bool(notes))
            camera.authorized = True
            assert newest.take(PATIENCE_S) is not None
    assert "401 unauthorized" in notes[0]
    assert notes[-1] == "camera is there"


# USB cameras; there is none here, so the last step to FFmpeg is replaced


@pytest.mark.parametrize(
    ("size", "asked"),
    [((640, 480), [None]), ((1280, 720), ["mjpeg"]), ((1281, 721), ["mjpeg", None])],
)
def test_a_large_usb_camera_is_asked_for_jpegs_and_then_for_what_it_has(
    size: tuple[int, int], asked: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, str]] = []
    open_file, clip = av.open, write_clip(tmp_path / "clip.mp4", ["red"] * 3)

    def open_camera(_: str, format: str, options: dict[str, str]) -> Any:  # noqa: A002  as PyAV has it
        assert format == "v4l2"
        given.append(options)
        if options.get("input_format") == "mjpeg" and size[0] % 2:
            raise av.error.InvalidDataError(22, "invalid argument")
        return open_file(str(clip))

    monkeypatch.setattr(av, "open", open_camera)
    with cameras.v4l2("/dev/null", size)() as shots:
        assert colour_of(next(shots)) == "red"
    assert [options.get("input_format") for options in given] == asked
    assert {options["video_size"] for options in given} == {f"{size[0]}x{size[1]}"}


# A picture file that another program rewrites


def test_a_rewritten_file_gives_each_new_picture_once(tmp_path: Path) -> None:
    notes: list[str] = []
    path = drop_photo(tmp_path, "latest.png", "red")
    with Newest(opened(str(path), notes, interval=0.01)) as newest:
        for name in ("red", "green", "blue"):
            if name != "red":
                drop_photo(tmp_path, "latest.png", name)
            frame = newest.take(PATIENCE_S)
            assert frame is not None
            assert frame.load() == path.read_bytes()
        time.sleep(0.1)
        assert newest.take(0) is None
    assert notes == []


def test_a_file_that_is_half_written_or_gone_for_a_moment_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "PATIENCE_S", PATIENCE_S)
    notes: list[str] = []
    path, data = tmp_path / "latest.jpg", jpeg("red")
    path.write_bytes(data[:300])
    with Newest(opened(str(path), notes, interval=0.01)) as newest:
        for whole in (jpeg("red"), jpeg("blue")):
            time.sleep(0.1)
            assert newest.take(0) is None
            path.write_bytes(whole)
            frame = newest.take(PATIENCE_S)
            assert frame is not None
            assert frame.load() == whole
            path.unlink()
            time.sleep(0.05)
            path.write_bytes(whole[:200])
    assert notes == []


def test_a_file_that_is_not_there_yet_or_never_whole_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "PATIENCE_S", 0.05)
    notes: list[str] = []
    path = tmp_path / "latest.jpg"
    source = opened(str(path), notes, interval=0.01)
    with Newest(source) as newest:
        eventually(lambda: bool(notes))
        path.write_bytes(jpeg("red")[:300])
        eventually(lambda: len(notes) == 2)
        path.write_bytes(jpeg("red"))
        assert newest.take(PATIENCE_S) is not None
    assert notes[0] == f"cannot read {path}: no such file or directory; waiting for it"
    assert notes[1].startswith(f"cannot read {path}: it is not a whole photo whenever it is read; ")
    assert notes[2:] == [f"{path} is there"]


def test_a_photo_without_an_interval_is_classified_once(tmp_path: Path) -> None:
    path = drop_photo(tmp_path, "photo.png", "red")
    assert isinstance(opened(str(path), []), Photos)
    assert isinstance(opened(str(path), [], interval=1.0, once=True), Photos)
    assert len(taken(opened(str(path), []), 2)) == 1
    with pytest.raises(SourceError, match="no such source"):
        opened(str(tmp_path / "nowhere" / "photo.png"), [], interval=1.0)


def test_a_run_classifies_what_another_program_writes(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "colours.tflite")
    path = drop_photo(tmp_path, "latest.png", "red")
    with running(model, "--source", path, "--every", 0.02, "--json") as job:
        for name in ("red", "green", "blue"):
            if name != "red":
                drop_photo(tmp_path, "latest.png", name)
            event = job.event()
            assert (event["label"], event["source"]) == (name, str(path))
        assert job.end() == 0


# What frames are like


def test_brightness_is_that_of_the_colours_without_their_conversion() -> None:
    """Odd sizes too: a decoder's rows are longer than the picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (9, 15, 3), np.uint8).repeat(4, 0).repeat(4, 1)[:35, :59]
    for kind in ("yuvj420p", "yuv422p", "yuvj444p", "nv12", "gray"):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24").reformat(format=kind)
        shot = DecodedFrame(frame)
        assert shot.grey is not None, kind
        grey = shot.grey()
        assert grey.shape == shot().shape[:2] == (35, 59)
        expected = frame.reformat(format="gray").to_ndarray().astype(float)
        assert np.corrcoef(grey.ravel().astype(float), expected.ravel())[0, 1] > 0.999
        with pytest.raises(ValueError, match="read-only"):
            grey[0, 0] = 1
    rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels[:, :58]), format="rgb24")
    packed, planar = (DecodedFrame(rgb.reformat(format=kind)) for kind in ("yuyv422", "yuv422p"))
    assert packed.grey is not None
    assert planar.grey is not None
    assert packed.grey().shape == (35, 58)
    assert np.abs(packed.grey().astype(int) - planar.grey()).max() <= 1, "each was rounded on its own"
    assert DecodedFrame(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")).grey is None


def test_a_stream_that_changes_its_size_and_cuts_frames_in_half() -> None:
    notes: list[str] = []
    with WebCamera(parts=_parts) as camera:
        source = opened(f"{camera.url}/stream", notes)
        frames = taken(source, 30)
    assert {np.asarray(frame.load()).shape for frame in frames} == {(64, 96, 3), (75, 101, 3)}
    assert {colour(frame) for frame in frames} == {"red", "blue"}, "no frame is half red and half grey"
    assert isinstance(source, Live)
    assert source.damaged >= 5
    assert sum(frame.grey is not None for frame in frames) == len(frames)
    assert notes == [f"{camera.url}/stream gives damaged frames; they are skipped"]


TYPED = b"Content-Type: image/jpeg\r\n"


@pytest.mark.parametrize(
    ("boundary", "part"),
    [
        ("--frame", b"--frame\r\n" + TYPED + b"Content-Length: %d\r\n\r\n%b\r\n"),
        ('"frame"', b"--frame\r\ncontent-type:image/jpeg\r\ncontent-length:%d\r\nX-Time: 1\r\n\r\n%b"),
        ("other", b"\r\n--frame\r\n" + TYPED + b"Content-Length: %d\r\n\r\n%b\r\n"),
        ("frame", b"--frame\r\n" + TYPED + b"X-Length: %d\r\n\r\n%b\r\n"),
        ("frame", b"--frame\nContent-Type: image/jpeg\nX-Length: %d\n\n%b--frame--\n"),
        ("frame", b"--frame\r\nContent-Type: image/jpg\r\nContent-Length: %d\r\n\r\n%b\r\n"),
        ("frame", b"--frame\r\nContent-Type: image/jpeg; n=1\r\nContent-Length: %d\r\n\r\n%b\r\n"),
        ("frame", b"--frame\r\nContent-Length: %d\r\n\r\n%b\r\n"),
        ("frame", b"%d\r\n%b"),
    ],
)
def test_streams_of_jpegs_that_break_the_rules(boundary: str, part: bytes) -> None:
    def parts() -> Iterator[bytes]:
        for number in range(1_000_000):
            data = jpeg(("red", "blue")[number % 2])
            yield part % (len(data), data)

    notes: list[str] = []
    with WebCamera(parts=parts, boundary=boundary) as camera:
        frames = taken(opened(f"{camera.url}/stream", notes), 8)
    assert [colour(frame) for frame in frames] in (["red", "blue"] * 4, ["blue", "red"] * 4)
    assert notes == []


def _parts() -> Iterator[bytes]:
    """A stream that is cut in half every third time, with two sizes in turn."""
    for number in range(1_000_000):
        size, name = ((96, 64), "red") if number % 8 < 4 else ((101, 75), "blue")
        data = encoded(picture(name).resize(size), "JPEG")
        data = data[: len(data) // 2] if number % 3 == 1 else data
        yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(data), data)
