"""Training on camera copies and on copies that look like photos of the place."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graft_device.errors import DatasetError
from graft_host.backbones.bottlenecks.bottlenecks import Bottlenecks
from graft_host.demo.rendering.render import render_dataset
from graft_host.photos.place import place_statistics
from graft_host.photos.renditions import renditions
from graft_host.samples.options import SampleOptions
from graft_host.support.clock import Clock
from graft_host.training.estimate import cross_validated_estimate, held_out_rows
from graft_host.training.grafting import finished_head
from graft_host.training.material import Material, gather, group_numbers
from graft_host.training.options import HeadOptions
from tests.conftest import graft, graft_device, graft_json
from tests.support.host_data import image_bytes
from tests.support.quiet import QuietReporter

_EACH = 10
_FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "photos"
    render_dataset(folder, _EACH, 3)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos without labels, beside a file that is none."""
    folder = tmp_path_factory.mktemp("place") / "frames"
    folder.mkdir()
    for seed in range(3):
        (folder / f"{seed}.jpg").write_bytes(image_bytes(seed + 30, "JPEG", width=120, height=90))
    (folder / "notes.txt").write_text("no photo")
    return folder


def _options(photos: Path, cache: Path, samples: SampleOptions) -> HeadOptions:
    return HeadOptions(
        photos=photos, weights="random", tap="mixed0", image_size=75, cache=cache, threads=2, augment=1, samples=samples
    )  # fmt: skip


@pytest.fixture(scope="module")
def copied(photos: Path, place: Path, shared_cache: Path) -> Material:
    samples = SampleOptions(camera_copies=2, match=place)
    return gather(_options(photos, shared_cache, samples), QuietReporter(), Clock())


def test_copies_of_training_photos_follow_their_variants(copied: Material, place: Path, shared_cache: Path) -> None:
    train = copied.split.train
    statistics, _ = place_statistics(place, train, "squash", 2)
    shown = renditions(variants=1, camera_copies=2, place=statistics)
    with Bottlenecks(copied.backbone, shared_cache) as bottlenecks:
        expected = bottlenecks.matrix(train, shown)
    assert np.array_equal(copied.train[0], expected[0])
    assert np.array_equal(copied.train[1], expected[1])
    assert len(copied.train[0]) == 5 * len(train)
    assert copied.weights is None
    assert len(copied.validation[0]) == len(copied.split.validation)
    assert len(copied.test[0]) == len(copied.split.test)


def test_copies_stay_in_the_fold_of_their_photo(copied: Material) -> None:
    train = copied.split.train
    assert copied.groups.reshape(5, -1).tolist() == [group_numbers(train).tolist()] * 5
    rows = held_out_rows(copied)
    photos = [*train, *copied.split.validation, *copied.split.test]
    assert rows.photos[len(photos) :].reshape(4, -1).tolist() == [list(range(len(train)))] * 4


def test_temperature_and_threshold_come_from_photos_and_not_from_copies(
    copied: Material, photos: Path, shared_cache: Path
) -> None:
    head = finished_head(copied, _options(photos, shared_cache, SampleOptions()))
    assert head.photos == len(copied.split.train) + len(copied.split.validation)


def test_the_estimate_counts_photos_and_not_copies(copied: Material, photos: Path, shared_cache: Path) -> None:
    estimate = cross_validated_estimate(copied, _options(photos, shared_cache, SampleOptions()), 2)
    assert estimate.photos == 3 * _EACH


def test_a_second_run_computes_no_copies(copied: Material, photos: Path, place: Path, shared_cache: Path) -> None:
    assert copied.extraction.misses > 0
    again = gather(
        _options(photos, shared_cache, SampleOptions(camera_copies=2, match=place)), QuietReporter(), Clock()
    ).extraction
    assert (again.misses, again.hits) == (0, 3 * _EACH + 4 * len(copied.split.train))
    fewer = gather(_options(photos, shared_cache, SampleOptions(camera_copies=1)), QuietReporter(), Clock())
    assert fewer.extraction.misses == 0
    count = len(copied.split.train)
    assert np.array_equal(fewer.train[0], copied.train[0][: 3 * count])


def test_the_seed_of_the_run_draws_the_copies(copied: Material, photos: Path, shared_cache: Path) -> None:
    options = _options(photos, shared_cache, SampleOptions(camera_copies=1))
    other = gather(replace(options, rule=replace(options.rule, seed=5)), QuietReporter(), Clock())
    theirs = {
        photo.digest: row
        for photo, row in zip(other.split.train, other.train[0][2 * len(other.split.train) :], strict=True)
    }
    count = len(copied.split.train)
    ours = {
        photo.digest: row for photo, row in zip(copied.split.train, copied.train[0][2 * count : 3 * count], strict=True)
    }
    both = ours.keys() & theirs.keys()
    assert len(both) > 5
    assert not any(np.array_equal(ours[digest], theirs[digest]) for digest in both)


