"""``graft train`` on the command line, with rendered parts and a shallow random backbone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from graft_device.classifier import Classifier
from graft_device.model import read_model
from graft_host.cli import app
from graft_host.demo.rendering.render import render_dataset
from tests.conftest import error_line, graft, graft_device, graft_json
from tests.support.device_models import network
from tests.support.host_data import random_layers, write_h5

pytestmark = pytest.mark.slow

PHOTOS_A_CLASS = 14
COMMANDS = (
    "search",
    "check",
    "train",
    "evaluate",
    "report",
    "compare",
    "diagnose",
    "inspect",
    "export",
    "sign",
    "demo",
)
NUMBERS = (
    "--test-percent", "--validation-percent", "--learning-rate", "--min-accuracy", "--max-drop", "--unknown-rate"
)  # fmt: skip
FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered photos, which no test may change."""
    folder = tmp_path_factory.mktemp("parts")
    render_dataset(folder, PHOTOS_A_CLASS, 0)
    return folder


@pytest.fixture
def photos(parts: Path, tmp_path: Path) -> Path:
    """A copy of the photos that a test may change."""
    return Path(shutil.copytree(parts, tmp_path / "photos"))


def train(photos: Path, model: Path, cache: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return graft("train", photos, "-o", model, *FAST, "--cache", cache, *options)


def test_json_is_one_object_with_every_documented_field(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    model = tmp_path / "parts.tflite"
    report = graft_json("train", photos, "-o", model, *FAST, "--cache", shared_cache)
    assert report["model"] == str(model)
    assert report["labels"] == ["nut", "screw", "washer"]
    counts = report["photos"]
    assert counts["train"] + counts["validation"] + counts["test"] == 3 * PHOTOS_A_CLASS
    assert counts["skipped"] == 0
    assert 0 <= report["accuracy"]["float_head"] <= 1
    assert 0 <= report["agreement"] <= 1
    assert report["bytes"] == model.stat().st_size
    assert {"scan", "backbone", "bottlenecks", "head", "fuse", "evaluate", "total"} <= report["seconds"].keys()
    assert report["cache"]["hits"] + report["cache"]["misses"] == 3 * PHOTOS_A_CLASS
    with zipfile.ZipFile(model) as archive:
        card = json.loads(archive.read("graft.json"))
    assert card["training"]["accuracy"]["shipped"] == report["accuracy"]["shipped"]
    assert card["backbone"]["pretrained"] is False
    again = graft_json("evaluate", model, photos)
    assert again["accuracy"] == report["accuracy"]["shipped"]
    assert again["confusion"] == report["confusion"]


def test_folders_train_val_and_test_are_the_split_in_training_evaluation_and_check(
    photos: Path, tmp_path: Path, shared_cache: Path
) -> None:
    root, model = tmp_path / "split", tmp_path / "parts.tflite"
    for folder in photos.iterdir():
        for number, path in enumerate(sorted(folder.iterdir())):
            place = root / ("test" if number < 3 else "val" if number < 5 else "train") / folder.name
            place.mkdir(parents=True, exist_ok=True)
            path.rename(place / path.name)
    done = train(root, model, shared_cache, "--json")
    assert "note: the split is that of the folders 'train', 'val' and 'test'" in done.stderr.splitlines()
    report = json.loads(done.stdout)
    assert report["labels"] == ["nut", "screw", "washer"]
    assert report["photos"] == {"train": 27, "validation": 6, "test": 9, "skipped": 0}
    assert graft_json("evaluate", model, root)["accuracy"] == report["accuracy"]["shipped"]
    assert graft_json("evaluate", model, root)["photos"] == 9
    assert graft_json("evaluate", model, root / "test", "--split", "all")["confusion"] == report["confusion"]
    findings = graft_json("check", root, *FAST[:6], "--cache", shared_cache)
    assert findings["classes"] == {"nut": 14, "screw": 14, "washer": 14}
    assert findings["notes"][0] == "the split is that of the folders 'train', 'val' and 'test'"
    shutil.copy(min((root / "train" / "nut").iterdir()), root / "test" / "nut" / "copy.jpg")
    leaks = graft_json("check", root, *FAST[:6], "--cache", shared_cache)["counts"]["leak"]
    assert leaks == 1
    assert "several parts of the split" in train(root, model, shared_cache, "--overwrite").stderr


def test_the_table_on_the_terminal(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    done = train(photos, tmp_path / "parts.tflite", shared_cache)
    assert done.returncode == 0, done.stderr
    for word in ("precision", "washer", "train", "float head", "parts.tflite"):
        assert word in done.stdout
    assert "not pretrained" in done.stderr
    assert "INFO" not in done.stderr


def test_only_added_photos_are_extracted_and_the_backbone_is_reused(photos: Path, tmp_path: Path) -> None:
    cache, model = tmp_path / "cache", tmp_path / "parts.tflite"
    first = graft_json("train", photos, "-o", model, *FAST, "--cache", cache)
    assert first["cache"] == {"hits": 0, "misses": 3 * PHOTOS_A_CLASS, "backbone": "converted"}
    render_dataset(tmp_path / "more", 4, 99)
    for photo in (tmp_path / "more").glob("*/*.jpg"):
        photo.rename(photos / photo.parent.name / f"new {photo.name}")
    second = graft_json("train", photos, "-o", model, *FAST, "--cache", cache, "--overwrite")
    assert second["cache"] == {"hits": 3 * PHOTOS_A_CLASS, "misses": 12, "backbone": "reused"}


@pytest.mark.parametrize("mode", ["dynamic", "float16", "float32"])
def test_float_files_give_the_same_scores_in_every_runtime(
    photos: Path, tmp_path: Path, shared_cache: Path, mode: str
) -> None:
    model = tmp_path / f"{mode}.tflite"
    report = graft_json("train", photos, "-o", model, *FAST, "--cache", shared_cache, "--quantize", mode)
    assert report["agreement"] == 1.0
    photo = min(photos.glob("*/*.jpg"))
    answers = []
    for runtime in ("litert", "tflite-runtime"):
        classifier = Classifier(model, runtime=runtime)
        assert classifier._runner.input.dtype == np.float32
        answers.append(dict(classifier.classify(photo)))
    assert answers[0] == pytest.approx(answers[1], abs=0.02)


def test_every_option_reaches_its_step(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    model = tmp_path / "parts.tflite"
    options = ["--optimizer", "sgd", "--learning-rate", "0.1", "--steps", "200", "--class-weight", "balanced"]
    options += ["--augment", "2", "--resize", "crop", "--seed", "2", "--threads", "1", "--validation-percent", "5"]
    report = graft_json("train", photos, "-o", model, *FAST, "--cache", shared_cache, *options)
    variants = 2 * report["photos"]["train"]
    assert report["cache"]["misses"] == 3 * PHOTOS_A_CLASS + variants
    assert report["penalty"] is None
    card = json.loads(graft_device("info", model, "--json").stdout)["card"]
    assert card["resize"] == "crop"
    assert card["training"]["augment"] == 2
    split = card["training"]["split"]
    assert (split["seed"], split["test_percent"], split["validation_percent"]) == (2, 30, 5)
    assert card["training"]["head"] == {
        "optimizer": "sgd", "class_weight": "balanced", "learning_rate": 0.1, "steps": 200,
    }  # fmt: skip


def test_the_same_command_gives_the_same_file(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    files = [tmp_path / f"{name}.tflite" for name in "abc"]
    for path in files:
        assert train(photos, path, shared_cache, "--augment", "1").returncode == 0
        if path == files[1]:  # which took its head from the cache; the next is trained again
            shutil.rmtree(shared_cache / "results")
    assert len({path.read_bytes() for path in files}) == 1


def test_an_existing_file_is_kept(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    model = tmp_path / "parts.tflite"
    model.write_bytes(network())
    assert "exists; give another name with -o, or --overwrite" in error_line(train(photos, model, shared_cache))
    assert model.read_bytes() == network()
    assert train(photos, model, shared_cache, "--overwrite").returncode == 0
    assert read_model(model).labels == ("nut", "screw", "washer")


def test_overwrite_replaces_neither_weights_nor_photos_nor_unknown_files(photos: Path, tmp_path: Path) -> None:
    weights = write_h5(tmp_path / "weights.h5", random_layers())
    (tmp_path / "link.tflite").symlink_to(weights)
    (tmp_path / "letter.txt").write_text("precious")
    photo = min(photos.glob("nut/*.jpg"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    command = ["train", photos, "--weights", weights, "--tap", "mixed0", "--image-size", "75", "--overwrite"]
    command += ["--cache", tmp_path / "cache"]
    for place in (weights, tmp_path / "link.tflite", photo, photos / "m.tflite", tmp_path / "letter.txt"):
        for options in (["-o", place], ["-o", tmp_path / "m.tflite", "--report", place]):
            done = CliRunner().invoke(app, [str(word) for word in (*command, *options)])
            assert done.exit_code == 1
            line = done.stderr.rstrip()
            assert line.startswith("error: ")
            assert str(place) in line or str(weights) in line
            assert line.endswith(f"with {options[-2]}")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.fixture
def noise(photos: Path) -> Path:
    """Photos of noise, whose classes cannot be distinguished."""
    rng = np.random.default_rng(0)
    for path in photos.glob("*/*.jpg"):
        Image.fromarray(rng.integers(0, 256, (80, 80, 3), np.uint8)).save(path)
    return photos


def test_the_gate_refuses_and_writes_nothing(noise: Path, tmp_path: Path, shared_cache: Path) -> None:
    model = tmp_path / "parts.tflite"
    passed = graft_json(
        "train", noise, "-o", tmp_path / "passed.tflite", *FAST, "--cache", shared_cache, "--min-accuracy", "0"
    )
    (tmp_path / "passed.tflite").unlink()
    refused = train(noise, model, shared_cache, "--min-accuracy", "1.0")
    assert "is below --min-accuracy 1.0" in error_line(refused, status=3)
    assert "precision" in refused.stdout
    assert "refused, not written" in refused.stdout
    refused = train(noise, model, shared_cache, "--min-accuracy", "1.0", "--json")
    assert error_line(refused, status=3)
    result = json.loads(refused.stdout)
    assert result.keys() == passed.keys() | {"gate", "rejected"}
    assert result["gate"] == {"failed": "--min-accuracy", "wanted": 1.0, "measured": result["accuracy"]["shipped"]}
    assert result["accuracy"] == passed["accuracy"]
    assert result["model"] is result["rejected"] is None
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photos"]


def test_a_rejected_file_and_its_report_are_written_if_asked_for(
    noise: Path, tmp_path: Path, shared_cache: Path
) -> None:
    aside, page = tmp_path / "m.rejected.tflite", tmp_path / "m.html"
    gate = ["--min-accuracy", "1.0", "--report", page, "--json"]
    refused = train(noise, tmp_path / "m.tflite", shared_cache, *gate)
    assert error_line(refused, status=3).endswith(f"m.tflite was not written; its report is {page}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.html", "photos"]
    shown = page.read_text("utf-8")
    assert "<title>m.rejected: graftkit report</title>" in shown
    assert "--min-accuracy 1.0" in shown
    page.unlink()
    refused = train(noise, tmp_path / "m.tflite", shared_cache, *gate, "--keep-rejected")
    assert error_line(refused, status=3).endswith(
        f"m.tflite was not written; the rejected file is {aside}; its report is {page}"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.html", "m.rejected.tflite", "photos"]
    assert json.loads(refused.stdout)["rejected"] == str(aside)
    evaluation = graft_json("evaluate", aside, noise)
    assert read_model(aside).card.training["accuracy"]["shipped"] == evaluation["accuracy"] < 1
    page.unlink()
    line = error_line(train(noise, tmp_path / "m.tflite", shared_cache, *gate, "--keep-rejected"))
    assert f"{aside} exists" in line
    again = train(noise, tmp_path / "m.tflite", shared_cache, *gate, "--keep-rejected", "--overwrite")
    assert error_line(again, status=3)


def test_the_drop_against_float32_is_measured(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    (photos / "nut" / "text.jpg").write_text("this is no photo")
    options = [*FAST, "--cache", shared_cache]
    plain = graft_json("train", photos, "-o", tmp_path / "f.tflite", *options, "--quantize", "float32")
    assert "float32" not in plain["accuracy"]
    before = {path: path.stat().st_mtime_ns for path in (shared_cache / "backbones").glob("*.tflite")}
    options += ["--max-drop", "1", "--recalibrate"]
    done = graft("train", photos, "-o", tmp_path / "m.tflite", *options, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["accuracy"]["float32"] == plain["accuracy"]["shipped"]
    assert "float32" in report["seconds"]
    assert done.stderr.count("text.jpg") == done.stderr.count("not pretrained") == 1  # measuring repeats no note
    assert len([path for path, when in before.items() if path.stat().st_mtime_ns != when]) <= 1  # float32's was kept


def test_temperature_and_threshold_are_in_result_and_card(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    report = graft_json("train", photos, "-o", tmp_path / "m.tflite", *FAST, "--cache", shared_cache)
    card = read_model(tmp_path / "m.tflite").card
    assert card.training["calibration"] == report["calibration"]
    assert report["calibration"].keys() == {"temperature", "ece", "photos"}
    chance = report["calibration"]["ece"]["by_chance"]
    assert 0 <= chance["low"] <= chance["mean"] <= chance["high"] <= 1
    unknown = card.thresholds["unknown"]
    assert report["unknown"]["score"] == report["unknown"]["below"] == unknown["score"] == card.unknown_below > 1 / 3
    assert report["unknown"]["rate"] == unknown["false_rejection_rate"]
    assert report["unknown"]["photos"] == unknown["photos"]
    assert unknown["photos"] == report["photos"]["train"] + report["photos"]["validation"]
    assert unknown["false_rejection_rate"] == pytest.approx(max(0.05, 1 - 0.05 ** (1 / unknown["photos"])), abs=1e-4)
    never = graft_json(
        "train", photos, "-o", tmp_path / "n.tflite", *FAST, "--cache", shared_cache, "--unknown-rate", 0
    )
    assert never["unknown"] is None
    assert read_model(tmp_path / "n.tflite").card.thresholds == {}


def test_near_duplicates_stay_on_one_side_in_evaluate_too(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    for index, path in enumerate(sorted(photos.glob("*/*.jpg"))[::4]):
        Image.open(path).save(path.with_name(f"again{index}.jpg"), quality=60)
    model = tmp_path / "parts.tflite"
    done = train(photos, model, shared_cache)
    assert done.returncode == 0, done.stderr
    warned = next(line for line in done.stderr.splitlines() if line.startswith("warning: "))
    assert warned.startswith("warning: 11 groups of near duplicates within a class, ")
    assert warned.endswith(f"'graft check {photos}' lists them")
    split = read_model(model).card.training["split"]
    assert split["moved"]
    assert all(re.fullmatch(r"[0-9a-f]{16}", digest) for digest in split["moved"])
    evaluation = graft_json("evaluate", model, photos)
    card = read_model(model).card.training
    assert evaluation["photos"] == card["photos"]["test"]
    assert evaluation["accuracy"] == card["accuracy"]["shipped"]


def test_bad_files_are_skipped_or_with_strict_refused(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    nuts = photos / "nut"
    (nuts / "text.jpg").write_text("this is no photo")
    (nuts / "empty.png").touch()
    whole = min(nuts.glob("nut-*.jpg")).read_bytes()
    (nuts / "cut short.jpg").write_bytes(whole[: len(whole) // 2])
    (nuts / ".hidden.jpg").write_text("hidden")
    (nuts / "line\nbreak 'quoted\" größe.jpg").write_bytes(whole)
    done = train(photos, tmp_path / "parts.tflite", shared_cache, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["photos"]["skipped"] == 3
    reasons = {Path(entry["path"]).name: entry["reason"] for entry in report["skipped"]}
    assert reasons == {
        "text.jpg": "not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image",
        "empty.png": "the file is empty",
        "cut short.jpg": "the image is cut short",
    }
    assert done.stderr.count("skipped ") == 3
    strict = error_line(train(photos, tmp_path / "strict.tflite", shared_cache, "--strict"))
    assert "without --strict" in strict
    assert not (tmp_path / "strict.tflite").exists()
    for name in ("text.jpg", "empty.png"):
        (nuts / name).unlink()
    late = error_line(train(photos, tmp_path / "strict.tflite", shared_cache, "--strict"))
    assert "cut short.jpg: the image is cut short" in late


def test_only_a_few_of_many_bad_files_are_named(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    for index in range(12):
        (photos / "nut" / f"text{index}.jpg").write_text(f"this is no photo {index}")
    done = train(photos, tmp_path / "parts.tflite", shared_cache, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("skipped ") == 5
    assert f"and 7 more: 'graft check {photos}' lists them" in done.stderr.splitlines()
    assert len(json.loads(done.stdout)["skipped"]) == 12


def test_a_class_called_unknown(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    (photos / "screw").rename(photos / "Unknown")
    model = tmp_path / "parts.tflite"
    assert train(photos, model, shared_cache).returncode == 0
    assert "Unknown" not in read_model(model).labels
    assert train(photos, model, shared_cache, "--unknown-rate", "0", "--overwrite").returncode == 0
    assert "Unknown" in read_model(model).labels


def test_a_rate_that_few_photos_cannot_prove_is_noted(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    done = train(photos, tmp_path / "a.tflite", shared_cache, "--unknown-rate", "0.01", "--json")
    assert done.returncode == 0, done.stderr
    unknown = json.loads(done.stdout)["unknown"]
    assert unknown["rate"] > 0.01
    (note,) = [line for line in done.stderr.splitlines() if "--unknown-rate" in line]
    assert note.startswith(f"note: {unknown['photos']} photos are too few to promise that at most 1.00% of known ones")
    assert f"it may be {unknown['rate']:.2%}" in note
    for index, path in enumerate(sorted(photos.glob("*/*.jpg"))):
        if index % PHOTOS_A_CLASS >= 7:
            path.unlink()
    done = train(photos, tmp_path / "b.tflite", shared_cache, "--json", "--seed", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unknown"] is None
    assert "warning: too few photos to find a threshold for unknown ones" in done.stderr


def test_a_class_whose_photos_all_fail_to_decode(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    for path in (photos / "screw").iterdir():
        path.write_bytes(path.read_bytes()[:-2000])
    line = error_line(train(photos, tmp_path / "parts.tflite", shared_cache))
    assert "'screw'" in line
    assert "no readable photo" in line
    assert "14 x the image is cut short" in line


def test_an_output_that_is_a_link_stays_a_link(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    (tmp_path / "link.tflite").symlink_to("model.tflite")
    assert train(photos, tmp_path / "link.tflite", shared_cache).returncode == 0
    assert (tmp_path / "link.tflite").is_symlink()
    assert (tmp_path / "model.tflite").stat().st_size > 10_000


def test_a_pipe_is_not_overwritten(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    line = error_line(train(photos, tmp_path / "pipe", shared_cache, "--overwrite"))
    assert "is not a regular file" in line
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("missing/parts.tflite", "mkdir -p"),
        ("photos", "is a folder; give a file name"),
        ("photos/nut/nut-0001.jpg/parts.tflite", "no such folder"),
    ],
)
def test_an_impossible_output(photos: Path, tmp_path: Path, shared_cache: Path, output: str, reason: str) -> None:
    assert reason in error_line(train(photos, tmp_path / output, shared_cache))


def test_an_output_folder_that_cannot_be_written(parts: Path, tmp_path: Path, bound_by_permissions: list[str]) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(0o555)
    done = graft(
        "train", parts, "-o", locked / "parts.tflite", *FAST, "--cache", tmp_path / "cache", prefix=bound_by_permissions
    )
    assert "cannot write into" in error_line(done)
    done = graft(
        "train", parts, "-o", tmp_path / "parts.tflite", *FAST, "--cache", locked / "cache", prefix=bound_by_permissions
    )
    assert "choose another with --cache DIR" in error_line(done)


@pytest.mark.parametrize("place", ["model", "cache"])
def test_a_full_disk(photos: Path, tmp_path: Path, shared_cache: Path, small_disk: Path, place: str) -> None:
    """The disk has room for only a part of the file, or of the cache."""
    model = (small_disk if place == "model" else tmp_path) / "parts.tflite"
    cache = shared_cache if place == "model" else small_disk
    line = error_line(train(photos, model, cache))
    assert "no space left" in line or "the disk is full" in line
    assert not model.exists()
    assert not [path for path in small_disk.rglob("*") if path.suffix in {".tmp", ".tflite"}]
    assert train(photos, tmp_path / "parts.tflite", shared_cache, "--overwrite").returncode == 0


def test_a_report_that_does_not_fit_leaves_model_and_figures(
    photos: Path, tmp_path: Path, shared_cache: Path, small_disk: Path
) -> None:
    model, page = tmp_path / "m.tflite", small_disk / "m.html"
    (small_disk / "filler").write_bytes(bytes(1))
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk / 'filler'}", "bs=4k"], capture_output=True, check=False)
    done = train(photos, model, shared_cache, "--report", page, "--json")
    line = error_line(done)
    assert f"cannot write {page}: no space left on device" in line
    assert f"the model is finished and was written to {model}; run: graft report {model} {photos} -o PAGE" in line
    assert json.loads(done.stdout)["model"] == str(model)
    assert read_model(model).labels == ("nut", "screw", "washer")
    done = train(photos, model, shared_cache, "--report", page, "--min-accuracy", "1.0", "--overwrite", "--seed", "3")
    if done.returncode == 3:
        assert f"there is no report: cannot write {page}" in error_line(done, status=3)
    assert "precision" in done.stdout


def test_no_room_for_temporary_files(photos: Path, tmp_path: Path, shared_cache: Path, small_disk: Path) -> None:
    model = tmp_path / "m.tflite"
    assert train(photos, model, shared_cache).returncode == 0  # backbone and bottlenecks are cached now
    command = ["train", photos, "-o", tmp_path / "n.tflite", *FAST, "--cache", shared_cache]
    new = ["--unknown-rate", "0.15"]  # another file, which has to be tested
    line = error_line(graft(*command, *new, env={**os.environ, "TMPDIR": str(small_disk)}))
    assert f"MB into {small_disk}: no space left on device; free some space there" in line
    assert line.endswith("or choose another folder in $TMPDIR")


def test_a_cache_among_the_photos_is_refused_before_it_is_made(photos: Path, tmp_path: Path) -> None:
    for command in (["train", photos, "-o", tmp_path / "m.tflite"], ["compare", photos]):
        line = error_line(graft(*command, *FAST, "--cache", photos / "cache"))
        assert "cache is among the photos in" in line
    assert sorted(path.name for path in photos.iterdir()) == ["nut", "screw", "washer"]


def test_leftovers_of_a_killed_run_are_removed(photos: Path, tmp_path: Path) -> None:
    left = tmp_path / "tmp" / "graft-scratch-abcdefg1"
    left.mkdir(mode=0o700, parents=True)
    os.utime(left, (0, 0))
    done = graft("compare", photos / "nut", *FAST, env={**os.environ, "TMPDIR": str(left.parent)})
    assert error_line(done)  # it is no folder of classes; that comes after
    assert not left.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k,mode=777", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small file system")
    yield folder
    subprocess.run(["umount", folder], check=True)


INTERRUPTED = """
import signal
from graft_host.backbones.bottlenecks import extract
from graft_host.cli import main
extracted = extract.extracted
def extracted_and_interrupted(*args):
    for done, result in enumerate(extracted(*args)):
        if done == 20:
            signal.raise_signal(signal.SIGINT)
        yield result
extract.extracted = extracted_and_interrupted
main()
"""
"""``graft``, which gets Ctrl-C when it has the bottlenecks of 20 photos and computes the next ones."""


def test_ctrl_c_leaves_no_model_and_loses_no_work(photos: Path, tmp_path: Path) -> None:
    cache, model = tmp_path / "cache", tmp_path / "parts.tflite"
    words = ["train", photos, "-o", model, *FAST, "--cache", cache]
    job = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert job.returncode == 130, job.stderr
    assert "Traceback" not in job.stderr
    assert "interrupted" in job.stderr
    assert job.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "photos"]
    report = graft_json(*words)
    assert report["cache"] == {"hits": 20, "misses": 3 * PHOTOS_A_CLASS - 20, "backbone": "reused"}


def test_usage_errors_exit_2(photos: Path, tmp_path: Path) -> None:
    model = tmp_path / "parts.tflite"
    for wrong in (
        ["--tap", "mixed11"],
        ["--image-size", "74"],
        ["--quantize", "int4"],
        ["--test-percent", "60", "--validation-percent", "40"],
        ["--min-accuracy", "2"],
        ["--max-drop", "-0.1"],
        ["--unknown-rate", "0.6"],
        *([option, value] for option in NUMBERS for value in ("nan", "inf", "-inf")),
        ["--seed", "-1"],
        ["--no-such-option"],
    ):
        refused = CliRunner().invoke(app, ["train", str(photos), "-o", str(model), *wrong])
        assert refused.exit_code == 2, (wrong, refused.output)
    done = graft("train", photos, "-o", model, "--learning-rate", "inf")
    assert done.returncode == 2
    assert "inf is not a finite number" in done.stderr
    assert "Traceback" not in done.stderr


def test_every_command_shows_an_example() -> None:
    listed = graft("--help")
    assert listed.returncode == 0
    for command in COMMANDS:
        assert command in listed.stdout
        assert f"Example:  graft {command}" in graft(command, "--help").stdout
