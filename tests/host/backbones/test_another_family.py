"""A family that an installed package brings goes through every command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.preprocess import preprocess
from graft_device.runtime import open_model
from graft_host.backbones.conversion.backbone import BackboneSpec
from graft_host.backbones.conversion.convert import convert
from graft_host.backbones.registry import families, family, family_of_card
from graft_host.backbones.weights.find import find_weights
from graft_host.demo.rendering.render import render_dataset
from tests.conftest import error_line, graft, graft_device, graft_json
from tests.support.host_data import run_python, write_photos
from tests.support.tiny_family import MEAN, STD, TINY, install
from tests.support.tiny_models import FAST, Made, card_in, on_path

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The package with the family is on the path of this process and of those that it starts."""
    folder = tmp_path_factory.mktemp("site")
    with on_path(folder, install(folder)):
        yield


@pytest.fixture(scope="module")
def made(installed: None, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("tiny")
    photos, cache, model = folder / "photos", folder / "cache", folder / "m.tflite"
    render_dataset(photos, 14, 0)
    return Made(photos, cache, model, graft_json("train", photos, "-o", model, *FAST, "--cache", cache))


def test_an_installed_family_is_found_by_its_name(installed: None) -> None:
    assert families() == ("inception-v3", *(f"efficientnet-lite{number}" for number in range(3)), "tiny")
    assert family("tiny") is family_of_card("tiny") is TINY


def test_its_keys_and_fingerprints_are_its_own() -> None:
    ours, theirs = find_weights("random", 3, TINY), find_weights("random", 3)
    assert ours.fingerprint == "random:tiny-v1:3"
    assert (ours.mean, ours.std) == (MEAN, STD)
    specs = [
        BackboneSpec(weights=weights, tap="late", image_size=32, quantization="int8", resize="squash")
        for weights in (ours, replace(theirs, family=TINY))
    ]
    specs.append(replace(specs[1], weights=theirs))
    assert len({spec.key for spec in specs}) == 3


@pytest.mark.slow
def test_train_writes_a_model_with_the_familys_name_tap_size_and_scaling(made: Made) -> None:
    card = card_in(made.model)
    assert card["backbone"]["name"] == "tiny"
    assert card["backbone"]["weights_fingerprint"] == "random:tiny-v1:0"
    assert (card["tap"], card["image_size"], card["mean"], card["std"]) == ("late", 32, MEAN, STD)
    assert graft_json("evaluate", made.model, made.photos)["accuracy"] == made.report["accuracy"]["shipped"]
    again = graft_json("train", made.photos, "-o", made.model, *FAST, "--cache", made.cache, "--overwrite")
    assert again["cache"]["backbone"] == "reused"
    assert again["cache"]["misses"] == 0


@pytest.mark.slow
def test_the_search_that_train_suggests_is_of_the_same_family(made: Made) -> None:
    done = graft("train", made.photos, "-o", made.model, *FAST, "--cache", made.cache, "--overwrite")
    assert done.stdout.splitlines()[-1] == f"  graft search {made.photos} --backbone tiny"


@pytest.mark.slow
def test_the_board_feeds_pixels_and_the_network_scales_them(made: Made) -> None:
    entrance = open_model(made.model, threads=1).input
    assert entrance.dtype == np.uint8
    assert entrance.scale == pytest.approx(1 / STD, rel=1e-5)
    assert entrance.zero_point == MEAN
    answer = json.loads(graft_device("classify", made.model, made.photo, "--json").stdout)
    assert {entry["label"] for entry in answer["predictions"]} <= {"nut", "screw", "washer", "unknown"}
    assert sum(entry.score for entry in Classifier(made.model).classify(made.photo, top_k=3)) == pytest.approx(
        1, abs=0.02
    )


@pytest.mark.slow
def test_search_tries_the_familys_taps_and_sizes(made: Made, tmp_path: Path) -> None:
    model = tmp_path / "winner.tflite"
    outcome = graft_json("search", made.photos, *FAST, "--cache", made.cache, "-o", model)
    tried = {(entry["tap"], entry["image_size"]) for entry in outcome["candidates"]}
    assert tried == {(tap, size) for tap in ("middle", "late") for size in (24, 32)}
    card = card_in(model)
    assert outcome["chosen"] == {"backbone": "tiny", "tap": card["tap"], "image_size": card["image_size"]}
    assert card["backbone"]["name"] == "tiny"


@pytest.mark.slow
def test_diagnose_compares_its_layers(made: Made) -> None:
    figures = graft_json("diagnose", made.model, made.photos, "--limit", "4", "--cache", made.cache)
    layers = sorted(figures["layers"], key=lambda layer: layer["order"])
    assert [layer["name"] for layer in layers] == ["pixels", "early", "middle", "late", "bottleneck"]
    assert figures["bottleneck"] > 15
    assert layers[0]["representable"] == pytest.approx([-MEAN / STD, (255 - MEAN) / STD], rel=1e-5)


@pytest.mark.slow
def test_the_exported_network_computes_what_the_float_model_does(made: Made, tmp_path: Path) -> None:
    model, network = tmp_path / "float.tflite", tmp_path / "m.keras"
    options = ["--quantize", "float32", "--unknown-rate", "0", "--cache", made.cache]
    graft_json("train", made.photos, "-o", model, *FAST, *options)
    exported = graft_json("export", model, "--format", "keras", "-o", network)
    np.save(tmp_path / "pixels.npy", preprocess(made.photo, 32))
    code = """
import sys, keras, numpy as np
pixels = np.load(sys.argv[2]).astype(np.float32)[np.newaxis]
print(*keras.models.load_model(sys.argv[1]).predict(pixels, verbose=0)[0])
"""
    scores = [float(number) for number in run_python(code, network, tmp_path / "pixels.npy").stdout.split()]
    answer = {entry.label: entry.score for entry in Classifier(model).classify(made.photo, top_k=3)}
    assert [answer[label] for label in exported["labels"]] == pytest.approx(scores, abs=1e-4)


def test_usage_errors_name_what_the_family_has(installed: None, tmp_path: Path) -> None:
    for wrong, message in (
        (["--tap", "mixed7"], "Tiny has no tap 'mixed7'; choose from early, middle, late"),
        (["--image-size", "65"], "image size 65 is not in the range of Tiny; give 16 to 64"),
    ):
        done = graft("train", tmp_path, "-o", tmp_path / "m.tflite", "--backbone", "tiny", *wrong)
        assert done.returncode == 2
        assert message in done.stderr


def test_unknown_weights_are_refused(installed: None, tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "photos")
    words = ["train", photos, "-o", tmp_path / "m.tflite", "--backbone", "tiny", "--cache", tmp_path / "cache"]
    line = error_line(graft(*words, env={**os.environ, "GRAFT_WEIGHTS": "imagenet"}))
    assert line == "error: Tiny reads no weights file, so not imagenet; give --weights random"


@pytest.mark.slow
def test_a_family_next_to_a_script_reaches_the_converting_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is on the path of this process only."""
    shutil.copy(Path(__file__).parents[2] / "support" / "tiny_family.py", tmp_path / "beside_a_script.py")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "beside_a_script", raising=False)
    import beside_a_script  # type: ignore[import-not-found]

    weights = find_weights("random", 0, beside_a_script.TINY)
    assert weights.family.module == "beside_a_script"
    assert convert(weights, ["early"], 16, "float32", None, 1, None)[0][4:8] == b"TFL3"
