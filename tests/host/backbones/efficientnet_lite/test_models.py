"""Models of EfficientNet-Lite from training to export and diagnosis, on real weights and real photos."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.classifier import Classifier, dequantize, to_input
from graft_device.model import read_model
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.registry import family
from graft_host.backbones.weights.find import find_weights
from graft_host.heads.head import fit_softmax
from graft_host.photos.dataset import scan
from graft_host.photos.split_rule import SplitRule
from graft_host.tflite.fuse import fuse
from tests.conftest import Trained, graft, graft_device, graft_json
from tests.support.exported import exported_scores

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.slow

RUNTIMES = ("litert", "tflite-runtime")
QUANTIZATIONS = ("int8", "dynamic", "float16", "float32")
SIDE = 128
MEANS = {"int8": 0.015, "dynamic": 0.015, "float16": 0.001, "float32": 1e-5}
"""How far the scores of a file may be from those of the float32 file, on average."""


def installed(name: str) -> str:
    """The name of a family whose package is here."""
    if not family(name).named_weights[0].path().is_file():
        pytest.skip(f"{name} is not installed")
    return name


def trained(photos: Path, model: Path, cache: Path, *options: object) -> Trained:
    return Trained(model, graft_json("train", photos, "-o", model, *options, "--cache", cache), cache, photos)


@pytest.fixture(scope="module")
def models(cats_and_dogs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trained]:
    """Lite0 up to its last tap at 128 in each quantization."""
    folder = tmp_path_factory.mktemp("lite0")
    options = ("--backbone", "efficientnet-lite0", "--tap", "top", "--image-size", SIDE, "--quantize")
    return {
        kind: trained(cats_and_dogs, folder / f"{kind}.tflite", folder / "cache", *options, kind)
        for kind in QUANTIZATIONS
    }


def kept(photos: Path) -> list[Path]:
    rule = SplitRule()
    return [photo.path for photo in scan(photos, 2).photos if rule.part(photo.digest) == "test"]


def scores(model: Path, runtime: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    classifier = Classifier(model, runtime=runtime)
    return np.stack([classifier.scores(photo) for photo in pixels])


def test_lite0_at_224_is_as_good_as_inception(cats_and_dogs: Path, tmp_path: Path) -> None:
    report = trained(
        cats_and_dogs, tmp_path / "m.tflite", tmp_path / "cache", "--backbone", "efficientnet-lite0"
    ).report
    assert report["pretrained"]
    assert report["accuracy"]["shipped"] >= 0.97
    assert report["agreement"] >= 0.99


@pytest.mark.parametrize("tap", ["expand6", "top"])
def test_the_int8_file_agrees_with_the_float_head_on_int8_bottlenecks(
    cats_and_dogs: Path, tap: str, tmp_path: Path
) -> None:
    """The head is trained on LiteRT's bottlenecks. tflite-runtime's differ on x86; file and head still agree."""
    weights = find_weights("imagenet", family=family("efficientnet-lite0"))
    photos = sorted(cats_and_dogs.glob("*/*.jpg"))
    training, held_out = photos[::2], photos[1::5]
    labels = np.array([path.parent.name == "dogs" for path in training], np.int64)
    pixels = np.stack([preprocess(path, SIDE) for path in training])
    new = np.stack([preprocess(path, SIDE) for path in held_out])
    data = convert(weights, [tap], SIDE, "int8", pixels[::8], 2, None)[0]
    network, model = tmp_path / "network.tflite", tmp_path / "model.tflite"
    network.write_bytes(data)
    known = _bottlenecks(network, "litert", pixels)
    head = fit_softmax(known, labels, np.ones(len(labels)), 2, (0.1,))[0]
    model.write_bytes(fuse(data, head, known))
    for runtime in RUNTIMES:
        logits = head.logits(_bottlenecks(network, runtime, new)).astype(np.float64)
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        runner = open_model(model, runtime, threads=1)
        shipped = np.stack([runner(photo[np.newaxis])[0] for photo in new])
        assert np.mean(shipped.argmax(axis=1) == expected.argmax(axis=1)) >= 0.99, runtime
        assert np.abs(shipped - expected).max() < 0.02, runtime
        assert np.abs(shipped - expected).mean() < 0.01, runtime


def _bottlenecks(path: Path, runtime: str, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    runner = open_model(path, runtime, threads=1)
    return np.stack([dequantize(runner(to_input(each, runner.input, 127, 128))[0], runner.output) for each in pixels])


@pytest.mark.parametrize("kind", QUANTIZATIONS)
def test_every_quantization_trains_and_classifies(models: dict[str, Trained], kind: str) -> None:
    """When this was written, each got 94.5%, and scores differed from float32's by 0.007 on average at most."""
    model = models[kind]
    assert model.report["accuracy"]["shipped"] >= 0.92
    assert model.report["agreement"] >= 0.98
    done = graft_device("classify", model.model, *kept(model.photos)[:2], "--json")
    assert done.returncode == 0, done.stderr
    assert {json.loads(line)["predictions"][0]["label"] for line in done.stdout.splitlines()} <= {"cats", "dogs"}
    pixels = np.stack([preprocess(path, SIDE) for path in kept(model.photos)])
    exact = scores(models["float32"].model, "litert", pixels)
    for runtime in RUNTIMES:
        found = scores(model.model, runtime, pixels)
        assert np.abs(found - exact).mean() <= MEANS[kind], runtime
        assert np.mean(found.argmax(axis=1) == exact.argmax(axis=1)) >= 0.96, runtime


