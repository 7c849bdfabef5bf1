"""The benchmark of fine-tuning: which photos a draw takes, and a row. Figures are not tested."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.fine_tuning.__main__ import draw
from graft_host.photos.dataset import scan
from tests.support.host_data import python_environment
from tests.support.tiny_models import on_path
from tests.support.tunable_family import install, write_colours, write_weights

_ROOT = Path(__file__).parents[2]


def test_a_draw_takes_as_many_photos_of_each_class_and_tests_on_others(tmp_path: Path) -> None:
    photos = scan(write_colours(tmp_path, 30), 2).photos
    drawn = draw(photos, 20, 0)
    parts = drawn.train, drawn.validation, drawn.test
    assert [Counter(photo.label for photo in part) for part in parts] == [
        {0: 16, 1: 16},
        {0: 4, 1: 4},
        {0: 10, 1: 10},
    ]
    assert len({photo.digest for part in parts for photo in part}) == 60
    assert draw(photos, 20, 0) == drawn
    assert draw(photos, 20, 1) != drawn


@pytest.mark.slow
def test_a_row_has_both_heads_seconds_memory_and_the_decision(tmp_path: Path) -> None:
    photos, weights = write_colours(tmp_path / "photos", 30), write_weights(tmp_path / "w.npz")
    words: list[object] = [photos, "--backbone", "tunable", "--weights", weights, "--tap", "late", "--image-size", 32]
    words += ["--per-class", 20, "--trial", "--cache", tmp_path / "cache"]
    with on_path(tmp_path / "site", install(tmp_path / "site")):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.fine_tuning", *map(str, words)],
            cwd=_ROOT, env=python_environment(), capture_output=True, text=True, check=True,
        )  # fmt: skip
    number = r"\d+\.\d+"
    figures = rf"{number} \| {number}"
    decided = rf"[+-]{number} ± \S+, (not )?kept"
    row = rf"\| photos \| 20 \| 0 \| middle, 20 \| {figures} \| {figures} \| \d+ \| \d+ \| {decided} \|"
    assert re.fullmatch(row, done.stdout.strip()), done.stdout
