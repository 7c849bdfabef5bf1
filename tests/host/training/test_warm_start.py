"""A run with a cached backbone needs no TensorFlow, neither in its own process nor in a child."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from graft_host.demo.render import render_dataset
from tests.conftest import error_line, graft, graft_json

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
def test_tensorflow_is_only_imported_to_convert(
    tmp_path: Path, shared_cache: Path, without_tensorflow: dict[str, Any]
) -> None:
    photos = tmp_path / "photos"
    render_dataset(photos, 14, 0)
    command = ["train", photos, *FAST, "--overwrite", "-o", tmp_path / "parts.tflite"]
    graft_json(*command, "--cache", shared_cache)
    before = (tmp_path / "parts.tflite").read_bytes()
    warm = graft(*command, "--cache", shared_cache, **without_tensorflow)
    assert warm.returncode == 0, warm.stderr
    assert (tmp_path / "parts.tflite").read_bytes() == before
    assert "seconds" in warm.stdout
    cold = graft(*command, "--cache", tmp_path / "cold", **without_tensorflow)
    assert "no TensorFlow here" in error_line(cold)  # so the warm run had none either
