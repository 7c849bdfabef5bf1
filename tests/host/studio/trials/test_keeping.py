"""Pictures that were tried become photos."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from graft_device.errors import GraftError, PhotoError
from graft_device.outputs.noted_jpegs import without_notes
from graft_device.outputs.photo_notes import notes_of
from graft_host.studio.album.album import Album
from graft_host.studio.project.folder import open_project
from graft_host.studio.trials.keeping import Said, keep
from graft_host.studio.trials.trials import Trials
from tests.support.device_models import picture, write_artifact


@pytest.fixture
def trials(tmp_path: Path) -> Iterator[Trials]:
    project = open_project(tmp_path / "project")
    write_artifact(project.models / "colours.tflite")
    with Trials(project, tmp_path / "cache") as opened:
        yield opened


@pytest.fixture
def album(trials: Trials, tmp_path: Path) -> Album:
    return Album(trials.project, tmp_path / "cache")


def frame() -> bytes:
    memory = BytesIO()
    picture("red").save(memory, "JPEG")
    return memory.getvalue()


def test_a_frame_keeps_what_the_model_said_and_what_the_person_said(trials: Trials, album: Album) -> None:
    photo = keep(trials, album, frame(), Said("colours.tflite", "green"))
    assert photo is not None
    path = album.path(photo.id)
    assert path.parent == trials.project.photos / "green"
    assert path.name.endswith(".captured.jpg")
    with Image.open(path) as image:
        notes = notes_of(image)
    assert notes is not None
    assert (notes.said, notes.unknown, notes.predictions[0].label) == ("green", False, "red")
    digest = hashlib.sha256((trials.project.models / "colours.tflite").read_bytes()).hexdigest()
    assert notes.model == digest[:16]
    assert without_notes(path.read_bytes()) == frame()


def test_a_file_stays_as_it_is_and_is_added_once(trials: Trials, album: Album) -> None:
    said = Said("colours.tflite", "unknown", "my photo.jpg")
    photo = keep(trials, album, frame(), said)
    assert photo is not None
    assert (photo.id, album.path(photo.id).read_bytes()) == ("unknown/my photo.jpg", frame())
    assert keep(trials, album, frame(), said) is None
    assert album.delete([photo.id]) == 1
    assert album.state().binned == 1


def test_what_is_no_photo_or_no_class_is_refused(trials: Trials, album: Album) -> None:
    for name in ("", "notes.jpg"):
        with pytest.raises(PhotoError):
            keep(trials, album, b"a text", Said("colours.tflite", "green", name))
    for label in ("", "../out", "a/b", "."):
        with pytest.raises(GraftError):
            keep(trials, album, frame(), Said("colours.tflite", label, "a.jpg"))
    assert [one.label for one in album.state().classes if one.photos] == []
