"""A model on the bottlenecks of several taps goes through every command."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from graft_device.classifier import Classifier, dequantize, to_input
from graft_device.preprocess import preprocess
from graft_device.runtime import installed_runtimes
from graft_host.backbones.bottlenecks.workers import OpenNetwork
from graft_host.demo.rendering.render import render_dataset
from graft_host.export.shipped_head import read_head
from graft_host.photos.dataset import scan
from graft_host.photos.split_rule import SplitRule
from graft_host.support import flatbuffer
from tests.conftest import Trained, error_line, graft, graft_device, graft_json
from tests.support.host_data import run_python
from tests.support.tiny_family import install
from tests.support.tiny_models import FAST, Made, card_in, on_path

RUNTIMES = [name for name in installed_runtimes() if name != "tensorflow"]
NUMBERS = ("int8", "dynamic", "float16", "float32")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    folder = tmp_path_factory.mktemp("several")
    photos, cache, model = folder / "photos", folder / "cache", folder / "m.tflite"
    render_dataset(photos, 14, 0)
    with on_path(folder / "site", install(folder / "site")):
        words = [
            "train",
            photos,
            "-o",
            model,
            *FAST,
            "--cache",
            cache,
            "--tap",
            "late+early",
            "--report",
            folder / "r.html",
        ]
        yield Made(photos, cache, model, graft_json(*words))


def _scores(model: Path, photo: Path, runtime: str = "auto") -> NDArray[np.float64]:
    answer = {entry.label: entry.score for entry in Classifier(model, runtime).classify(photo, top_k=3)}
    return np.array([answer[label] for label in sorted(answer)])


@pytest.mark.slow
def test_the_card_names_the_taps_in_the_order_of_their_depth(made: Made) -> None:
    card = card_in(made.model)
    assert card["tap"] == "early+late"
    backbone = made.cache / "backbones" / f"{card['backbone']['fingerprint']}.tflite"
    assert [spec.shape for spec in OpenNetwork(backbone).outputs] == [(1, 8), (1, 24)]
    inspected = graft_json("inspect", made.model)
    assert inspected["card"]["tap"] == "early+late"
    assert all(runtime["runs"] for runtime in inspected["runtimes"])
    used = {operator["name"]: (operator["version"], operator["count"]) for operator in inspected["operators"]}
    assert used["CONCATENATION"] == (1, 2)  # of the taps, and of the squares that make a distance
    assert used["DEQUANTIZE"] == (2, 2)
    assert used["FULLY_CONNECTED"][0] == 1
    assert "early+late" in (made.model.parent / "r.html").read_text()
    assert "up to early+late" in graft_device("info", made.model).stdout


@pytest.mark.slow
def test_the_report_of_train_is_what_evaluate_finds(made: Made) -> None:
    assert graft_json("evaluate", made.model, made.photos)["accuracy"] == made.report["accuracy"]["shipped"]
    assert made.report["agreement"] == 1
    words = ["train", made.photos, *FAST, "--cache", made.cache, "--overwrite"]
    again = graft_json(*words, "-o", made.model, "--tap", "early+late")
    assert again["cache"]["backbone"] == "reused"
    assert again["cache"]["misses"] == 0
    single = graft_json(*words, "-o", made.model.with_name("early.tflite"), "--tap", "early")
    assert single["cache"]["backbone"] == "reused"
    assert single["cache"]["misses"] == 0
    wider = graft_json(*words, "-o", made.model.with_name("all.tflite"), "--tap", "early+middle+late")
    assert wider["cache"]["misses"] == wider["cache"]["hits"] + wider["cache"]["misses"] == 42


@pytest.mark.slow
@pytest.mark.parametrize("numbers", NUMBERS)
def test_every_kind_of_numbers_gives_the_scores_of_the_float_head(made: Made, tmp_path: Path, numbers: str) -> None:
    model = tmp_path / "m.tflite"
    options = ["--quantize", numbers, "--cache", made.cache, "--unknown-rate", "0", "--tap", "early+late"]
    report = graft_json("train", made.photos, "-o", model, *FAST, *options, "--max-drop", "1")
    assert report["agreement"] == 1
    assert "float32" in report["accuracy"]
    scores = [_scores(model, made.photo, runtime) for runtime in RUNTIMES]
    expected = _by_hand(model, made.cache, made.photo)
    for ours in scores:
        assert ours == pytest.approx(expected, abs=2e-3 if numbers == "dynamic" else 1e-4)


def _by_hand(model: Path, cache: Path, photo: Path) -> NDArray[np.float64]:
    """The softmax of the shipped head on the bottlenecks of the cached backbone."""
    card, (kernel, bias) = Classifier(model).model.card, read_head(model)
    network = OpenNetwork(cache / "backbones" / f"{card.backbone['fingerprint']}.tflite")
    pixels = to_input(preprocess(photo, card.image_size), network.input, card.mean, card.std)
    parts = [dequantize(part, spec) for part, spec in zip(network(pixels), network.outputs, strict=True)]
    logits = np.concatenate(parts) @ kernel + bias
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum())


@pytest.mark.slow
def test_diagnose_has_a_bottleneck_for_each_tap_and_judges_the_noisiest(made: Made) -> None:
    figures = graft_json("diagnose", made.model, made.photos, "--limit", "4")
    layers = {layer["name"]: layer for layer in sorted(figures["layers"], key=lambda layer: layer["order"])}
    assert [*layers] == ["pixels", "early", "middle", "late", "bottleneck_early", "bottleneck_late"]
    ratios = {name: layers[name]["sqnr"] for name in ("bottleneck_early", "bottleneck_late")}
    worst = min(ratios, key=lambda name: ratios[name])
    assert figures["bottleneck"] == ratios[worst]
    assert figures["verdict"].startswith(f"{worst} {ratios[worst]:.1f} dB, the noisiest of 2; ")
    assert min(ratios.values()) > 15
    assert figures["agreement"] == 1


@pytest.mark.slow
def test_the_exported_network_computes_what_the_float_model_does(made: Made, tmp_path: Path) -> None:
    model, network = tmp_path / "float.tflite", tmp_path / "m.keras"
    options = ["--quantize", "float32", "--unknown-rate", "0", "--cache", made.cache, "--tap", "early+late"]
    graft_json("train", made.photos, "-o", model, *FAST, *options)
    graft_json("export", model, "--format", "keras", "-o", network)
    graft_json("export", model, "--format", "saved-model", "-o", tmp_path / "saved")
    np.save(tmp_path / "pixels.npy", preprocess(made.photo, 32))
    code = """
