"""``graft train`` with photos from elsewhere, on rendered parts with a shallow random backbone."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

import graft_host
from graft_device.model import read_model
from graft_host.demo.rendering.render import render_dataset
from tests.conftest import error_line, graft, graft_json

pytestmark = pytest.mark.slow

FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target of 8 dim photos a class and a source of 12 others, which no test may change."""
    root = tmp_path_factory.mktemp("domains")
    render_dataset(root / "target", 8, 0)
    render_dataset(root / "source", 12, 5)
    for path in sorted((root / "target").rglob("*.jpg")):
        ImageEnhance.Brightness(Image.open(path)).enhance(0.4).save(path, quality=95)
    return root


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def changed(folders: Path, tmp_path: Path) -> Path:
    """Copies of both folders that a test may change."""
    return Path(shutil.copytree(folders, tmp_path / "domains"))


def _train(root: Path, cache: Path, *options: object) -> dict[str, Any]:
    model = root / "parts.tflite"
    report: dict[str, Any] = graft_json(
        "train", root / "target", "-o", model, *FAST, "--cache", cache, "--overwrite", "--source", root / "source",
        *options,
    )  # fmt: skip
    return report


@pytest.fixture(scope="module")
def report(folders: Path, cache: Path) -> dict[str, Any]:
    return _train(folders, cache)


def test_the_target_is_split_and_tested_as_without_a_source(
    folders: Path, report: dict[str, Any], tmp_path: Path
) -> None:
    # In a cache of its own, because the newest backbone that was calibrated on photos of a run is used for it.
    model, own = tmp_path / "m.tflite", tmp_path / "cache"
    alone = graft_json("train", folders / "target", "-o", model, *FAST, "--cache", own)
    assert report["photos"] == alone["photos"]
    assert report["labels"] == alone["labels"]
    assert np.sum(report["confusion"]) == report["photos"]["test"]
    assert report["calibration"]["photos"] == alone["calibration"]["photos"]
    splits = [read_model(path).card.training["split"] for path in (folders / "parts.tflite", model)]
    assert splits[0] == splits[1]
    assert "sources" not in alone
    assert "prior" not in alone


def test_the_report_in_json_says_what_the_source_was_and_gave(folders: Path, report: dict[str, Any]) -> None:
    sources = report["sources"]
    assert sources["photos"] == 36
    assert sources["camera_copies"] == 1
    assert sources["folders"] == [
        {
            "path": str(folders / "source"), "photos": 36, "other_classes": {}, "near_duplicates": [], "skipped": [],
        }
    ]  # fmt: skip
    weight = sources["weight"]
    assert weight["rule"] == "equal"
    assert weight["sum"] == pytest.approx(report["photos"]["train"])
    assert weight["effective_photos"] == pytest.approx(36)
    accuracy = sources["accuracy"]
    assert accuracy["cross_validated"] is True
    for name in ("target_alone", "source_alone", "both"):
        low, high = accuracy[name]["interval"]
        assert 0 <= low <= accuracy[name]["accuracy"] <= high <= 1
        assert accuracy[name]["photos"] == 24
    assert accuracy["both"] == report["accuracy"]["cross_validated"]
    assert report["cache"]["hits"] + report["cache"]["misses"] == 24 + 2 * 36
    card = read_model(folders / "parts.tflite").card.training["sources"]
    assert card["accuracy"] == accuracy
    assert card["weight"] == weight
    assert str(folders) not in json.dumps(read_model(folders / "parts.tflite").card.training)


def test_a_second_run_computes_nothing_and_gives_the_same_bytes(
    folders: Path, cache: Path, report: dict[str, Any]
) -> None:
    first = (folders / "parts.tflite").read_bytes()
    again = _train(folders, cache)
    assert again["cache"] == {"hits": 24 + 2 * 36, "misses": 0, "backbone": "reused"}
    assert (folders / "parts.tflite").read_bytes() == first
    assert again["sources"] == report["sources"]


def test_the_model_is_evaluated_and_reported_on_the_target(
    folders: Path, report: dict[str, Any], tmp_path: Path
) -> None:
    again = graft_json("evaluate", folders / "parts.tflite", folders / "target")
    assert again["confusion"] == report["confusion"]
    page = tmp_path / "page.html"
    assert graft("report", folders / "parts.tflite", folders / "target", "-o", page).returncode == 0
    text = page.read_text("utf-8")
    assert "What the source photos gave" in text
    assert graft("check", folders / "target", *FAST[:6], "--test-percent", "30").returncode == 0


@pytest.mark.parametrize("rule", ["density", "0.5"])
def test_other_weights(folders: Path, cache: Path, report: dict[str, Any], rule: str) -> None:
    weight = _train(folders, cache, "--source-weight", rule, "--camera-copies", 0)["sources"]["weight"]
    if rule == "density":
        assert weight["rule"] == "density"
        assert weight["sum"] == pytest.approx(report["photos"]["train"])
        assert weight["effective_photos"] < 36
        assert weight["quantiles"] == sorted(weight["quantiles"])
    else:
        assert weight == {"rule": 0.5, "sum": 18, "quantiles": [0.5] * 5, "effective_photos": 36}


