"""With few test photos, the headline is cross-validated."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from graft_device.model import read_model
from graft_host.demo.rendering.render import render_dataset
from graft_host.evaluation.accuracy import Accuracy, Estimate
from graft_host.heads.chance import ErrorByChance
from graft_host.training.estimate import estimate_on_test
from tests.conftest import graft, graft_device, graft_json

FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75")

NONE = ErrorByChance(0.0, 0.0, 0.0)


def test_the_interval_is_wilsons() -> None:
    estimate = estimate_on_test(np.arange(10) < 8)
    assert (estimate.accuracy, estimate.photos) == (0.8, 10)
    assert [estimate.low, estimate.high] == pytest.approx([0.4902, 0.9433], abs=1e-4)
    assert estimate.text() == "80.0% (49.0 to 94.3%)"


def test_the_headline_is_the_cross_validated_figure_where_there_is_one() -> None:
    tested = Estimate(accuracy=0.5, low=0.1, high=0.9, photos=4)
    folded = Estimate(accuracy=0.75, low=0.5, high=0.9, photos=20)
    figures = Accuracy(
        float_head=0.5,
        shipped=0.5,
        agreement=1.0,
        float32=None,
        error_before=0.0,
        error_after=0.0,
        by_chance=NONE,
        tested=tested,
    )
    assert figures.to_json() == {
        "float_head": 0.5,
        "shipped": 0.5,
        "headline": {"figure": "shipped", "accuracy": 0.5, "interval": [0.1, 0.9], "photos": 4},
    }
    both = Accuracy(
        float_head=0.5, shipped=0.5, agreement=1.0, float32=None, error_before=0.0, error_after=0.0, by_chance=NONE,
        tested=tested, cross_validated=folded,
    )  # fmt: skip
    cross_validated = {"accuracy": 0.75, "interval": [0.5, 0.9], "photos": 20}
    assert both.to_json()["cross_validated"] == cross_validated
    assert both.to_json()["headline"] == {"figure": "cross_validated", **cross_validated}
    assert both.to_json()["shipped"] == 0.5
    assert Estimate.read(json.loads(json.dumps(both.to_json()))) == folded


@pytest.mark.parametrize(
    "figures",
    [None, {}, [], {"cross_validated": 1}, {"cross_validated": {"accuracy": "x", "interval": [0, 1], "photos": 2}},
     {"cross_validated": {"accuracy": 1, "interval": [0], "photos": 2}}, {"cross_validated": {"photos": 2}}],
)  # fmt: skip
def test_a_card_without_it_has_none(figures: object) -> None:
    assert Estimate.read(figures) is None


@pytest.mark.slow
def test_few_photos_get_a_cross_validated_headline_everywhere(tmp_path: Path, shared_cache: Path) -> None:
    photos, model, page = tmp_path / "photos", tmp_path / "parts.tflite", tmp_path / "page.html"
    render_dataset(photos, 8, 0)
    options = (*FAST, "--cache", shared_cache, "--overwrite")
    report = graft_json("train", photos, "-o", model, *options, "--report", page)
    estimate = report["accuracy"]["cross_validated"]
    assert estimate["photos"] == 24
    assert 0 <= estimate["interval"][0] <= estimate["accuracy"] <= estimate["interval"][1] <= 1
    assert report["accuracy"]["headline"] == {"figure": "cross_validated", **estimate}
    assert report["photos"]["test"] >= 3
    assert read_model(model).card.training["accuracy"]["cross_validated"] == estimate
    low, high = estimate["interval"]
    text = f"{estimate['accuracy']:.1%} ({100 * low:.1f} to {high:.1%})"
    few = f"{report['photos']['test']} test photos are too few"
    done = graft("train", photos, "-o", model, *options, "--min-accuracy", "0.01")
    assert f"accuracy {text}, cross-validated on all 24 photos: {few}" in " ".join(done.stdout.split())
    counted = f"--min-accuracy is judged on {report['photos']['test']} test photos"
    assert f"warning: {counted}, each of which counts" in done.stderr
    assert "Cross-validated on 24 photos" in page.read_text()
    note = f"note: {few} to judge by; in training, the accuracy was cross-validated: {text}"
    assert note in graft("evaluate", model, photos).stderr
    assert f"{text} cross-validated" in graft_device("info", model).stdout
    given = tmp_path / "given"
    for path in sorted(photos.glob("*/*")):
        place = given / ("test" if path.stem.endswith(("0", "1")) else "train") / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    chosen = graft_json("train", given, "-o", model, *options)["accuracy"]
    assert chosen["headline"]["figure"] == "shipped"
    assert "cross_validated" not in chosen
