"""Why a model answers as it does: the part of the picture that mattered, and the photos that are most alike."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from graft_device.classifier import Classifier
from graft_device.errors import ModelError
from graft_host.backbones.bottlenecks.tap_bottlenecks import store_path
from graft_host.studio.album.album import Album
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.trials.nearest import Near, NearestPhotos
from graft_host.studio.trials.occlusion import StoppedError, log_odds, occlusion
from graft_host.studio.trials.reasons import picture_map
from graft_host.studio.trials.trials import Trials
from graft_host.support.vector_store import BottleneckStore
from tests.support.device_models import COLOURS, make_card, write_artifact

GREY = (128, 128, 128)
STEEP = np.diag(np.full(3, 0.4, np.float32))
"""Logits per level of mean colour, so that a small patch decides."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    opened = open_project(tmp_path / "project")
    write_artifact(opened.models / "colours.tflite", kernel=STEEP)
    return opened


@pytest.fixture
def trials(project: Project, tmp_path: Path) -> Iterator[Trials]:
    with Trials(project, tmp_path / "cache") as opened:
        yield opened


def png(image: Image.Image) -> bytes:
    memory = BytesIO()
    image.save(memory, "PNG")
    return memory.getvalue()


def with_patch(place: tuple[int, int]) -> bytes:
    """Something grey with a red patch of a quarter of each side."""
    image = Image.new("RGB", (80, 60), GREY)
    image.paste(COLOURS["red"], (place[0], place[1], place[0] + 20, place[1] + 15))
    return png(image)


def found_map(trials: Trials, picture: bytes) -> dict[str, object]:
    return picture_map(trials, "colours.tflite", picture, lambda _done, _total: None, lambda: False)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((0, 0), "upper_left"),
        ((60, 0), "upper_right"),
        ((0, 45), "lower_left"),
        ((60, 45), "lower_right"),
        ((30, 22), "middle"),
    ],
)
def test_the_part_that_the_answer_depends_on_stands_out(trials: Trials, place: tuple[int, int], name: str) -> None:
    made = found_map(trials, with_patch(place))
    assert (made["label"], made["place"], made["margin"]) == ("red", name, 0)
    values = np.array(made["values"])
    row, column = np.unravel_index(values.argmax(), values.shape)
    assert abs((row + 0.5) / len(values) * 60 - (place[1] + 7.5)) < 12
    assert abs((column + 0.5) / len(values) * 80 - (place[0] + 10)) < 16


def test_where_no_part_matters_none_is_named(trials: Trials) -> None:
    assert found_map(trials, png(Image.new("RGB", (80, 60), COLOURS["red"])))["place"] == "nowhere"


def test_the_map_leaves_out_what_the_network_is_not_shown(trials: Trials) -> None:
    write_artifact(trials.project.models / "colours.tflite", kernel=STEEP, card=make_card(resize="crop"))
    assert found_map(trials, with_patch((0, 0)))["margin"] == pytest.approx(1 / 16)


def test_covering_stops_when_nobody_waits_any_more() -> None:
    asked: list[int] = []

    def logits(
        inputs: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        asked.append(len(inputs))
        return np.zeros((len(inputs), 2), np.float32)

    with pytest.raises(StoppedError):
        occlusion(np.zeros((32, 32, 3), np.uint8), 0, logits, lambda _done, _total: None, lambda: len(asked) > 2)
    assert sum(asked) < 20


@given(st.lists(st.floats(-30, 30), min_size=2, max_size=6), st.integers(0, 5))
def test_log_odds_are_those_of_the_softmax(logits: list[float], label: int) -> None:
    label %= len(logits)
    exact = np.exp(np.array(logits) - max(logits))
    expected = np.log(exact[label]) - np.log(exact.sum() - exact[label]) if exact.sum() > exact[label] else np.inf
    found = float(log_odds(np.array([logits], np.float32), label)[0])
    assert np.isfinite(found)
    if np.isfinite(expected) and abs(expected) < 12:
        assert found == pytest.approx(expected, abs=1e-3)


# the photos that are most alike


def write_photos(project: Project) -> None:
    """Shades of each colour; the model is newer than all of them."""
    for label, colour in COLOURS.items():
        folder = project.photos / label
        folder.mkdir(exist_ok=True)
        for number in range(8):
            shade = tuple(min(255, level + 2 * number) for level in colour)
            (folder / f"{number}.png").write_bytes(png(Image.new("RGB", (40, 40), shade)))
            os.utime(folder / f"{number}.png", (1_000_000 + number, 1_000_000 + number))


class Finder:
    """Asks for the nearest photos, and counts the bottlenecks that are computed for that."""

    def __init__(self, trials: Trials, cache: Path) -> None:
        self.computed = 0
        self._found = NearestPhotos(trials, Album(trials.project, cache))

    def __call__(self, picture: bytes, stop_after: int = 1_000_000) -> tuple[Near, ...]:
        self.computed = 0

        def progress(done: int, _total: int) -> None:
            self.computed = done

        return self._found.find("colours.tflite", picture, progress, lambda: self.computed >= stop_after)


@pytest.fixture
def finder(trials: Trials, tmp_path: Path) -> Finder:
    write_photos(trials.project)
    return Finder(trials, tmp_path / "cache")


def reddish() -> bytes:
    return png(Image.new("RGB", (50, 50), (236, 26, 36)))


def test_the_nearest_photos_are_of_the_right_class_and_computed_once(
    finder: Finder, trials: Trials, tmp_path: Path
) -> None:
    found = finder(reddish())
    assert [one.label for one in found] == ["red"] * 6
    assert [one.listed.id for one in found[:1]] == ["red/3.png"]
    assert found[0].likeness > 0.99
    assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)
    assert finder.computed == 24
    assert Finder(trials, tmp_path / "cache")(png(Image.new("RGB", (9, 9), COLOURS["blue"])))[0].label == "blue"
    finder(reddish())
    assert finder.computed == 0


