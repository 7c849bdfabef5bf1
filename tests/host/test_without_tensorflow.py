"""What works where TensorFlow is not installed: everything but the export, neither in a process nor in its children."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from graft_host.demo.rendering.render import render_dataset
from tests.conftest import error_line, graft

FAST = ("--weights", "random", "--image-size", "75", "--test-percent", "30")
SEARCH = ("--weights", "random", "--taps", "mixed0,mixed1", "--sizes", "75,80", "--test-percent", "30")

HIDE = """
import sys

for name in ("tensorflow", "keras", "jax", "torch"):
    sys.modules[name] = None  # as if it were not installed: find_spec finds nothing, an import fails
"""


@pytest.fixture
def without_tensorflow(tmp_path: Path) -> dict[str, Any]:
    """The environment of commands for which TensorFlow and Keras are not installed."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(HIDE)
    paths = [str(tmp_path / "hidden"), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "GRAFT_CACHE": str(tmp_path / "c")}
    return {"env": environment}


@pytest.mark.slow
def test_everything_but_the_export_works_without_tensorflow(tmp_path: Path, without_tensorflow: dict[str, Any]) -> None:
    def run(*args: object) -> Any:
        done = graft(*args, "--json", **without_tensorflow)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    photos, model = tmp_path / "photos", tmp_path / "m.tflite"
    render_dataset(photos, 14, 0)
    for kind in ("float32", "float16", "dynamic", "int8"):
        trained = run("train", photos, *FAST, "--tap", "mixed0", "--quantize", kind, "--overwrite", "-o", model)
        assert trained["cache"]["backbone"] == "converted"
    assert run("evaluate", model, photos, "--split", "all")["photos"] > 30
    assert run("inspect", model)["labels"] == ["nut", "screw", "washer"]
    assert run("diagnose", model, photos, "--limit", "4")
    assert run("check", photos, *FAST, "--tap", "mixed0")
    assert run("compare", photos, *FAST, "--tap", "mixed0")
    assert run("report", model, photos, "-o", tmp_path / "report.html")
    assert run("search", photos, *SEARCH, "-o", tmp_path / "best.tflite")
    assert run("demo", "--folder", tmp_path / "demo", "--weights", "random")


@pytest.mark.parametrize("kind", ["keras", "saved-model"])
def test_the_export_names_the_package_that_it_needs(
    tmp_path: Path, without_tensorflow: dict[str, Any], kind: str
) -> None:
    done = graft("export", tmp_path / "none.tflite", "--format", kind, "-o", tmp_path / "out", **without_tensorflow)
    assert error_line(done) == (
        f"error: exporting as {kind} needs TensorFlow, which is not installed; "
        "install it: pip install 'graftkit[tensorflow]'"
    )
