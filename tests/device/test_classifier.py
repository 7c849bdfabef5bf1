from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from graft_device import Classifier, GraftError, Prediction
from graft_device.classifier import dequantize, to_input
from graft_device.errors import ModelError, PhotoError
from graft_device.model import ModelFile, read_model
from graft_device.preprocess import preprocess
from graft_device.runtime import TensorSpec
from tests.device.test_runtime import each_kind, each_runtime
from tests.support.device_models import (
    COLOURS,
    KERNEL,
    LABELS,
    NOVELTY,
    SIZE,
    make_card,
    network,
    picture,
    write_artifact,
)

TOLERANCE = {"int8": 0.02, "float32": 1e-3}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("artifacts")
    return {kind: write_artifact(folder / f"{kind}.tflite", kind) for kind in ("int8", "float32")}


def expected(colour: str) -> NDArray[np.float64]:
    """The softmax of a colour's red, green and blue, worked out by hand."""
    powers = np.exp(np.array(COLOURS[colour]) @ KERNEL)
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


@each_kind
@each_runtime
@pytest.mark.parametrize("colour", COLOURS)
def test_colours_are_told_apart(colour: str, runtime: str, kind: str, models: dict[str, Path]) -> None:
    classifier = Classifier(models[kind], runtime)
    assert classifier.runtime == runtime
    found = classifier.classify(picture(colour))
    assert found[0].label == colour
    assert sorted(prediction.label for prediction in found) == sorted(LABELS)
    assert [prediction.score for prediction in found] == sorted((p.score for p in found), reverse=True)
    scores = {prediction.label: prediction.score for prediction in found}
    for label, score in zip(LABELS, expected(colour)):
        assert scores[label] == pytest.approx(score, abs=TOLERANCE[kind])


def test_a_link_that_is_switched_while_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a board's store is: labels and network must be those of one model."""
    write_artifact(tmp_path / "old.tflite")
    write_artifact(tmp_path / "new.tflite", labels=["blue", "red", "green"], kernel=KERNEL[:, [2, 0, 1]])
    link = tmp_path / "m.tflite"
    link.symlink_to("old.tflite")

    def read_and_switch(path: Path) -> ModelFile:
        found = read_model(path)
        link.unlink()
        link.symlink_to("new.tflite")
        return found

    monkeypatch.setattr("graft_device.classifier.read_model", read_and_switch)
    classifier = Classifier(link)
    assert classifier.classify(picture("red"))[0].label == "red"
    assert classifier.labels == tuple(LABELS)
    assert classifier.model.path == link


@each_kind
@each_runtime
def test_a_photo_below_the_threshold_is_unknown(runtime: str, kind: str, tmp_path: Path) -> None:
    card = replace(make_card(kind), thresholds={"unknown": {"score": 0.9, "false_rejection_rate": 0.05, "photos": 99}})
    classifier = Classifier(write_artifact(tmp_path / "m.tflite", kind, card=card), runtime)
    sure, unsure = picture("red"), Image.new("RGB", (40, 40), (90, 80, 70))
    assert not classifier.classify_timed(sure).unknown
    assert classifier.classify(sure)[0].label == "red"
    named = classifier.classify(unsure, unknown=False)
    assert named[0].label in LABELS
    assert named[0].score < 0.9
    timed = classifier.classify_timed(unsure)
    assert timed.unknown
    assert timed.reason == "uncertain"
    assert timed.predictions == named
    assert sum(p.score for p in named) == pytest.approx(1, abs=0.02)
    answer = classifier.classify(unsure, top_k=1)
    assert answer == named[:1]
    assert (answer.unknown, answer.label) == (True, "unknown")
    assert (named.unknown, named.reason, named.label) == (False, None, named[0].label)
    assert len(classifier.classify(unsure, top_k=99)) == len(LABELS)


@each_runtime
def test_a_photo_far_from_all_is_novel_and_one_between_classes_is_uncertain(runtime: str, tmp_path: Path) -> None:
    card = replace(make_card(), thresholds={"unknown": {"score": 0.6, "false_rejection_rate": 0.05, "photos": 99}})
    classifier = Classifier(write_artifact(tmp_path / "m.tflite", card=card, novelty=NOVELTY), runtime)
    reasons = [classifier.classify(Image.new("RGB", (9, 9), colour)).reason for colour in ((0, 0, 0), (255, 255, 255))]
    assert reasons == ["novel", "novel"]
    assert classifier.classify(Image.new("RGB", (9, 9), (125, 128, 60))).reason == "uncertain"
    assert [classifier.classify(picture(colour)).reason for colour in LABELS] == [None] * 3


@pytest.mark.parametrize("thresholds", [{}, {"unknown": {}}, {"unknown": None}, {"unknown": {"score": None}}])
def test_a_card_without_a_threshold_refuses_nothing(thresholds: dict[str, Any], tmp_path: Path) -> None:
    card = replace(make_card(), thresholds=thresholds)
    classifier = Classifier(write_artifact(tmp_path / "m.tflite", card=card))
    assert not classifier.classify_timed(Image.new("RGB", (40, 40), (90, 80, 70))).unknown