import sys, keras, numpy as np, tensorflow as tf
pixels = np.load(sys.argv[3]).astype(np.float32)[np.newaxis]
print(*keras.models.load_model(sys.argv[1]).predict(pixels, verbose=0)[0])
print(*tf.saved_model.load(sys.argv[2]).signatures["serving_default"](tf.constant(pixels))["probabilities"][0].numpy())
"""
    done = run_python(code, network, tmp_path / "saved", tmp_path / "pixels.npy")
    for line in done.stdout.splitlines():
        assert _scores(model, made.photo) == pytest.approx([float(number) for number in line.split()], abs=1e-4)
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.slow
def test_check_and_compare_take_several_taps(made: Made) -> None:
    options = (*FAST, "--cache", made.cache, "--tap", "late+early")
    assert graft_json("check", made.photos, *options)["photos"] == 42
    rows = graft_json("compare", made.photos, *options)["rows"]
    assert [row["quantization"] for row in rows] == [*NUMBERS[::-1], "int8"]


@pytest.mark.slow
def test_a_card_with_other_taps_than_the_file_is_an_error(made: Made, tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    with zipfile.ZipFile(made.model) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    card = json.loads(entries["graft.json"])
    entries["graft.json"] = json.dumps({**card, "tap": "late"}).encode()
    network = made.model.read_bytes()[: _network_length(made.model)]
    with model.open("wb") as file:
        file.write(network)
    with zipfile.ZipFile(model, "a") as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    line = error_line(graft("diagnose", model, made.photos))
    assert "cannot be compared with the float32 network of its card" in line


def _network_length(model: Path) -> int:
    with zipfile.ZipFile(model) as archive:
        return min(entry.header_offset for entry in archive.infolist())


@pytest.fixture(scope="module")
def joined_pets(
    pets: Trained, weights_file: Path, cats_and_dogs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    """Four taps of Inception-v3 at 192 on real weights."""
    model = tmp_path_factory.mktemp("pets") / "pets.tflite"
    options = ["--weights", weights_file, "--tap", "mixed5+mixed6+mixed7+mixed8", "--image-size", "192"]
    report = graft_json("train", cats_and_dogs, "-o", model, *options, "--cache", pets.cache)
    return Trained(model, report, pets.cache, cats_and_dogs)


def _tests(photos: Path) -> list[Path]:
    rule = SplitRule()
    return [photo.path for photo in scan(photos, 2).photos if rule.part(photo.digest) == "test"]


@pytest.mark.slow
def test_four_taps_of_inception_are_as_good_as_promised(joined_pets: Trained, weights_file: Path) -> None:
    assert joined_pets.report["accuracy"]["shipped"] >= 0.96
    assert joined_pets.report["agreement"] == 1
    single = joined_pets.model.with_name("mixed7.tflite")
    options = ["--weights", weights_file, "--tap", "mixed7", "--image-size", "192", "--cache", joined_pets.cache]
    report = graft_json("train", joined_pets.photos, "-o", single, *options)
    assert report["cache"] == {"hits": 500, "misses": 0, "backbone": "reused"}


@pytest.mark.slow
def test_both_runtimes_name_the_classes_of_the_float_head(joined_pets: Trained) -> None:
    """The joined int8 bottlenecks of each runtime, and the head in float64."""
    model = joined_pets.model
    kernel, bias = read_head(model)
    fused = flatbuffer.unpack(model.read_bytes(), "model").subgraphs[0]
    assert [tensor.name for tensor in fused.tensors].count(b"head/bottleneck") == 1
    named = []
    for runtime in RUNTIMES:
        classifier = Classifier(model, runtime)
        answers = [dict(classifier.classify(photo)) for photo in _tests(joined_pets.photos)]
        named.append([max(answer, key=lambda label: answer[label]) for answer in answers])
    assert all(names == named[0] for names in named)
    card = Classifier(model).model.card
    network = OpenNetwork(joined_pets.cache / "backbones" / f"{card.backbone['fingerprint']}.tflite")
    labels = Classifier(model).model.labels
    for photo, name in zip(_tests(joined_pets.photos), named[0], strict=True):
        parts = network(preprocess(photo, 192)[np.newaxis])
        joined = np.concatenate([dequantize(part, spec) for part, spec in zip(parts, network.outputs, strict=True)])
        assert labels[int(np.argmax(joined @ kernel + bias))] == name


@pytest.mark.slow
def test_the_bottlenecks_of_four_taps_are_those_of_each_alone(joined_pets: Trained) -> None:
    backbones = joined_pets.cache / "backbones"
    card = Classifier(joined_pets.model).model.card
    network = OpenNetwork(backbones / f"{card.backbone['fingerprint']}.tflite")
    singles = {}
    for path in backbones.glob("*.tflite"):
        runner = OpenNetwork(path)
        if runner.input.shape == (1, 192, 192, 3) and len(runner.outputs) == 1:
            singles[(runner.outputs[0].shape, runner.outputs[0].scale)] = runner
    for photo in _tests(joined_pets.photos)[:10]:
        pixels = preprocess(photo, 192)[np.newaxis]
        for part, spec in zip(network(pixels), network.outputs, strict=True):
            assert np.array_equal(part, singles[(spec.shape, spec.scale)](pixels)[0])


@pytest.mark.slow
def test_diagnose_judges_four_taps_of_inception(joined_pets: Trained, weights_file: Path) -> None:
    options = ["--weights", weights_file, "--split", "all", "--limit", "16"]
    figures = graft_json("diagnose", joined_pets.model, joined_pets.photos, *options)
    ends = {layer["name"]: layer["sqnr"] for layer in figures["layers"] if layer["name"].startswith("bottleneck_")}
    assert sorted(ends) == ["bottleneck_mixed5", "bottleneck_mixed6", "bottleneck_mixed7", "bottleneck_mixed8"]
    assert figures["bottleneck"] == min(ends.values()) > 20
    assert figures["agreement"] == 1
