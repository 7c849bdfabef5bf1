from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from graft_device.errors import DatasetError, ModelError
from graft_device.system.machine import usable_cores
from graft_host.evaluation.evaluate import Evaluation, evaluate, evaluate_folder
from graft_host.heads.head import Array
from graft_host.photos.dataset import scan
from graft_host.photos.split import split
from graft_host.photos.split_rule import SplitRule
from tests.support.device_models import COLOURS, make_card, picture, write_artifact
from tests.support.quiet import QUIET, QuietReporter


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Four pictures of each colour; one blue picture is in the folder of the red ones."""
    for colour in COLOURS:
        (tmp_path / "photos" / colour).mkdir(parents=True)
        for index in range(4):
            mislabelled = colour == "blue" and index == 3
            folder = tmp_path / "photos" / ("red" if mislabelled else colour)
            picture(colour, (40 + index, 30)).save(folder / f"{colour}{index}.png")
    return tmp_path / "photos"


def test_figures_equal_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    truth, scores = rng.integers(4, size=100), rng.random((100, 5)).astype(np.float32)
    scores[:, 3] = 0  # never predicted
    result = Evaluation(
        labels=tuple("abcde"),
        truth=truth.astype(np.int64),
        scores=scores,
        failures={},
        paths=tuple(Path(f"{n}.jpg") for n in range(len(truth))),
    )
    assert result.accuracy == pytest.approx(accuracy_score(truth, result.predicted))
    np.testing.assert_array_equal(result.confusion, confusion_matrix(truth, result.predicted, labels=range(5)))
    theirs = precision_recall_fscore_support(truth, result.predicted, labels=range(5), zero_division=0)
    ours = [[row[name] for row in result.per_class().values()] for name in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(ours, theirs)


def test_a_folder_is_classified_by_the_file_itself(tmp_path: Path, colours: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite")
    result = evaluate_folder(model, colours, "all", 2, QUIET)
    assert result.labels == ("red", "green", "blue")
    assert result.confusion.tolist() == [[4, 0, 1], [0, 4, 0], [0, 0, 3]]
    figures = result.to_json()
    assert (figures["photos"], figures["accuracy"]) == (12, pytest.approx(11 / 12))
    assert figures["per_class"]["blue"] == {"precision": 0.75, "recall": 1.0, "f1": pytest.approx(6 / 7), "support": 3}


def test_labels_are_in_the_order_of_the_model(tmp_path: Path, colours: Path) -> None:
    swapped: Array = np.eye(3, dtype=np.float32)[:, [1, 0, 2]] * np.float32(0.02)
    model = write_artifact(tmp_path / "model.tflite", labels=["green", "red", "blue"], kernel=swapped)
    assert evaluate_folder(model, colours, "all", 1, QUIET).accuracy == pytest.approx(11 / 12)


def test_a_class_that_the_model_does_not_have(tmp_path: Path, colours: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite")
    (colours / "green").rename(colours / "mauve")
    with pytest.raises(DatasetError, match=r"has no label 'mauve', only red, green, blue; rename the folders"):
        evaluate_folder(model, colours, "all", 1, QUIET)


def test_the_test_photos_are_those_that_training_kept_aside(tmp_path: Path, colours: Path) -> None:
    split = {"seed": 3, "test_percent": 50, "validation_percent": 0}
    model = write_artifact(tmp_path / "model.tflite", card=make_card(split=split))
    some = evaluate_folder(model, colours, "test", 1, QUIET)
    assert 0 < len(some.truth) < 12
    none_kept = write_artifact(tmp_path / "none.tflite", card=make_card(split={**split, "test_percent": 1e-9}))
    with pytest.raises(DatasetError, match=r"is a test photo of .*; give --split all"):
        evaluate_folder(none_kept, colours, "test", 1, QUIET)
    unrecorded = write_artifact(tmp_path / "unrecorded.tflite")
    with pytest.raises(ModelError, match="does not record how its photos were split; give --split all"):
        evaluate_folder(unrecorded, colours, "test", 1, QUIET)


def test_a_copy_of_a_photo_that_was_trained_on_does_not_count(
    tmp_path: Path, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    rule = SplitRule(3, 50, 0)
    parts = split(scan(colours, 1), rule)
    model = write_artifact(tmp_path / "model.tflite", card=make_card(split=parts.record(rule)))
    before = evaluate_folder(model, colours, "test", 1, QuietReporter())
    assert set(before.paths) == {photo.path for photo in parts.test}
    shutil.copy(parts.train[0].path, colours / "red" / "copied.png")
    for height in range(20, 40):
        picture("green", (40, height)).save(colours / "red" / f"{height}.png")
    reporter = QuietReporter()
    assert evaluate_folder(model, colours, "test", 1, reporter).paths == before.paths
    assert "a near duplicate of a photo that it may have used" in reporter.notes[0]


def test_a_single_class_can_be_evaluated(tmp_path: Path, colours: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite")
    (tmp_path / "some" / "blue").mkdir(parents=True)
    for path in (colours / "blue").iterdir():
        path.rename(tmp_path / "some" / "blue" / path.name)
    (tmp_path / "some" / "blue" / "text.jpg").write_text("no photo")
    result = evaluate_folder(model, tmp_path / "some", "all", 1, QUIET)
    assert result.accuracy == 1
    assert [entry["reason"] for entry in result.to_json()["skipped"]] == [
        "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image"
    ]


def test_a_photo_that_cannot_be_decoded_is_left_out_with_its_reason(tmp_path: Path, colours: Path) -> None:
    model = write_artifact(tmp_path / "model.tflite")
    path = colours / "red" / "red0.png"
    path.write_bytes(path.read_bytes()[:-30])
    dataset = scan(colours, 1)
    result = evaluate(model, dataset.photos, dataset.labels, usable_cores(), lambda _done, _total: None)
    assert len(result.truth) == 11
    assert list(result.failures) == [path]
