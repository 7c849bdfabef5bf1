"""Regions and masks, states and observers of a view, through the loop of a run."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device.classifier import Classifier
from graft_device.config.areas import AreaError, parse_mask, parse_roi
from graft_device.config.settings import AnswerSettings, Confirm
from graft_device.outputs.events import Event
from graft_device.outputs.fan_out import FanOut
from graft_device.outputs.views import View
from graft_device.preprocess import PhotoSource
from graft_device.run.observers import Observer, SeenFrame
from graft_device.run.sight import Masks
from graft_device.run.watching import Outputs, Watched, watch
from graft_device.sources.base import Frame
from graft_device.system.stopping import Stop
from tests.support.device_models import COLOURS, write_artifact
from tests.support.sinks import Calling
from tests.support.watching import watched


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Classifier:
    return Classifier(write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite"))


class Frames:
    """Gives frames a second apart by a clock of its own, as a video does."""

    live = False
    name = "clip"

    def __init__(self, photos: list[PhotoSource], sessions: dict[int, int] | None = None) -> None:
        self._photos = photos
        self._sessions = sessions or {}

    def frames(self, stop: Stop) -> Iterator[Frame | None]:  # noqa: ARG002
        for number, photo in enumerate(self._photos, 1):
            load = functools.partial(_same, photo)
            session = self._sessions.get(number, 0)
            yield Frame(load, self.name, number, "2026-01-31T12:00:00.000Z", 0.0, session, position=float(number))


def _same(photo: PhotoSource) -> PhotoSource:
    return photo


def halves(left: str, right: str) -> NDArray[np.uint8]:
    """A frame of 64 x 48 pixels with two colours."""
    pixels = np.empty((48, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = COLOURS[left], COLOURS[right]
    return pixels


class Noting(Observer):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, SeenFrame]] = []
        self.states: list[str | None] = []
        self.held: list[float | None] = []
        self.wrong: list[tuple[str, str]] = []

    def seen(self, view: View, seen: SeenFrame) -> None:
        self.frames.append((view.id, seen))

    def still(self, view: View, frame: Frame, whole: Callable[[], PhotoSource]) -> None:  # noqa: ARG002
        self.held.append(frame.position)

    def state(self, view: View, label: str | None) -> None:  # noqa: ARG002
        self.states.append(label)

    def failed(self, source: str, reason: str) -> None:
        self.wrong.append((source, reason))


def run(
    watched: list[Watched], observers: tuple[Observer, ...] = (), note: Callable[[str], None] = print
) -> list[Event]:
    events: list[Event] = []
    sinks = FanOut(print)
    sinks.add(Calling(events.append, ends_run=True))
    watch(watched, Outputs(sinks, lambda *_: None, observers), Stop(), note)
    return events


@pytest.mark.parametrize(("roi", "label"), [("0,0,0.5,1", "red"), ("0.5,0,0.5,1", "blue"), ("40,0,20,48", "blue")])
@pytest.mark.parametrize("as_file", [False, True])
def test_the_model_sees_the_region_and_nothing_else(
    roi: str, label: str, as_file: bool, classifier: Classifier, tmp_path: Path
) -> None:
    photo: Any = halves("red", "blue")
    if as_file:
        Image.fromarray(photo).save(tmp_path / "photo.png")
        photo = str(tmp_path / "photo.png")
    noting = Noting()
    one = watched(Frames([photo]), classifier, AnswerSettings(), roi=parse_roi(roi), observers=(noting,))
    (event,) = run([one])
    assert event.label == label
    assert isinstance(event.photo, np.ndarray), "what is kept is the crop"
    assert event.photo.shape[0] == 48
    assert event.photo.shape[1] in {20, 32}
    ((_, seen),) = noting.frames
    assert seen.box == parse_roi(roi).box(64, 48)
    assert np.array_equal(np.asarray(seen.photo), event.photo)


def test_a_masked_part_is_black_for_the_model_and_for_who_looks(classifier: Classifier) -> None:
    noting = Noting()
    one = watched(Frames([halves("red", "blue")]), classifier, AnswerSettings(), observers=(noting,))
    one = dataclasses.replace(one, masks=Masks([parse_mask("0,0,32,48")]))
    run([one])
    whole = np.asarray(noting.frames[0][1].whole())
    assert not whole[:, :31].any()
    assert (whole[:, 34:] == COLOURS["blue"]).all()


def test_a_photo_without_region_or_mask_stays_a_file(classifier: Classifier, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    Image.fromarray(halves("red", "red")).save(path)
    (event,) = run([watched(Frames([str(path)]), classifier, AnswerSettings())])
    assert event.photo == str(path)


def test_a_region_outside_of_the_frame_is_an_error_that_says_so(classifier: Classifier) -> None:
    one = watched(Frames([halves("red", "red")]), classifier, AnswerSettings(), roi=parse_roi("100,0,10,10"))
    with pytest.raises(AreaError, match="outside of the frame of 64 x 48 pixels"):
        run([one])


def test_a_region_outside_of_one_camera_does_not_stop_the_others(classifier: Classifier) -> None:
    notes: list[str] = []
    wrong = watched(Frames([halves("red", "red")] * 3), classifier, AnswerSettings(), roi=parse_roi("100,0,10,10"))
    right = watched(Frames([halves("blue", "blue")] * 3), classifier, AnswerSettings())
    assert [event.label for event in run([wrong, right], note=notes.append)] == ["blue"] * 3
    assert len(notes) == 1
    assert "outside of the frame" in notes[0]


def test_states_are_entered_and_left_and_the_last_is_left_at_the_end(classifier: Classifier) -> None:
    colours = ["red"] * 4 + ["blue"] * 2 + ["red"] + ["blue"] * 4
    noting = Noting()
    frames = Frames([halves(colour, colour) for colour in colours])
    one = watched(frames, classifier, AnswerSettings(confirm=Confirm(3, 3)), observers=(noting,))
    events = run([one])
    assert [(event.kind, event.label, event.position, event.duration) for event in events] == [
        ("enter", "red", 3.0, None),
        ("leave", "red", 10.0, 7.0),
        ("enter", "blue", 10.0, None),
        ("leave", "blue", 11.0, 1.0),
    ]
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert noting.states == ["red", "blue", None]
    reds = [np.asarray(event.photo)[0, 0].tolist() == list(COLOURS["red"]) for event in events]
    assert reds == [True, True, False, False], "what leaves is shown as it was, not what came after it"


def test_what_cannot_be_read_is_reported_and_the_run_goes_on(classifier: Classifier) -> None:
    noting = Noting()
    frames = Frames([b"no photo", halves("red", "red")])
    events = run([watched(frames, classifier, AnswerSettings())], (noting,))
    assert [event.label for event in events] == ["red"]
    assert [source for source, _ in noting.wrong] == ["clip"]


class EverySecond:
    """A gate that lets every second frame pass."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.resets = 0

    def update(self, pixels: NDArray[np.uint8], now: float) -> bool:
        self.shapes.append(pixels.shape)
        return now % 2 == 1

    def reset(self) -> None:
        self.resets += 1


