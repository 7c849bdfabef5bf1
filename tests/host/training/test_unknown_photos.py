"""``graft train`` and ``graft evaluate`` with photos that are of none of the classes."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from graft_device.classifier import Classifier
from graft_host.demo.rendering.render import render_dataset
from tests.conftest import error_line, graft, graft_json
from tests.support.host_data import image_bytes

pytestmark = pytest.mark.slow

FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of two parts, beside pictures of another kind; no test may change them."""
    root = tmp_path_factory.mktemp("unknown")
    render_dataset(root / "photos", 20, 0)
    shutil.rmtree(root / "photos" / "washer")
    (root / "others").mkdir()
    for number in range(24):
        (root / "others" / f"{number}.png").write_bytes(image_bytes(number))
    shutil.copytree(root / "photos", root / "both")
    shutil.copytree(root / "others", root / "both" / "Unknown")
    return root


@pytest.fixture(scope="module")
def made(folder: Path, shared_cache: Path) -> tuple[Path, Path, dict[str, object], str]:
    """The model, its report, and the output of the run."""
    model, page = folder / "m.tflite", folder / "m.html"
    done = graft("train", folder / "both", "-o", model, *FAST, "--cache", shared_cache, "--report", page, "--json")
    assert done.returncode == 0, done.stderr
    return model, page, json.loads(done.stdout), done.stderr


def test_unknown_photos_are_learned_from_and_reported(
    made: tuple[Path, Path, dict[str, object], str], folder: Path
) -> None:
    model, page, report, _ = made
    assert report["labels"] == ["nut", "screw"]
    negatives = report["negatives"]
    assert isinstance(negatives, dict)
    counts, test = negatives["photos"], negatives["test"]
    assert sum(counts.values()) == 24
    assert test["photos"] == counts["test"] > 3
    assert test["refused"] + sum(test["confused"].values()) == test["photos"]
    assert negatives["learned"] is True
    assert negatives["held_out"]["photos"] == counts["train"] + counts["validation"]
    assert test["without"] <= test["refused"] == test["photos"]  # plain coloured noise is unlike parts on a bench
    with zipfile.ZipFile(model) as archive:
        card = json.loads(archive.read("graft.json"))
    assert card["training"]["negatives"] == negatives
    again = graft_json("evaluate", model, folder / "both")
    assert again["negatives"].items() <= test.items()
    assert again["photos"] == report["photos"]["test"]  # type: ignore[index]
    assert graft_json("evaluate", model, folder / "both", "--split", "all")["negatives"]["photos"] == 24
    assert "What it does with unknown photos" in page.read_text()
    answers = [Classifier(model).classify(path) for path in (folder / "others").iterdir()]
    assert sum(answer.unknown for answer in answers) >= 23


def test_a_folder_elsewhere_makes_the_same_model(
    made: tuple[Path, Path, dict[str, object], str], folder: Path, shared_cache: Path, tmp_path: Path
) -> None:
    model = tmp_path / "m.tflite"
    run = ("train", folder / "photos", "-o", model, *FAST, "--cache", shared_cache)
    done = graft(*run, "--unknown", folder / "others")
    assert done.returncode == 0, done.stderr
    assert model.read_bytes() == made[0].read_bytes()
    assert "learned from" in done.stdout
    assert "unknown photos:" in done.stdout
    inside = error_line(graft(*run, "--unknown", folder / "photos" / "nut", "--overwrite"))
    assert "is to hold photos of none of the classes" in inside
    assert model.read_bytes() == made[0].read_bytes()


def test_too_few_and_useless_unknown_photos_are_noted(folder: Path, shared_cache: Path, tmp_path: Path) -> None:
    few, copied, plain = tmp_path / "few", tmp_path / "copied", tmp_path / "plain.tflite"
    few.mkdir()
    for path in sorted((folder / "others").iterdir())[:4]:
        shutil.copy(path, few)
    shutil.copytree(folder / "photos" / "nut", copied)
    run = ("train", folder / "photos", *FAST, "--cache", shared_cache)
    assert graft(*run, "-o", plain).returncode == 0
    size = plain.stat().st_size
    done = graft(*run, "-o", tmp_path / "few.tflite", "--unknown", few)
    assert "learned from the unknown photos: only " in done.stderr
    assert " different ones are there to train on, and 5 are needed" in done.stderr
    done = graft(*run, "-o", tmp_path / "copied.tflite", "--unknown", copied, "--json")
    assert done.returncode == 0
    assert "identical photos in different classes" in done.stderr
    report = json.loads(done.stdout)
    assert report["unknown"]["refused"] <= 2
    assert abs((tmp_path / "few.tflite").stat().st_size - size) < 3000  # a network without what is learned


def test_check_finds_copies_among_unknown_photos_but_no_mislabels(
    folder: Path, shared_cache: Path, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(folder / "both", photos)
    copied = min((photos / "nut").iterdir())
    shutil.copy(copied, photos / "Unknown" / "copy.jpg")
    found = graft_json("check", photos, *FAST[:6], "--cache", shared_cache)
    assert found["classes"] == {"nut": 20, "screw": 20}
    assert found["unknown"] == 25
    (across,) = [finding for finding in found["findings"] if finding["kind"] == "identical_across"]
    assert across["paths"] == [str(copied), str(photos / "Unknown" / "copy.jpg")]
    assert across["labels"] == ["unknown", "nut"]
    mislabels = [finding for finding in found["findings"] if finding["kind"] == "mislabel"]
    assert not any("Unknown" in path for finding in mislabels for path in finding["paths"])
    ordinary = graft_json("check", photos, *FAST[:6], "--cache", shared_cache, "--unknown-rate", 0)
    assert ordinary["classes"] == {"Unknown": 25, "nut": 20, "screw": 20}
    shown = graft("check", photos, *FAST[:6], "--cache", shared_cache)
    assert shown.stdout.startswith("40 photos in 2 classes: nut 20, screw 20; 25 of none of them")
