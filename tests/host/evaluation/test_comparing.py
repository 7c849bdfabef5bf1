"""A new model beside an old one, on the same photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device.errors import DatasetError
from graft_host import evaluate
from graft_host.evaluation.comparing import compare
from graft_host.evaluation.evaluate import Evaluation
from graft_host.evaluation.golden_kept import GoldenCheck, check_golden
from graft_host.evaluation.old_model import FairPhotos, OldModel, open_old_model
from tests.conftest import error_line, graft
from tests.support.device_models import COLOURS, LABELS, make_card, write_artifact
from tests.support.hostile_models import write_hungry
from tests.support.stores import write_model

NO_GOLDEN = GoldenCheck()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty photos of each colour."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for label, colour in COLOURS.items():
        (root / label).mkdir()
        for number in range(20):
            pixels = np.clip(np.array(colour) + rng.integers(-15, 16, (8, 8, 3)), 0, 255).astype(np.uint8)
            image = Image.fromarray(pixels).resize((40, 40), Image.Resampling.NEAREST)
            image.save(root / label / f"{number:02}.png")
    return root


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> OldModel:
    return open_old_model(write_artifact(tmp_path_factory.mktemp("old") / "old.tflite"))


def split_by(seed: int, percent: float = 50) -> dict[str, Any]:
    return {"seed": seed, "test_percent": percent, "validation_percent": 0.0}


def model(path: Path, labels: tuple[str, ...] = LABELS, **training: Any) -> Path:
    return write_artifact(path, labels=labels, card=make_card(**training))


def answers(labels: tuple[str, ...], truth: str, named: str, *, score: float = 0.9, below: float = 0.0) -> Evaluation:
    """One answer a word, such as ``"red red"``, for photos called 0, 1 and so on."""
    names, answered = truth.split(), named.split()
    scores = np.full((len(names), len(labels)), (1 - score) / max(1, len(labels) - 1), np.float32)
    scores[np.arange(len(names)), [labels.index(name) for name in answered]] = score
    return Evaluation(
        labels=labels,
        truth=np.array([labels.index(name) for name in names], np.int64),
        scores=scores,
        failures={},
        paths=tuple(Path(str(number)) for number in range(len(names))),
        unknown_below=below,
    )


def test_photos_that_only_one_model_names_are_listed_with_both_answers(old: OldModel) -> None:
    before = answers(LABELS, "red red green blue", "red red blue blue")
    after = answers(LABELS, "red red green blue", "red green green blue", score=0.8)
    found = compare(old, FairPhotos((), unseen=True), before, after, NO_GOLDEN)
    (worse,), (better,) = found.worse, found.better
    assert worse.to_json() == {
        "path": "1", "truth": "red",
        "old": {"label": "red", "score": pytest.approx(0.9), "unknown": False},
        "new": {"label": "green", "score": pytest.approx(0.8), "unknown": False},
    }  # fmt: skip
    assert (better.path, better.truth, better.old.label) == (Path("2"), "green", "blue")
    assert (found.counts.both, found.counts.neither) == (2, 0)
    assert found.drops == ()


def test_a_photo_that_is_called_unknown_now_got_worse(old: OldModel) -> None:
    before = answers(LABELS, "red green", "red green")
    after = answers(LABELS, "red green", "red green", score=0.5, below=0.6)
    found = compare(old, FairPhotos((), unseen=True), before, after, NO_GOLDEN)
    assert [photo.new.unknown for photo in found.worse] == [True, True]


def test_photos_of_a_new_class_do_not_count_but_those_taken_for_it_do(old: OldModel) -> None:
    labels = ("blue", "green", "pink", "red")
    before = answers(LABELS, "red green", "red green")
    after = answers(labels, "red green pink pink", "pink green pink red")
    found = compare(old, FairPhotos((), unseen=True), before, after, NO_GOLDEN)
    assert found.counts.photos == 2
    assert [(photo.truth, photo.new.label) for photo in found.worse] == [("red", "pink")]
    assert (found.only_in_new, found.only_in_old) == (("pink",), ())
    assert set(found.classes) == {"red", "green"}


def test_a_model_that_confuses_two_classes_is_refused_with_status_3(photos: Path, tmp_path: Path) -> None:
    first = model(tmp_path / "old.tflite", split=split_by(1))
    second = model(tmp_path / "new.tflite", ("green", "red", "blue"), split=split_by(1))
    done = graft("evaluate", second, photos, "--against", first)
    assert "worse than" in error_line(done, 3)
    assert "McNemar's test: p " in error_line(done, 3)
    lost = [path for label in ("red", "green") for path in (photos / label).iterdir() if f"  {path}: " in done.stdout]
    assert 10 < len(lost) < 40  # those of the test part
    result = evaluate(second, photos, against=first)
    assert result.comparison is not None
    assert {str(photo.path) for photo in result.comparison.worse} == set(map(str, lost))
    figures = json.loads(json.dumps(result.to_json()))["comparison"]
    assert figures["both_right"] + figures["only_old"] == figures["photos"]
    same = evaluate(first, photos, against=first).comparison
    assert same is not None
    assert (same.why_worse, same.worse, same.better) == ("", (), ())


def test_only_photos_that_neither_was_trained_on_are_compared(photos: Path, tmp_path: Path) -> None:
    first = model(tmp_path / "old.tflite", split=split_by(1))
    second = model(tmp_path / "new.tflite", split=split_by(2))
    notes: list[str] = []
    result = evaluate(second, photos, against=first, note=notes.append)
    assert result.comparison is not None
    assert result.comparison.unseen
    assert 0 < result.comparison.counts.photos < len(result.truth) < 60
    assert any("--seed 1 --test-percent 50 --validation-percent 0" in note for note in notes)


def test_without_a_photo_that_neither_saw_the_split_to_use_is_named(photos: Path, tmp_path: Path) -> None:
    nothing = {**split_by(3), "given": ["train", "test"], "test": []}
    first, second = model(tmp_path / "old.tflite", split=nothing), model(tmp_path / "new.tflite", split=split_by(1))
    with pytest.raises(DatasetError, match=r"may have been trained on all .* split the photos as it did"):
        evaluate(second, photos, against=first)


def test_an_old_model_without_a_recorded_split_is_compared_with_a_warning(photos: Path, tmp_path: Path) -> None:
    first, second = model(tmp_path / "old.tflite"), model(tmp_path / "new.tflite", split=split_by(1))
    notes: list[str] = []
    result = evaluate(second, photos, against=first, note=notes.append)
    assert result.comparison is not None
    assert result.comparison.counts.photos == len(result.truth)
    assert not result.comparison.unseen
    assert any(note.startswith("warning: ") and "does not record how" in note for note in notes)


def test_models_without_a_class_in_common_cannot_be_compared(photos: Path, tmp_path: Path) -> None:
    first = model(tmp_path / "old.tflite", ("ants", "bees", "wasps"), split=split_by(1))
    with pytest.raises(DatasetError, match="none of the classes"):
        evaluate(model(tmp_path / "new.tflite", split=split_by(1)), photos, against=first)


def test_a_hostile_old_file_is_an_error_and_harms_nothing(photos: Path, tmp_path: Path) -> None:
    first, second = write_hungry(tmp_path / "old.tflite"), model(tmp_path / "new.tflite", split=split_by(1))
    error = error_line(graft("evaluate", second, photos, "--against", first))
    assert error.startswith(f"error: {first} ")


def test_golden_photos_must_get_the_same_label(tmp_path: Path) -> None:
    old = open_old_model(write_model(tmp_path / "old.tflite", photos=True))
    same = check_golden(write_model(tmp_path / "same.tflite"), [old])
    assert len(same.photos) == 6
    assert same.changed == ()
    swapped = check_golden(write_artifact(tmp_path / "new.tflite", labels=("green", "red", "blue")), [old])
    assert {photo.old.label for photo in swapped.changed} == {"red", "green"}
    assert swapped.text.startswith("4 of 6 golden photos changed, first golden photo 1 of ")


def test_golden_photos_that_say_nothing_are_left_out_by_reason(tmp_path: Path) -> None:
    photographed = open_old_model(write_model(tmp_path / "old.tflite", photos=True))
    rendered = open_old_model(write_model(tmp_path / "rendered.tflite"))
    without_red = write_artifact(tmp_path / "new.tflite", labels=("pink", "green", "blue"))
    found = check_golden(without_red, [photographed, rendered])
    assert {photo.old.label for photo in found.photos} == {"green", "blue"}
    reasons = dict(found.left_out)
    assert reasons["of a class that the new model does not have"] == 2
    assert reasons["rendered, not photographed"] > 0
