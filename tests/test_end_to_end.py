"""The main job on real weights and real photos, and on the whole network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.runtime import installed_runtimes, open_model
from graft_host.backbones.inception_v3.convolutions import CONVOLUTIONS
from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.dataset import scan
from graft_host.photos.split_rule import SplitRule
from graft_host.support import flatbuffer
from tests.conftest import Trained, graft_device, graft_json
from tests.support import mediapipe_reader

pytestmark = pytest.mark.slow

RUNTIMES = [name for name in installed_runtimes() if name != "tensorflow"]


def test_mixed7_at_299_is_as_good_as_promised(pets: Trained) -> None:
    assert pets.report["labels"] == ["cats", "dogs"]
    assert sum(pets.report["photos"].values()) == 500
    assert pets.report["accuracy"]["shipped"] >= 0.97
    assert pets.report["agreement"] >= 0.99


def test_mixed8_at_224_is_as_good_as_promised(
    pets: Trained, weights_file: Path, cats_and_dogs: Path, tmp_path: Path
) -> None:
    options = ["--weights", weights_file, "--tap", "mixed8", "--image-size", "224", "--cache", pets.cache]
    report = graft_json("train", cats_and_dogs, "-o", tmp_path / "pets.tflite", *options)
    assert report["accuracy"]["shipped"] >= 0.97
    assert report["agreement"] >= 0.99


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_splits_are_as_good(pets: Trained, weights_file: Path, tmp_path: Path, seed: int) -> None:
    """Another seed calibrates on other photos; the split must not matter."""
    cache = tmp_path / "cache"
    (cache / "backbones").parent.mkdir()
    options = ["--weights", weights_file, "--tap", "mixed7", "--image-size", "150", "--seed", seed]
    report = graft_json("train", pets.photos, "-o", tmp_path / "pets.tflite", *options, "--cache", cache)
    assert report["accuracy"]["shipped"] >= 0.93
    assert report["agreement"] >= 0.985


def test_the_recipe_of_2015(pets: Trained, weights_file: Path, tmp_path: Path) -> None:
    options = ["--weights", weights_file, "--tap", "mixed7", "--optimizer", "sgd", "--learning-rate", "0.5"]
    options += ["--steps", "4000", "--cache", pets.cache]
    report = graft_json("train", pets.photos, "-o", tmp_path / "pets.tflite", *options)
    assert report["cache"] == {"hits": 500, "misses": 0, "backbone": "reused"}
    assert report["accuracy"]["shipped"] >= 0.9


def test_twenty_more_photos_are_all_that_is_extracted(pets: Trained, weights_file: Path, tmp_path: Path) -> None:
    """Four hundred and eighty first, then all."""
    some = tmp_path / "some"
    left_out = 0
    for photo in sorted(pets.photos.glob("*/*")):
        (some / photo.parent.name).mkdir(parents=True, exist_ok=True)
        if left_out < 20 and photo.name.endswith("7.jpg"):
            left_out += 1
        else:
            (some / photo.parent.name / photo.name).symlink_to(photo)
    options = ["--weights", weights_file, "--tap", "mixed2", "--image-size", "100", "--cache", tmp_path / "cache"]
    first = graft_json("train", some, "-o", tmp_path / "first.tflite", *options)
    second = graft_json("train", pets.photos, "-o", tmp_path / "second.tflite", *options)
    assert first["cache"]["misses"] == 480
    assert second["cache"] == {"hits": 480, "misses": 20, "backbone": "reused"}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_board_says_what_the_folders_say(pets: Trained, runtime: str) -> None:
    photos = sorted(pets.photos.glob("*/*"))[::25]
    done = graft_device("classify", pets.model, *photos, "--json", "--top-k", "1", "--runtime", runtime)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["image"] for answer in answers] == [str(photo) for photo in photos]
    right = [answer["predictions"][0]["label"] == Path(answer["image"]).parent.name for answer in answers]
    assert np.mean(right) >= 0.95
    assert all(answer["ms"].keys() == {"preprocess", "invoke"} for answer in answers)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_strangers_are_refused_and_known_photos_are_not(pets: Trained, runtime: str, tmp_path: Path) -> None:
    """Photos of hardware parts against a model of cats and dogs; and the share of known photos that is stated."""
    render_dataset(tmp_path / "parts", 10, 7)
    rule, photos = SplitRule(), scan(pets.photos, 2).photos
    tests = [photo.path for photo in photos if rule.part(photo.digest) == "test"]
    parts = sorted((tmp_path / "parts").glob("*/*.jpg"))
    done = graft_device("classify", pets.model, *tests, *parts, "--json", "--runtime", runtime, timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    refused = [answer["unknown"] for answer in answers]
    stated = Classifier(pets.model).model.card.thresholds["unknown"]["false_rejection_rate"]
    assert stated == 0.05
    assert np.mean(refused[: len(tests)]) <= stated
    assert np.mean(refused[len(tests) :]) >= 0.9
    reasons = [answer["reason"] for answer in answers[len(tests) :] if answer["unknown"]]
    assert np.mean([reason == "novel" for reason in reasons]) >= 0.9
    sums = [sum(entry["score"] for entry in answer["predictions"]) for answer in answers]
    assert sums == pytest.approx([1.0] * len(sums), abs=1e-3)


@pytest.mark.parametrize("quantization", ["int8", "float32"])
def test_mediapipe_names_what_the_board_names(
    pets: Trained, weights_file: Path, quantization: str, tmp_path: Path
) -> None:
    """On the test photos, as they are: MediaPipe decodes and resizes them in its own way."""
    model = pets.model
    if quantization == "float32":
        model = tmp_path / "pets.tflite"
        options = ["--weights", weights_file, "--tap", "mixed7", "--image-size", "150", "--quantize", "float32"]
        graft_json("train", pets.photos, "-o", model, *options, "--cache", pets.cache)
    theirs, ours = _mediapipe_and_board(model, pets.photos)
    assert np.mean([_best(said) == _best(answer) for said, answer in zip(theirs, ours, strict=True)]) >= 0.99


@pytest.mark.parametrize("quantization", ["int8", "float32"])
def test_mediapipe_names_what_the_board_names_with_a_light_network(
    cats_and_dogs: Path, shared_cache: Path, quantization: str, tmp_path: Path
) -> None:
    model = tmp_path / "pets.tflite"
    options = ["--backbone", "efficientnet-lite0", "--quantize", quantization, "--cache", shared_cache]
    graft_json("train", cats_and_dogs, "-o", model, *options)
    theirs, ours = _mediapipe_and_board(model, cats_and_dogs)
    clear = [(said, answer) for said, answer in zip(theirs, ours, strict=True) if max(answer.values()) > 0.75]
    assert len(clear) >= 0.9 * len(ours)
    assert all(_best(said) == _best(answer) for said, answer in clear)
    assert np.mean([abs(said["cats"] - answer["cats"]) for said, answer in zip(theirs, ours, strict=True)]) < 0.02


def _mediapipe_and_board(model: Path, photos: Path) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """The scores of both for the test photos, by label."""
    rule = SplitRule()
    tests = [photo.path for photo in scan(photos, 2).photos if rule.part(photo.digest) == "test"]
    (theirs,) = mediapipe_reader.classify([model], tests)
    done = graft_device("classify", model, *tests, "--json", "--top-k", 2, "--no-unknown", timeout=300)
    answers = [json.loads(line)["predictions"] for line in done.stdout.splitlines()]
    ours = [{prediction["label"]: prediction["score"] for prediction in answer} for answer in answers]
    assert all(said.keys() == {"cats", "dogs"} for said in (*theirs, *ours))
    return theirs, ours


def _best(scores: dict[str, float]) -> str:
    return max(scores, key=lambda label: scores[label])


def test_the_cached_backbone_lies_in_the_file_untouched(pets: Trained) -> None:
    card = Classifier(pets.model).model.card
    backbone = (pets.cache / "backbones" / f"{card.backbone['fingerprint']}.tflite").read_bytes()
    before = flatbuffer.unpack(backbone, "backbone")
    after = flatbuffer.unpack(pets.model.read_bytes(), "model")
    assert len(before.buffers) > 2 * CONVOLUTIONS["mixed7"]  # a kernel and a bias each
    for old, new in zip(before.buffers, after.buffers, strict=False):
        assert (old.data is None and new.data is None) or bytes(old.data) == bytes(new.data)


def test_the_whole_network_runs_on_every_runtime(tmp_path: Path) -> None:
    """mixed10 at 299, the 2,048 numbers of the 2015 graph; random weights, as the real ones can't be had here."""
    render_dataset(tmp_path / "photos", 10, 0)
    options = ["--weights", "random", "--tap", "mixed10", "--image-size", "299", "--test-percent", "40"]
    report = graft_json("train", tmp_path / "photos", "-o", tmp_path / "m.tflite", *options, "--cache", tmp_path / "c")
    assert report["bytes"] > 20_000_000
    (backbone,) = (tmp_path / "c" / "backbones").glob("*.tflite")
    assert open_model(backbone).output.shape == (1, 2048)
    photo = min((tmp_path / "photos").glob("*/*.jpg"))
    answers = [dict(Classifier(tmp_path / "m.tflite", runtime).classify(photo)) for runtime in RUNTIMES]
    for answer in answers:
        assert answer == pytest.approx(answers[0], abs=3 / 256)


def test_moving_and_renaming_changes_nothing(pets: Trained, weights_file: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(pets.photos, tmp_path / "moved"))
    for index, photo in enumerate(sorted(moved.glob("*/*"))):
        photo.rename(photo.with_name(f"{index}.jpeg"))
    options = ["--weights", weights_file, "--tap", "mixed7", "--cache", pets.cache]
    report = graft_json("train", moved, "-o", tmp_path / "pets.tflite", *options)
    assert report["cache"] == {"hits": 500, "misses": 0, "backbone": "reused"}
    assert report["confusion"] == pets.report["confusion"]
    assert (tmp_path / "pets.tflite").read_bytes() == pets.model.read_bytes()