def test_what_comes_back(models: dict[str, Path]) -> None:
    classifier = Classifier(str(models["int8"]))
    assert classifier.labels == LABELS
    assert classifier.model.card == make_card()
    best = classifier.classify(picture("red"), top_k=1)[0]
    assert isinstance(best, Prediction)
    assert (type(best.label), type(best.score)) == (str, float)
    assert best == (best.label, best.score)
    timed = classifier.classify_timed(picture("red"), top_k=1)
    assert timed.predictions == [best]
    assert timed.preprocess_ms > 0
    assert timed.invoke_ms > 0


@pytest.mark.parametrize(("top_k", "count"), [(1, 1), (2, 2), (3, 3), (99, 3), (0, 0), (-1, 0)])
def test_top_k(top_k: int, count: int, models: dict[str, Path]) -> None:
    found = Classifier(models["int8"]).classify(picture("green"), top_k)
    assert len(found) == count
    assert [prediction.label for prediction in found[:1]] == ["green"][:count]


def test_three_labels_unless_told(tmp_path: Path) -> None:
    kernel = np.linspace(0, 0.02, 15, dtype=np.float32).reshape(3, 5)
    path = write_artifact(tmp_path / "five.tflite", labels="abcde", kernel=kernel)
    assert [p.label for p in Classifier(path).classify(picture("red"))] == ["e", "d", "c"]


@each_kind
def test_labels_of_equal_score_keep_the_order_of_the_labels(kind: str, tmp_path: Path) -> None:
    labels = [f"class {n}" for n in range(20)]
    kernel = np.zeros((3, 20), np.float32)
    kernel[0, 13] = 0.01
    path = write_artifact(tmp_path / "ties.tflite", kind, labels=labels, kernel=kernel)
    found = [p.label for p in Classifier(path).classify(picture("red"), 20)]
    assert found == ["class 13", *(label for label in labels if label != "class 13")]


@each_kind
def test_all_scores_in_the_order_of_the_labels(kind: str, models: dict[str, Path]) -> None:
    classifier = Classifier(models[kind])
    scores = classifier.classify_scores(picture("blue"))
    assert scores.shape == (3,)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected("blue"), atol=TOLERANCE[kind])
    np.testing.assert_array_equal(classifier.scores(preprocess(picture("blue"), SIZE)), scores)


@each_kind
def test_path_bytes_image_and_array_agree(kind: str, models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "green.png"
    picture("green").save(path)
    classifier = Classifier(models[kind])
    answers = [
        classifier.classify(source)
        for source in (path, str(path), path.read_bytes(), picture("green"), np.asarray(picture("green")))
    ]
    assert answers[0][0].label == "green"
    assert all(answer == answers[0] for answer in answers)


def test_the_numbers_at_the_edges_of_the_network() -> None:
    pixels = np.array([[[0, 64, 255]]], np.uint8)
    uint8 = TensorSpec((1, 1, 1, 3), np.dtype(np.uint8), 0.5, 10)
    float32 = TensorSpec((1, 1, 1, 3), np.dtype(np.float32), 0.0, 0)
    as_is = to_input(pixels, uint8, 127.5, 127.5)
    normalized = to_input(pixels, float32, 64, 2)
    assert (as_is.shape, as_is.dtype.name, as_is.ravel().tolist()) == ((1, 1, 1, 3), "uint8", [0, 64, 255])
    assert (normalized.dtype.name, normalized.ravel().tolist()) == ("float32", [-32, 0, 95.5])
    assert dequantize(pixels, uint8).ravel().tolist() == [-5, 27, 122.5]
    assert dequantize(np.array([0.25, 0.75], np.float32), float32).tolist() == [0.25, 0.75]


def test_the_resize_rule_is_the_cards(tmp_path: Path) -> None:
    photo = Image.new("RGB", (400, 400), (0, 0, 255))
    photo.paste((40, 0, 0), (25, 25, 375, 375))  # what crop keeps has no blue in it
    found = {}
    for rule in ("squash", "crop"):
        path = write_artifact(tmp_path / f"{rule}.tflite", card=make_card(resize=rule))
        found[rule] = Classifier(path).classify(photo, 1)[0].label
    assert found == {"squash": "blue", "crop": "red"}


def test_a_photo_that_cannot_be_read(models: dict[str, Path], tmp_path: Path) -> None:
    classifier = Classifier(models["int8"])
    for source in (b"", tmp_path, tmp_path / "nowhere.jpg", np.zeros((4, 4), np.float32)):
        with pytest.raises(PhotoError):
            classifier.classify(source)
        with pytest.raises(GraftError):
            classifier.classify_scores(source)
    assert classifier.classify(picture("red"))[0].label == "red"


@pytest.mark.parametrize("labels", [LABELS[:2], (*LABELS, "violet")])
def test_labels_that_do_not_fit_the_network(labels: tuple[str, ...], tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite", labels=labels)
    with pytest.raises(ModelError, match=rf"m.tflite has {len(labels)} labels for an output of \[1, 3\]; train"):
        Classifier(path)


def test_a_card_that_does_not_fit_the_network(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite", card=make_card(size=64))
    with pytest.raises(
        ModelError, match=r"m.tflite has an input of \[1, 32, 32, 3\], but its card gives 64 pixels; train it again"
    ):
        Classifier(path)


def test_a_resize_rule_from_a_later_version(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite", card=replace(make_card(), resize="letterbox"))
    with pytest.raises(ModelError, match="'letterbox'; this version knows squash, crop; update graftkit"):
        Classifier(path)


def test_a_model_without_a_card(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(network())
    with pytest.raises(ModelError, match="no model card"):
        Classifier(tmp_path / "m.tflite")
