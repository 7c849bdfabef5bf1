"""Models in processes of their own: answers, files that are no models, and processes that die."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from graft_device import Classifier
from graft_device.errors import GraftError, ModelError, PhotoError
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import open_project
from graft_host.studio.project.models import find_models
from graft_host.studio.trials.command import classify_command
from graft_host.studio.trials.trials import Trials
from tests.support.device_models import COLOURS, LABELS, NOVELTY, picture, write_artifact
from tests.support.hostile_models import write_crasher, write_hungry


@pytest.fixture
def trials(tmp_path: Path) -> Iterator[Trials]:
    project = open_project(tmp_path / "project")
    write_artifact(project.models / "colours.tflite", novelty=NOVELTY)
    with Trials(project, tmp_path / "cache") as opened:
        yield opened


def jpeg(colour: str) -> bytes:
    memory = BytesIO()
    picture(colour).save(memory, "JPEG")
    return memory.getvalue()


def test_an_answer_is_that_of_the_board(trials: Trials) -> None:
    classifier = Classifier(trials.project.models / "colours.tflite")
    for colour in COLOURS:
        answer = trials.classify("colours.tflite", jpeg(colour))
        expected = classifier.classify(jpeg(colour), top_k=5)
        assert [(one["label"], one["score"]) for one in answer["predictions"]] == [
            (one.label, round(one.score, 6)) for one in expected
        ]
        assert answer["predictions"][0]["label"] == colour
        assert min(answer["ms"].values()) > 0
    description = trials.describe("colours.tflite")
    assert (description["labels"], description["runtime"]) == ([*LABELS], classifier.runtime)


def test_a_process_that_was_killed_is_started_again(trials: Trials) -> None:
    process = trials.process("colours.tflite")
    trials.classify("colours.tflite", jpeg("red"))
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert trials.classify("colours.tflite", jpeg("blue"))["predictions"][0]["label"] == "blue"
    assert process.pid not in {None, first}


def test_a_file_that_is_no_photo_is_refused_and_the_next_photo_is_not(trials: Trials) -> None:
    for content in (b"", b"a text", jpeg("red")[:200]):
        with pytest.raises(PhotoError):
            trials.classify("colours.tflite", content)
    assert trials.classify("colours.tflite", jpeg("red"))["predictions"][0]["label"] == "red"


def test_a_photo_that_would_fill_the_memory_is_refused(trials: Trials) -> None:
    with pytest.raises(PhotoError, match="too large to decode"):
        trials.classify("colours.tflite", huge_png())


def huge_png() -> bytes:
    """A few kB that become 100 megapixels."""
    memory = BytesIO()
    Image.new("1", (10_000, 10_000)).save(memory, "PNG")
    return memory.getvalue()


def test_a_file_that_is_no_model_is_refused_in_one_line(trials: Trials) -> None:
    models = trials.project.models
    (models / "text.tflite").write_text("no model")
    whole = (models / "colours.tflite").read_bytes()
    (models / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    (models / "flipped.tflite").write_bytes(whole[:600] + bytes(byte ^ 0xFF for byte in whole[600:900]) + whole[900:])
    for name in ("text.tflite", "cut.tflite", "flipped.tflite"):
        with pytest.raises(ModelError) as refused:
            trials.describe(name)
        assert name in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("write", [write_crasher, write_hungry])
def test_a_model_that_does_harm_ends_no_studio(trials: Trials, write: Callable[[Path], Path]) -> None:
    """Its checksum is right, so that only trying it shows what it does."""
    write(trials.project.models / "harmful.tflite")
    with pytest.raises(ModelError, match=r"harmful\.tflite"):
        trials.describe("harmful.tflite")
    assert trials.classify("colours.tflite", jpeg("red"))["predictions"][0]["label"] == "red"


def test_only_models_of_the_project_can_be_chosen(trials: Trials, tmp_path: Path) -> None:
    write_artifact(tmp_path / "outside.tflite")
    (trials.project.models / "link.tflite").symlink_to(tmp_path / "outside.tflite")
    for name in (
        "link.tflite",
        "../../outside.tflite",
        "missing.tflite",
        "",
        ".",
        "a\0.tflite",
        str(tmp_path / "outside.tflite"),
    ):
        with pytest.raises(GraftError):
            trials.describe(name)
    with pytest.raises(StudioError):
        trials.process("missing.tflite")
    assert [model.name for model in find_models(trials.project)] == ["colours.tflite"]


def test_the_newest_model_comes_first_and_a_new_file_of_the_same_name_takes_its_place(trials: Trials) -> None:
    models = trials.project.models
    before = trials.process("colours.tflite")
    assert before is trials.process("colours.tflite")
    trials.classify("colours.tflite", jpeg("red"))
    write_artifact(models / "later.tflite")
    os.utime(models / "colours.tflite", (1, 1))
    assert [model.name for model in find_models(trials.project)] == ["later.tflite", "colours.tflite"]
    write_artifact(models / "new.tflite", labels=("a", "b", "c")).replace(models / "colours.tflite")
    assert trials.describe("colours.tflite")["labels"] == ["a", "b", "c"]
    assert before.pid is None


def test_the_command_line_quotes_names() -> None:
    assert classify_command("pets.tflite") == "graft-device classify models/pets.tflite photo.jpg"
    assert classify_command("my pets.tflite") == "graft-device classify 'models/my pets.tflite' photo.jpg"


def test_processes_end_with_the_trials(trials: Trials) -> None:
    with trials:
        process = trials.process("colours.tflite")
        process.description()
        number = process.pid
        assert Path(f"/proc/{number}").exists()
    assert not Path(f"/proc/{number}").exists()
