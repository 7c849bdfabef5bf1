"""The C++ example on an emulated 64-bit board: compiled for Arm, against the board's classifier."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.support.arm.jobs import Target
from tests.support.device_models import write_artifact

if TYPE_CHECKING:
    from tests.support.arm.board import Board

pytestmark = pytest.mark.arm

EXAMPLE = Path(__file__).parents[2] / "examples" / "classify.cpp"
COMPILER = "aarch64-linux-gnu-g++"


@pytest.fixture
def classify(arm64: Board, tmp_path: Path) -> Path:
    """The program, compiled as its first lines say, with the library of the board's LiteRT package."""
    if shutil.which(COMPILER) is None:
        pytest.skip(f"no {COMPILER}")
    library, program = arm64.sites["litert"] / "ai_edge_litert" / "libLiteRt.so", tmp_path / "classify"
    words = [COMPILER, "-std=c++17", "-O2", EXAMPLE, "-o", program, library, f"-Wl,-rpath,{library.parent}"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return program


def root_of_compiler() -> Path:
    """The folder with the Arm libraries that the compiler links: the board's may be older."""
    words = [COMPILER, "-print-file-name=libc.so.6"]
    printed = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True).stdout
    return Path(printed.strip()).resolve().parents[1]


def test_the_cpp_program_gives_the_boards_scores(arm64: Board, classify: Path, tmp_path: Path) -> None:
    """A photo that has to be resized, read as PPM there and as PNG by the board's Python."""
    model, photo = write_artifact(tmp_path / "m.tflite"), tmp_path / "photo.png"
    rng = np.random.default_rng(5)
    shades = rng.integers(0, 120, (1, 1, 3)) + rng.integers(0, 120, (45, 64, 3))
    image = Image.fromarray(shades.astype(np.uint8))
    image.save(photo)
    image.save(photo.with_suffix(".ppm"))
    with zipfile.ZipFile(model) as archive:
        (tmp_path / "labels.txt").write_bytes(archive.read("labels.txt"))
    words = [arm64.qemu, "-cpu", arm64.arch.cpu, "-L", root_of_compiler(), classify]
    words += [model, tmp_path / "labels.txt", photo.with_suffix(".ppm")]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    label, *lines = done.stdout.splitlines()
    scores = {name: float(score) for name, score in (line.strip().rsplit(" ", 1) for line in lines)}
    board = Target(arm64, "litert").run("classify", model, photo, "--json")
    assert board.returncode == 0, board.stderr
    predictions = json.loads(board.stdout)["predictions"]
    assert label == predictions[0]["label"]
    assert len(scores) == len(predictions) == 3
    assert scores == pytest.approx({entry["label"]: entry["score"] for entry in predictions}, abs=0.02)
    assert 0.4 < predictions[0]["score"] < 0.99
