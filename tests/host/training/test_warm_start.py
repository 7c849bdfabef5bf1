"""A run with a warm cache computes nothing that it has computed before, and loads nothing that it does not need."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graft_host.demo.rendering.render import render_dataset
from tests.conftest import graft, graft_json

FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30")


@pytest.fixture
def without_tensorflow(tmp_path: Path) -> dict[str, Any]:
    """An environment in which TensorFlow and Keras are installed, but cannot be imported."""
    for name in ("tensorflow", "keras"):
        (tmp_path / "blocked" / name).mkdir(parents=True)
        (tmp_path / "blocked" / name / "__init__.py").write_text("raise ImportError('no TensorFlow here')\n")
    paths = [str(tmp_path / "blocked"), os.environ.get("PYTHONPATH", "")]
    return {"env": {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}}


@pytest.mark.slow
def test_no_run_needs_tensorflow(tmp_path: Path, without_tensorflow: dict[str, Any]) -> None:
    photos = tmp_path / "photos"
    render_dataset(photos, 14, 0)
    command = ["train", photos, *FAST, "--overwrite", "-o", tmp_path / "parts.tflite"]
    graft_json(*command, "--cache", tmp_path / "warm")
    before = (tmp_path / "parts.tflite").read_bytes()
    warm = graft(*command, "--cache", tmp_path / "warm", **without_tensorflow)
    assert warm.returncode == 0, warm.stderr
    assert (tmp_path / "parts.tflite").read_bytes() == before
    assert "seconds" in warm.stdout
    cold = graft(*command, "--cache", tmp_path / "cold", **without_tensorflow)
    assert cold.returncode == 0, cold.stderr
    assert (tmp_path / "parts.tflite").read_bytes() == before


MODULES = """
import json, sys
from graft_host import cli
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.slow
def test_a_run_without_news_trains_and_tests_nothing(tmp_path: Path, shared_cache: Path) -> None:
    photos, model = tmp_path / "photos", tmp_path / "parts.tflite"
    render_dataset(photos, 14, 0)
    command = ["train", photos, *FAST, "--overwrite", "-o", model, "--cache", shared_cache]
    first = graft_json(*command)
    data = model.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", MODULES, *map(str, command), "--json"], capture_output=True, text=True, check=True
    )
    report, loaded = map(json.loads, done.stdout.splitlines())
    assert model.read_bytes() == data
    assert {**report, "seconds": {}, "cache": {}} == {**first, "seconds": {}, "cache": {}}
    assert {"numpy", "graft_host.heads.head", "graft_host.evaluation.evaluate"} <= set(loaded)
    assert not {"scipy", "scipy.optimize", "matplotlib", "imagehash", "tensorflow"} & set(loaded)
    assert "testing the file" not in done.stderr


@pytest.mark.slow
def test_what_changed_is_computed_again(tmp_path: Path, shared_cache: Path) -> None:
    """Each change gives what a cache without results gives."""
    photos = tmp_path / "photos"
    render_dataset(photos, 14, 0)
    more = tmp_path / "more"
    render_dataset(more, 15, 1)

    def trained(name: str, *options: object) -> tuple[bytes, dict[str, Any]]:
        model = tmp_path / f"{name}.tflite"
        report = graft_json("train", photos, *FAST, *options, "-o", model, "--cache", shared_cache, "--overwrite")
        return model.read_bytes(), {**report, "seconds": {}, "cache": {}, "model": ""}

    trained("warm")
    results = []
    for number, options in enumerate((("--unknown-rate", 0.2), ("--seed", 1), ())):
        if number == 2:  # and a photo is added
            new = min(more.glob("*/*"))
            new.rename(photos / new.parent.name / f"new{new.suffix}")
        results.append(trained("kept", *options))
        shutil.rmtree(shared_cache / "results")
        assert trained("fresh", *options) == results[-1]
    assert len({data for data, _ in results}) == len(results)