def test_smaller_numbers_make_smaller_files(models: dict[str, Trained]) -> None:
    """The head does not shrink, so float16 is a bit more than half as large; what else is in a file is not compared."""
    networks = {kind: read_model(model.model).network_bytes for kind, model in models.items()}
    sizes = {kind: size / networks["float32"] for kind, size in networks.items()}
    assert 0.5 < sizes["float16"] < 0.52
    assert 0.25 < sizes["dynamic"] < sizes["int8"] < 0.31


def test_a_keras_file_gives_the_scores_of_a_float32_model(
    models: dict[str, Trained], cats_and_dogs: Path, tmp_path: Path
) -> None:
    """Of one that calls no photo unknown, since exports do not shrink the logits of unknown photos."""
    options = ("--backbone", "efficientnet-lite0", "--image-size", SIDE, "--quantize", "float32", "--unknown-rate", 0)
    model = trained(cats_and_dogs, tmp_path / "m.tflite", models["float32"].cache, *options)
    pixels = np.stack([preprocess(path, SIDE) for path in kept(cats_and_dogs)])
    report = graft_json("export", model.model, "--format", "keras", "-o", tmp_path / "m.keras")
    assert report["input"]["shape"] == [None, SIDE, SIDE, 3]
    found = exported_scores("keras", tmp_path / "m.keras", pixels, tmp_path, 127, 128)
    assert np.abs(found - scores(model.model, "litert", pixels)).max() < 1e-4


@pytest.mark.parametrize(("kind", "name"), [("keras", "m.keras"), ("saved-model", "m")])
def test_exports_of_an_int8_model_name_the_same_classes(
    models: dict[str, Trained], kind: str, name: str, tmp_path: Path
) -> None:
    model = models["int8"]
    pixels = np.stack([preprocess(path, SIDE) for path in kept(model.photos)])
    report = graft_json("export", model.model, "--format", kind, "-o", tmp_path / name)
    assert report["labels"] == ["cats", "dogs"]
    found = exported_scores(kind, tmp_path / name, pixels, tmp_path, 127, 128)
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    expected = scores(model.model, "litert", pixels)
    assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= 0.96


@pytest.mark.parametrize(("name", "blocks"), [("efficientnet-lite0", 16), ("efficientnet-lite2", 21)])
def test_the_diagnosis_finds_nothing_wrong(name: str, blocks: int, cats_and_dogs: Path, tmp_path: Path) -> None:
    """23.6 and 23.5 dB when this was written."""
    model, cache = tmp_path / "m.tflite", tmp_path / "cache"
    trained(cats_and_dogs, model, cache, "--backbone", installed(name), "--tap", "top", "--image-size", SIDE)
    options = [model, cats_and_dogs, "--cache", cache, "--limit", "8"]
    result = graft_json("diagnose", *options)
    assert result["verdict"].endswith("dB; nothing stands out")
    assert result["photos"] == 8
    assert result["agreement"] == 1.0
    assert 20 < result["bottleneck"] < 30
    operators = [layer["operator"] for layer in result["layers"]]
    assert operators.count("DEPTHWISE_CONV_2D") == blocks
    assert operators.count("CONV_2D") == 2 * blocks + 1  # one less in the first block; stem and top
    assert {"stem", "block0_depthwise", "stage6", "top", "bottleneck"} < {layer["name"] for layer in result["layers"]}
    assert graft("diagnose", *options).stdout.startswith(result["verdict"])


def test_the_commands_name_the_network(models: dict[str, Trained], tmp_path: Path) -> None:
    model, page = models["int8"], tmp_path / "page.html"
    inspected = graft("inspect", model.model).stdout
    assert "EfficientNet-Lite0 up to top with a head" in inspected
    assert f"uint8 1 x {SIDE} x {SIDE} x 3" in inspected
    evaluated = graft("evaluate", model.model, model.photos)
    assert evaluated.stdout.splitlines()[0] == f"EfficientNet-Lite0 top at {SIDE}", evaluated.stderr
    graft_json("report", model.model, model.photos, "-o", page)
    facts = re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page.read_text("utf-8"))
    assert {("Network", "EfficientNet-Lite0"), ("Tap", "top"), ("Input", f"{SIDE} &times; {SIDE}")} <= set(facts)