def test_files_of_the_place_that_are_no_photos_are_noted(photos: Path, place: Path, shared_cache: Path) -> None:
    notes = QuietReporter()
    gather(_options(photos, shared_cache, SampleOptions(match=place)), notes, Clock())
    assert [line for line in notes.notes if "notes.txt" in line] == [
        f"skipped {place / 'notes.txt'}: not a JPEG, PNG, WebP, BMP, GIF, HEIC or AVIF image"
    ]


def test_under_strict_such_a_file_is_an_error(photos: Path, place: Path, tmp_path: Path, shared_cache: Path) -> None:
    done = graft(
        "train", photos, "-o", tmp_path / "m.tflite", *_FAST, "--cache", shared_cache, "--match", place, "--strict"
    )
    assert done.returncode == 1
    assert "notes.txt" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("inside", ["cache", "model"])
def test_nothing_is_written_among_the_photos_of_the_place(
    photos: Path, place: Path, tmp_path: Path, inside: str, shared_cache: Path
) -> None:
    frames = Path(shutil.copytree(place, tmp_path / "frames"))
    cache = frames / "cache" if inside == "cache" else shared_cache
    model = (frames if inside == "model" else tmp_path) / "m.tflite"
    done = graft("train", photos, "-o", model, *_FAST, "--cache", cache, "--match", frames)
    assert done.returncode == 1
    assert str(frames) in done.stderr.splitlines()[-1]
    assert sorted(path.name for path in frames.iterdir()) == sorted(path.name for path in place.iterdir())


def test_a_place_that_is_not_there_is_an_error_before_the_work_starts(
    photos: Path, tmp_path: Path, shared_cache: Path
) -> None:
    options = ("--cache", shared_cache, "--match", tmp_path / "missing")
    done = graft("train", photos, "-o", tmp_path / "m.tflite", *_FAST, *options)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"error: no such folder of photos: {tmp_path / 'missing'}"]


def test_a_place_without_photos_is_an_error(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    with pytest.raises(DatasetError, match="no photo in"):
        gather(_options(photos, shared_cache, SampleOptions(match=tmp_path)), QuietReporter(), Clock())


def test_with_a_source_its_photos_get_the_copies(photos: Path, place: Path, tmp_path: Path, shared_cache: Path) -> None:
    render_dataset(tmp_path / "source", 4, 70)
    samples = SampleOptions(source=(tmp_path / "source",), match=place)
    material = gather(_options(photos, shared_cache, samples), QuietReporter(), Clock())
    train, source = material.split.train, material.source
    assert source is not None
    assert not material.copies
    assert source.to_json()["camera_copies"] == 1
    assert source.to_json()["matched"] is True
    assert len(material.train[0]) == 2 * len(train) + 4 * 12
    statistics, _ = place_statistics(place, source.sources.photos, "squash", 2)
    shown = renditions(variants=1, camera_copies=1, place=statistics)
    with Bottlenecks(material.backbone, shared_cache) as bottlenecks:
        expected, _ = bottlenecks.matrix(source.sources.photos, shown)
    assert np.array_equal(material.train[0][2 * len(train) :], expected)


def test_card_json_and_terminal_state_the_copies(photos: Path, place: Path, tmp_path: Path, shared_cache: Path) -> None:
    model = tmp_path / "parts.tflite"
    options = ["--cache", shared_cache, "--camera-copies", "2", "--match", place]
    report = graft_json("train", photos, "-o", model, *_FAST, *options)
    assert (report["camera_copies"], report["matched"]) == (2, True)
    assert report["cache"]["misses"] + report["cache"]["hits"] == 3 * _EACH + 3 * report["photos"]["train"]
    card = json.loads(graft_device("info", model, "--json").stdout)["card"]
    assert (card["training"]["camera_copies"], card["training"]["matched"]) == (2, True)
    text = graft("train", photos, "-o", model, *_FAST, *options, "--overwrite").stdout
    assert "2 camera copies and a matched copy of each training photo" in " ".join(text.split())


def test_without_copies_card_and_json_have_no_word_of_them(photos: Path, tmp_path: Path, shared_cache: Path) -> None:
    model = tmp_path / "parts.tflite"
    report = graft_json("train", photos, "-o", model, *_FAST, "--cache", shared_cache, "--camera-copies", "0")
    card = json.loads(graft_device("info", model, "--json").stdout)["card"]
    assert not {"camera_copies", "matched"} & {*report, *card["training"]}


def test_the_same_command_gives_the_same_file(photos: Path, place: Path, tmp_path: Path, shared_cache: Path) -> None:
    models = [tmp_path / name for name in ("first.tflite", "second.tflite")]
    for model, cache in zip(models, (shared_cache, tmp_path / "cache"), strict=True):
        options = ["--cache", cache, "--camera-copies", "1", "--match", place, "--augment", "1"]
        done: subprocess.CompletedProcess[str] = graft("train", photos, "-o", model, *_FAST, *options)
        assert done.returncode == 0, done.stderr
        if cache == shared_cache:  # the backbone alone is taken from it: its ranges depend on who calibrated it
            (tmp_path / "cache").mkdir()
            shutil.copytree(shared_cache / "backbones", tmp_path / "cache" / "backbones")
    assert models[0].read_bytes() == models[1].read_bytes()
