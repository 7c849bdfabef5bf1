"""The Arm lane: the device package on an emulated 64-bit board, against the same files on this machine."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest

from graft_host.render import render_dataset
from tests.arm.board import Board, Runtime, Unavailable, prepare
from tests.conftest import graft_device, graft_json

pytestmark = pytest.mark.arm

ROOT = Path(__file__).resolve().parents[1]
RUNTIMES: Sequence[Runtime] = get_args(Runtime)
TWO_STEPS = 2 / 256 + 1e-6


@pytest.fixture(scope="session")
def board() -> Board:
    try:
        return prepare(ROOT / ".arm")
    except Unavailable as reason:
        pytest.skip(f"no emulated board: {reason}")


@pytest.fixture(scope="session")
def pets_model(weights_file: Path, cats_and_dogs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes on real weights, from forty photos of each, some way into the network."""
    folder = tmp_path_factory.mktemp("pets")
    for label in ("cats", "dogs"):
        (folder / "photos" / label).mkdir(parents=True)
        for photo in sorted((cats_and_dogs / label).iterdir())[:40]:
            (folder / "photos" / label / photo.name).symlink_to(photo)
    options = ["--weights", weights_file, "--tap", "mixed4", "--image-size", "150", "--cache", folder / "cache"]
    graft_json("train", folder / "photos", "-o", folder / "pets.tflite", *options)
    return folder / "pets.tflite"


@pytest.fixture(scope="session")
def parts_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes on random weights; works with no ../shared."""
    folder = tmp_path_factory.mktemp("parts")
    render_dataset(folder / "photos", 12, 0)
    options = ["--weights", "random", "--tap", "mixed0", "--image-size", "96", "--test-percent", "40"]
    report = graft_json("train", folder / "photos", "-o", folder / "parts.tflite", *options, "--cache", folder / "c")
    assert len(report["labels"]) == 3
    return folder / "parts.tflite"


def on_the_board(board: Board, runtime: Runtime, *args: object) -> Any:
    return board.python(
        "-m", "graft_device.cli", *map(str, args), runtime=runtime, extra_path=[ROOT / "device"], timeout=600
    )


def compare(board: Board, runtime: Runtime, model: Path, photos: Sequence[Path]) -> None:
    args = ["classify", model, *photos, "--top-k", 9, "--json", "--runtime", runtime]
    arm, here = on_the_board(board, runtime, *args), graft_device(*args)
    assert arm.returncode == here.returncode == 0, arm.stderr + here.stderr
    answers = [[json.loads(line) for line in done.stdout.splitlines()] for done in (arm, here)]
    assert len(answers[0]) == len(answers[1]) == len(photos)
    for ours, theirs in zip(*answers, strict=True):
        assert ours["image"] == theirs["image"]
        assert ours["predictions"][0]["label"] == theirs["predictions"][0]["label"]
        scores = [{p["label"]: p["score"] for p in answer["predictions"]} for answer in (ours, theirs)]
        assert scores[0].keys() == scores[1].keys()
        for label, score in scores[0].items():
            assert score == pytest.approx(scores[1][label], abs=TWO_STEPS)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_two_classes_as_on_this_machine(board: Board, runtime: Runtime, pets_model: Path, cats_and_dogs: Path) -> None:
    photos = random.Random(0).sample(sorted(cats_and_dogs.glob("*/*.jpg")), 10)
    compare(board, runtime, pets_model, photos)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_three_classes_as_on_this_machine(board: Board, runtime: Runtime, parts_model: Path, tmp_path: Path) -> None:
    render_dataset(tmp_path, 3, 7)
    compare(board, runtime, parts_model, sorted(tmp_path.glob("*/*.jpg")))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_info_and_errors(board: Board, runtime: Runtime, parts_model: Path, tmp_path: Path) -> None:
    info = on_the_board(board, runtime, "info", parts_model, "--json")
    assert info.returncode == 0, info.stderr
    assert json.loads(info.stdout)["labels"] == ["nut", "screw", "washer"]
    (tmp_path / "bad.jpg").write_text("no photo")
    bad = on_the_board(board, runtime, "classify", parts_model, tmp_path / "bad.jpg")
    assert bad.returncode == 1
    assert bad.stderr.splitlines() == [f"error: {tmp_path / 'bad.jpg'}: not a JPEG, PNG, WebP, BMP or GIF image"]


def test_no_tensorflow_is_needed(board: Board, parts_model: Path) -> None:
    program = (
        "import sys, graft_device.cli, graft_device.classifier as c; c.Classifier(sys.argv[1]); "
        "print(sorted({'tensorflow', 'graft_host', 'scipy'} & set(sys.modules)))"
    )
    done = board.python("-c", program, str(parts_model), runtime="litert", extra_path=[ROOT / "device"])
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
