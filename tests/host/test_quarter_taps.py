"""A model on the means of the quarters of a map goes through every command."""

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
from tests.conftest import Trained, graft, graft_device, graft_json
from tests.support.exported import exported_scores
from tests.support.tiny_family import MEAN, STD, install
from tests.support.tiny_models import FAST, Made, card_in, on_path

RUNTIMES = [name for name in installed_runtimes() if name != "tensorflow"]
KINDS = ("int8", "dynamic", "float16", "float32")
TAPS = ("late/2x2", "early+late/2x2", "late+late/2x2")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A model of one tap, whose head is int8 too."""
    folder = tmp_path_factory.mktemp("quarters")
    photos, cache, model = folder / "photos", folder / "cache", folder / "m.tflite"
    render_dataset(photos, 14, 0)
    with on_path(folder / "site", install(folder / "site")):
        words = ["train", photos, "-o", model, *FAST, "--cache", cache, "--tap", "late/2x2"]
        yield Made(photos, cache, model, graft_json(*words, "--report", folder / "r.html"))


def _scores(model: Path, pixels: NDArray[np.uint8], runtime: str = "auto") -> NDArray[np.float64]:
    return np.asarray(Classifier(model, runtime).scores(pixels), np.float64)


def _by_hand(model: Path, cache: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The softmax of the shipped head on the bottlenecks of the cached backbone."""
    card, (kernel, bias) = Classifier(model).model.card, read_head(model)
    network = OpenNetwork(cache / "backbones" / f"{card.backbone['fingerprint']}.tflite")
    values = network(to_input(pixels, network.input, card.mean, card.std))
    parts = [dequantize(part, spec) for part, spec in zip(values, network.outputs, strict=True)]
    logits = np.concatenate(parts).astype(np.float64) @ kernel + bias
    powers = np.exp(logits - logits.max())
    return np.asarray(powers / powers.sum())


@pytest.mark.slow
def test_the_tap_is_named_wherever_taps_are(made: Made) -> None:
    assert card_in(made.model)["tap"] == "late/2x2"
    inspected = graft_json("inspect", made.model)
    assert inspected["card"]["tap"] == "late/2x2"
    assert all(runtime["runs"] for runtime in inspected["runtimes"])
    used = {operator["name"]: (operator["version"], operator["count"]) for operator in inspected["operators"]}
    assert (used["SLICE"], used["MEAN"]) == ((2, 4), (2, 4))
    assert "late/2x2" in (made.model.parent / "r.html").read_text()
    assert "up to late/2x2" in graft_device("info", made.model).stdout
    assert made.report["agreement"] == 1
    evaluated = graft("evaluate", made.model, made.photos)
    assert "Tiny late/2x2 at 32" in evaluated.stdout
    assert graft_json("evaluate", made.model, made.photos)["accuracy"] == made.report["accuracy"]["shipped"]


@pytest.mark.slow
def test_its_bottlenecks_are_cached_by_tap_and_it_has_golden_photos_and_novelty(made: Made, tmp_path: Path) -> None:
    with zipfile.ZipFile(made.model) as archive:
        assert json.loads(archive.read("golden.json"))["photos"]
    assert card_in(made.model)["thresholds"]["unknown"]["score"] > 0
    words = ["train", made.photos, "-o", tmp_path / "m.tflite", *FAST, "--cache", made.cache]
    wider = graft_json(*words, "--tap", "late/2x2+late")
    assert wider["cache"]["misses"] == 42  # of late alone
    for tap in ("late", "late/2x2", "late+late/2x2"):
        again = graft_json(*words, "--tap", tap, "--overwrite")
        assert (again["cache"]["misses"], again["cache"]["backbone"]) == (0, "reused"), tap