def test_a_photo_that_was_moved_is_found_and_one_that_is_gone_is_not(finder: Finder, trials: Trials) -> None:
    photos = trials.project.photos
    first, second = (one.listed.id for one in finder(reddish())[:2])
    (photos / "odd").mkdir()
    (photos / first).rename(photos / "odd/moved.png")
    (photos / second).unlink()
    found = {one.listed.id: one.label for one in finder(reddish())}
    assert found["odd/moved.png"] == "odd"
    assert not {first, second} & set(found)
    assert finder.computed == 0


def test_photos_that_the_model_was_not_trained_on_are_no_reason(finder: Finder, trials: Trials) -> None:
    photos, model = trials.project.photos, trials.project.models / "colours.tflite"
    tested = hashlib.sha256((photos / "red/3.png").read_bytes()).hexdigest()[:16]
    write_artifact(model, kernel=STEEP, card=make_card(split={"test": [tested]}))
    (photos / "red/later.png").write_bytes(reddish() + b"\0")
    os.utime(photos / "red/later.png", (model.stat().st_mtime + 5,) * 2)
    own = photos / "red/own.png"
    own.write_bytes(reddish())
    os.utime(own, (1, 1))
    found = [one.listed.id for one in finder(reddish())]
    assert len(found) == 6
    assert not {"red/3.png", "red/later.png", "red/own.png"} & set(found)


@pytest.mark.parametrize("true", [True, False])
def test_bottlenecks_of_the_training_are_used_if_they_are_of_the_same_network(
    finder: Finder, trials: Trials, tmp_path: Path, true: bool
) -> None:
    runtime = Classifier(trials.project.models / "colours.tflite").runtime
    files = sorted(trials.project.photos.rglob("*.png"))
    rows = []
    for file in files:
        with Image.open(file) as image:
            colour = np.asarray(image, np.float32).mean(axis=(0, 1)) - 128
        row = np.clip(np.rint(colour), -128, 127).astype(np.int8)
        rows.append((hashlib.sha256(file.read_bytes()).hexdigest(), row if true else row[::-1]))
    with BottleneckStore(store_path(tmp_path / "cache", "0" * 64, "squash", runtime), np.dtype(np.int8), 3) as store:
        store.put(rows)
    assert [one.label for one in finder(reddish())] == ["red"] * 6
    assert finder.computed == (0 if true else len(files))


def test_a_card_that_was_made_to_do_harm_names_no_file(finder: Finder, trials: Trials, tmp_path: Path) -> None:
    card = make_card(split={"test": [{}, 3]})
    card.backbone["fingerprint"] = "../../precious"
    model = write_artifact(trials.project.models / "colours.tflite", kernel=STEEP, card=card)
    runtime = Classifier(model).runtime
    precious = store_path(tmp_path / "cache", "../../precious", "squash", runtime).resolve()
    precious.write_text("no database")
    assert [one.label for one in finder(reddish())] == ["red"] * 6
    assert (precious.read_text(), [*precious.parent.glob("precious*")]) == ("no database", [precious])


def test_comparing_stops_when_nobody_waits_and_keeps_what_it_computed(finder: Finder) -> None:
    with pytest.raises(StoppedError):
        finder(reddish(), stop_after=10)
    assert [one.label for one in finder(reddish())] == ["red"] * 6
    assert finder.computed == 14


def test_photos_are_not_compared_by_a_model_with_another_head_and_the_map_comes_from_its_scores(trials: Trials) -> None:
    path = trials.project.models / "colours.tflite"
    data = write_artifact(path, kernel=STEEP, checksum=False).read_bytes()
    assert b"head/weights" in data
    path.write_bytes(data.replace(b"head/weights", b"odd/weights!"))
    assert found_map(trials, with_patch((0, 0)))["place"] == "upper_left"
    with pytest.raises(ModelError, match="cannot be compared"):
        NearestPhotos(trials, Album(trials.project, None)).find(
            "colours.tflite", reddish(), lambda _done, _total: None, lambda: False
        )
