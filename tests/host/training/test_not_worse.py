"""``graft train --not-worse-than``: a second round that spoils the model leaves the old file where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from graft_device.errors import ModelError
from graft_host import train
from graft_host.support.option import OptionError
from graft_host.training.delivery import RejectedError
from graft_host.training.result import TrainResult
from tests.conftest import error_line, graft
from tests.support.device_models import COLOURS

pytestmark = pytest.mark.slow

TRAINED, TESTED = 12, 8
FAST: dict[str, Any] = {"weights": "random", "tap": "mixed0", "image_size": 75}

Run = Callable[..., TrainResult]


def write_round(root: Path, labels: dict[str, str], *, wrong: dict[str, str] | None = None) -> Path:
    """Writes photos of colours into ``train`` and ``test``.

    Args:
        root: the folder to make.
        labels: the name of the class of each colour.
        wrong: the names under which some colours are in ``train`` instead.
    """
    for part, count in (("train", TRAINED), ("test", TESTED)):
        for colour, label in labels.items():
            named = (wrong or {}).get(label, label) if part == "train" else label
            rng = np.random.default_rng([count, len(colour)])
            (root / part / named).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = np.clip(np.array(COLOURS[colour]) + rng.integers(-25, 26, (6, 6, 3)), 0, 255)
                image = Image.fromarray(pixels.astype(np.uint8)).resize((90, 90), Image.Resampling.NEAREST)
                image.save(root / part / named / f"{colour}-{number}.png")
    return root


ALL = {colour: colour for colour in COLOURS}


@pytest.fixture(scope="module")
def run(shared_cache: Path) -> Run:
    def run(photos: Path, output: Path, **options: Any) -> TrainResult:
        return train(photos, output, **{"cache": shared_cache, **FAST, **options})

    return run


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_round(tmp_path_factory.mktemp("right") / "photos", ALL)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos, of which those to train on are red under green and green under red."""
    return write_round(tmp_path_factory.mktemp("wrong") / "photos", ALL, wrong={"red": "green", "green": "red"})


@pytest.fixture(scope="module")
def old(photos: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a first round, which names every photo to test on."""
    result = run(photos, tmp_path_factory.mktemp("old") / "old.tflite")
    assert result.accuracy.shipped == 1
    assert result.comparison is None
    assert "comparison" not in result.to_json()
    assert result.model is not None
    return result.model.read_bytes()


@pytest.fixture
def model(old: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "pets.tflite"
    path.write_bytes(old)
    return path


def test_a_second_round_replaces_the_file_that_it_is_compared_with(photos: Path, model: Path, run: Run) -> None:
    result = run(photos, model, not_worse_than=model, overwrite=True, augment=1)
    comparison = result.to_json()["comparison"]
    assert (comparison["photos"], comparison["both_right"], comparison["worse"]) == (24, 24, [])
    assert comparison["unseen"]
    assert [photo["kept"] for photo in comparison["golden"]["photos"]] == [True] * 6
    assert result.seconds["compare"] > 0


def test_the_older_file_is_run_on_the_same_photos_once(photos: Path, model: Path, run: Run, tmp_path: Path) -> None:
    stages: list[list[str]] = []
    found = []
    for seed in (1, 2):
        stages.append([])
        result = run(
            photos, tmp_path / f"{seed}.tflite", not_worse_than=model, seed=seed, cache=tmp_path / "cache",
            progress=lambda stage, *_: stages[-1].append(stage),
        )  # fmt: skip
        found.append(result.to_json()["comparison"]["accuracy"]["old"])
    assert stages[0].count("testing the older file") == 24
    assert "testing the older file" not in stages[1]
    assert found[0] == found[1]


def test_a_worse_file_is_refused_and_the_old_one_is_untouched(
    spoiled: Path, model: Path, old: bytes, run: Run, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    with pytest.raises(
        RejectedError, match=r"worse than .*16 were lost and 0 gained .*golden photos changed"
    ) as caught:
        run(spoiled, model, not_worse_than=model, overwrite=True, report=page)
    assert model.read_bytes() == old
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pets.tflite", "report.html"]
    figures = caught.value.result.to_json()
    assert figures["model"] is None
    assert figures["gate"] == {"failed": "--not-worse-than", "wanted": 1.0, "measured": pytest.approx(1 / 3)}
    worse = figures["comparison"]["photos_worse"]
    assert {(photo["truth"], photo["new"]["label"]) for photo in worse} == {("red", "green"), ("green", "red")}
    text = page.read_text()
    assert "Worse than the old model" in text
    assert all(f"{photo['truth']}/{Path(photo['path']).name}" in text for photo in worse)


def test_the_command_lists_the_photos_and_exits_with_3(
    spoiled: Path, model: Path, old: bytes, shared_cache: Path, tmp_path: Path
) -> None:
    command = ["train", spoiled, "-o", model, "--overwrite", "--not-worse-than", model, "--cache", shared_cache]
    command += ["--weights", "random", "--tap", "mixed0", "--image-size", "75", "--keep-rejected"]
    done = graft(*command)
    error = error_line(done, 3)
    assert f"worse than {model}: of 24 test photos, 16 were lost" in error
    assert f"the rejected file is {tmp_path / 'pets.rejected.tflite'}" in error
    assert "16 photos got worse:" in done.stdout
    assert f"  {spoiled / 'test' / 'red' / 'red-0.png'}: red; old red " in done.stdout
    assert (tmp_path / "pets.rejected.tflite").is_file()
    assert model.read_bytes() == old


def test_a_new_class_is_no_reason_to_refuse(old: bytes, run: Run, tmp_path: Path, photos: Path) -> None:
    two = write_round(tmp_path / "two", {"red": "red", "blue": "blue"})
    first = run(two, tmp_path / "two.tflite").model
    assert first is not None
    result = run(photos, tmp_path / "three.tflite", not_worse_than=first)
    comparison = result.comparison
    assert comparison is not None
    assert comparison.only_in_new == ("green",)
    assert comparison.counts.photos == 2 * TESTED


def test_another_size_can_be_compared_with(photos: Path, model: Path, run: Run, tmp_path: Path) -> None:
    result = run(photos, tmp_path / "larger.tflite", not_worse_than=model, image_size=96, golden_from=[model])
    assert result.comparison is not None
    assert result.comparison.counts.photos == 24
    assert result.comparison.drops == ()
    assert len(result.comparison.golden.photos) == 6


def test_an_old_file_that_is_missing_stops_the_run_before_it_starts(photos: Path, run: Run, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.tflite"):
        run(photos, tmp_path / "new.tflite", not_worse_than=tmp_path / "none.tflite")
    with pytest.raises(OptionError, match="--not-worse-than"):
        run(photos, tmp_path / "new.tflite", golden_from=[tmp_path / "none.tflite"])
    assert list(tmp_path.iterdir()) == []