def test_a_gate_sees_its_region_and_holds_frames_back(classifier: Classifier) -> None:
    gate, noting = EverySecond(), Noting()
    frames = Frames([halves("red", "blue")] * 6, sessions={5: 1, 6: 1})
    roi = parse_roi("0.5,0,0.5,1")
    events = run([watched(frames, classifier, AnswerSettings(), roi=roi, gate=gate, observers=(noting,))])
    assert [event.position for event in events] == [1, 3, 5]
    assert noting.held == [2, 4, 6]
    assert {shape[:2] for shape in gate.shapes} == {(48, 32)}
    assert gate.resets == 1, "the camera was opened again"


def test_a_state_that_is_held_back_to_the_end_is_left_at_the_last_frame(classifier: Classifier) -> None:
    class OnlyFirst(EverySecond):
        def update(self, pixels: NDArray[np.uint8], now: float) -> bool:  # noqa: ARG002
            return now == 1

    frames = Frames([halves("red", "red")] * 5)
    events = run([watched(frames, classifier, AnswerSettings(confirm=Confirm(1, 1)), gate=OnlyFirst())])
    assert [(event.kind, event.position, event.duration) for event in events] == [
        ("enter", 1.0, None),
        ("leave", 5.0, 4.0),
    ]


def test_two_views_share_a_frame_and_their_events_are_numbered_together(classifier: Classifier) -> None:
    loads = []

    class Counted(Frames):
        def frames(self, stop: Stop) -> Iterator[Frame | None]:
            for frame in super().frames(stop):
                assert frame is not None
                yield dataclasses.replace(frame, load=functools.partial(self._load, frame))

        def _load(self, frame: Frame) -> PhotoSource:
            loads.append(frame.number)
            return frame.load()

    source = Counted([halves("red", "blue")] * 3)
    left = watched(source, classifier, AnswerSettings(), roi=parse_roi("0,0,0.5,1"))
    right = watched(source, classifier, AnswerSettings(), roi=parse_roi("0.5,0,0.5,1"))
    both = dataclasses.replace(left, looks=(*left.looks, *right.looks), models=("model", "model"))
    events = run([both])
    assert [event.label for event in events] == ["red", "blue"] * 3
    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert loads == [1, 2, 3], "each frame is loaded once"