@pytest.mark.slow
@pytest.mark.parametrize("tap", TAPS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_number_format_gives_the_scores_of_the_float_head(
    made: Made, tmp_path: Path, kind: str, tap: str
) -> None:
    model, pixels = tmp_path / "m.tflite", preprocess(made.photo, 32)
    options = ["--quantize", kind, "--cache", made.cache, "--unknown-rate", "0", "--tap", tap]
    report = graft_json("train", made.photos, "-o", model, *FAST, *options, "--max-drop", "1")
    assert report["agreement"] == 1
    assert Classifier(model).model.card.tap == tap
    expected = _by_hand(model, made.cache, pixels)
    for runtime in RUNTIMES:
        # int8 bottlenecks differ by a step between runtimes, and the head of one int8 bottleneck is int8 too.
        coarse = kind == "dynamic" or (kind == "int8" and (runtime != RUNTIMES[0] or "+" not in tap))
        assert _scores(model, pixels, runtime) == pytest.approx(expected, abs=1e-2 if coarse else 1e-4)


@pytest.mark.slow
def test_diagnose_compares_the_quarters(made: Made, tmp_path: Path) -> None:
    figures = graft_json("diagnose", made.model, made.photos, "--limit", "4")
    layers = {layer["name"]: layer for layer in sorted(figures["layers"], key=lambda layer: layer["order"])}
    assert [*layers] == ["pixels", "early", "middle", "late", "bottleneck"]
    assert figures["bottleneck"] == layers["bottleneck"]["sqnr"] > 20
    assert figures["agreement"] == 1
    several = tmp_path / "several.tflite"
    graft_json("train", made.photos, "-o", several, *FAST, "--cache", made.cache, "--tap", "late/2x2+late+early")
    figures = graft_json("diagnose", several, made.photos, "--limit", "4")
    ends = {layer["name"]: layer["sqnr"] for layer in figures["layers"] if layer["name"].startswith("bottleneck")}
    assert sorted(ends) == ["bottleneck_early", "bottleneck_late", "bottleneck_late/2x2"]
    assert min(ends.values()) == figures["bottleneck"] > 20


@pytest.mark.slow
@pytest.mark.parametrize("tap", TAPS)
def test_exported_networks_compute_what_the_float_model_does(made: Made, tmp_path: Path, tap: str) -> None:
    model = tmp_path / "float.tflite"
    options = ["--quantize", "float32", "--unknown-rate", "0", "--cache", made.cache, "--tap", tap]
    graft_json("train", made.photos, "-o", model, *FAST, *options)
    pixels = np.stack([preprocess(photo, 32) for photo in sorted(made.photos.glob("*/*.jpg"))[:9]])
    expected = np.stack([_scores(model, each) for each in pixels])
    assert expected.std(axis=0).min() > 0.002  # the scores of the photos differ
    for kind, name in (("keras", "m.keras"), ("saved-model", "saved")):
        graft_json("export", model, "--format", kind, "-o", tmp_path / name)
        scores = exported_scores(kind, tmp_path / name, pixels, tmp_path, MEAN, STD)
        assert np.abs(scores - expected).max() < 2e-5


@pytest.mark.slow
def test_search_tries_quarters_beside_means(made: Made, tmp_path: Path) -> None:
    page = tmp_path / "s.html"
    options = ["--backbone", "tiny", "--weights", "random", "--taps", ",".join(("late", *TAPS)), "--sizes", "24"]
    found = graft_json("search", made.photos, *options, "--cache", made.cache, "--report", page)
    assert sorted(candidate["tap"] for candidate in found["candidates"]) == sorted(["late", *TAPS])
    assert "Tiny early+<wbr>late/2x2" in page.read_text()


@pytest.mark.slow
def test_check_and_compare_take_quarters(made: Made) -> None:
    options = (*FAST, "--cache", made.cache, "--tap", "late/2x2")
    assert graft_json("check", made.photos, *options)["photos"] == 42
    rows = graft_json("compare", made.photos, *options)["rows"]
    assert [row["quantization"] for row in rows] == [*KINDS[::-1], "int8"]


def _tests(photos: Path) -> list[Path]:
    rule = SplitRule()
    return [photo.path for photo in scan(photos, 2).photos if rule.part(photo.digest) == "test"]


@pytest.mark.slow
@pytest.mark.parametrize("tap", ["mixed8/2x2", "mixed7+mixed8/2x2"])
def test_both_runtimes_name_the_classes_of_the_float_head_on_pets(
    pets: Trained, weights_file: Path, cats_and_dogs: Path, tmp_path: Path, tap: str
) -> None:
    """Of real weights; at 192 the maps have sides of 10 and 4."""
    model = tmp_path / "pets.tflite"
    options = ["--weights", weights_file, "--tap", tap, "--image-size", "192", "--cache", pets.cache]
    report = graft_json("train", cats_and_dogs, "-o", model, *options)
    assert report["accuracy"]["shipped"] >= 0.95
    assert report["agreement"] >= 0.98
    photos = [preprocess(photo, 192) for photo in _tests(cats_and_dogs)]
    expected = [_by_hand(model, pets.cache, pixels).argmax() for pixels in photos]
    for runtime in RUNTIMES:
        named = [_scores(model, pixels, runtime).argmax() for pixels in photos]
        assert np.mean(np.equal(named, expected)) >= 0.98
    figures = graft_json("diagnose", model, cats_and_dogs, "--weights", weights_file, "--split", "all", "--limit", "8")
    assert figures["bottleneck"] > 20