def test_known_shares_shift_the_answers_and_nothing_else(folders: Path, cache: Path, report: dict[str, Any]) -> None:
    shares = {"nut": 0.98, "screw": 0.01, "washer": 0.01}
    shifted = _train(folders, cache, *(f"--prior={label}={share}" for label, share in shares.items()))
    prior = shifted["prior"]
    assert prior["shares"] == pytest.approx(shares)
    assert sum(prior["trained"].values()) == pytest.approx(1)
    recalls = {label: row["recall"] for label, row in shifted["per_class"].items()}
    assert prior["accuracy"] == pytest.approx(sum(shares[label] * recalls[label] for label in shares))
    assert shifted["penalty"] == report["penalty"]
    assert shifted["calibration"]["temperature"] == report["calibration"]["temperature"]
    assert shifted["sources"]["accuracy"] == report["sources"]["accuracy"]
    named = np.sum(shifted["confusion"], axis=0)
    assert named[0] > np.sum(report["confusion"], axis=0)[0]
    assert read_model(folders / "parts.tflite").card.training["prior"]["shares"] == prior["shares"]


def test_the_lines_for_a_person(folders: Path, cache: Path) -> None:
    done = graft(
        "train", folders / "target", "-o", folders / "lines.tflite", *FAST, "--cache", cache, "--overwrite", "--source",
        folders / "source", "--prior", "nut=0.5",
    )  # fmt: skip
    text = re.sub(r"\s+", " ", done.stdout)
    assert "source 36 photos, 1 camera copy each; weigh " in text
    assert "as much as the target's together compared cross-validated on all 24 photos: target alone " in text
    assert "prior nut 50.0%, screw " in text
    assert "all other figures are of the photos as they are" in text


def test_the_page_shows_what_the_source_gave_and_its_photos(folders: Path, cache: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    _train(folders, cache, "--source-weight", "density", "--report", page)
    text = page.read_text("utf-8")
    section = text[text.index('<section id="sources"') :]
    section = section[: section.index("</section>")]
    for words in ("target alone", "source alone", "both", "Weigh most", "Weigh least", "36 photos"):
        assert words in section, words
    assert 2 <= section.count("<img") <= 24
    assert "source/" not in re.sub(r"<[^>]*>", "", section).replace(os.fspath(folders), "")


def test_what_is_left_out_is_noted(changed: Path, cache: Path) -> None:
    source, target = changed / "source", changed / "target"
    shutil.copytree(source / "nut", source / "bolt")
    twin = min((target / "nut").iterdir())
    shutil.copy(twin, source / "nut" / "twin.jpg")
    (source / "screw" / "broken.jpg").write_text("broken")
    done = graft(
        "train", target, "-o", changed / "m.tflite", *FAST, "--cache", cache, "--source", source, "--json"
    )  # fmt: skip
    notes = done.stderr.splitlines()
    assert f"note: {source} has classes that the target does not have, left out: 'bolt' (12 photos)" in notes
    assert f"note: {source}: 1 photo is left out: the target or an earlier source has near duplicates" in notes
    assert any(line.startswith(f"skipped {source / 'screw' / 'broken.jpg'}: ") for line in notes)
    (folder,) = json.loads(done.stdout)["sources"]["folders"]
    assert folder["photos"] == 36
    assert folder["other_classes"] == {"bolt": 12}
    assert folder["near_duplicates"] == [{"path": str(source / "nut" / "twin.jpg"), "of": str(twin)}]
    assert [entry["path"] for entry in folder["skipped"]] == [str(source / "screw" / "broken.jpg")]
    strict = graft("train", target, "-o", changed / "n.tflite", *FAST, "--source", source, "--strict")
    assert "broken.jpg" in error_line(strict)


def test_sources_that_cannot_be_used_are_one_line(changed: Path, cache: Path) -> None:
    source, target = changed / "source", changed / "target"
    other = changed / "other"
    (other / "apple").mkdir(parents=True)
    shutil.copy(min((source / "nut").iterdir()), other / "apple")
    shutil.rmtree(source / "nut")

    def fails(status: int, *options: object) -> str:
        done = graft("train", target, "-o", changed / "m.tflite", *FAST, "--cache", cache, *options)
        assert done.returncode == status
        assert not (changed / "m.tflite").exists()
        return error_line(done) if status == 1 else done.stderr

    assert "1 class of " in fails(1, "--source", source)
    assert "among the source photos" in fails(1, "--source", source, "-o", source / "m.tflite")
    assert "is among the photos in" in fails(1, "--source", source, "--cache", source / "cache")
    line = fails(1, "--source", other)
    assert "no class in common" in line
    assert "'nut', 'screw', 'washer'" in line
    assert "'apple'" in line
    assert "is the target itself" in fails(2, "--source", target)
    assert "would count as a class" in fails(2, "--source", target / "nut")
    assert "there is no class 'apple'" in fails(2, "--prior", "apple=0.5")
    assert "no such folder" in fails(1, "--source", changed / "nowhere")
    for folder in target.iterdir():
        for path in sorted(folder.iterdir())[1:]:
            path.unlink()
    assert "every class needs two different ones" in fails(1, "--source", source)


def test_the_library_takes_a_source_and_shares(folders: Path, cache: Path, tmp_path: Path) -> None:
    result = graft_host.train(
        folders / "target", tmp_path / "m.tflite", weights="random", tap="mixed0", image_size=75, test_percent=30,
        source=str(folders / "source"), camera_copies=1, prior={"nut": 0.5}, cache=cache,
    )  # fmt: skip
    assert result.gain is not None
    assert result.prior is not None
    assert result.prior.shares[0] == 0.5
    assert result.material.source is not None
    assert len(result.material.source.sources.photos) == 36
