"""Models are trained and tested on photos that are not in class folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from graft_host import evaluate, train
from graft_host.cli import app
from tests.support.host_data import write_photos

pytestmark = pytest.mark.slow

SMALL: dict[str, Any] = {"weights": "random", "tap": "mixed0", "image_size": 75, "unknown_rate": 0.0}


def test_a_list_and_class_folders_give_the_same_model(tmp_path: Path) -> None:
    """Names of files have no influence on a model, so that the bytes are equal."""
    photos = write_photos(tmp_path / "photos", count=12)
    lines = [f"{path.relative_to(photos)},{path.parent.name}" for path in sorted(photos.glob("*/*"))]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    flat = tmp_path / "labels.csv"
    from_folders = train(photos, tmp_path / "a.tflite", cache=tmp_path / "cache", **SMALL)
    from_list = train(photos, tmp_path / "b.tflite", labels=flat, cache=tmp_path / "cache", **SMALL)
    assert from_folders.model is not None
    assert from_list.model is not None
    assert from_folders.model.read_bytes() == from_list.model.read_bytes()
    assert len(evaluate(from_list.model, photos, labels=[flat], split="all").truth) == 24


def test_photos_of_several_folders_train_one_model_and_the_next_commands_name_them(tmp_path: Path) -> None:
    first = write_photos(tmp_path / "first", count=8)
    second = write_photos(tmp_path / "second photos", ("cats", "foxes"), count=8, first=100)
    model, cache = tmp_path / "m.tflite", tmp_path / "cache"
    options = ["--also", str(second), "--weights", "random", "--tap", "mixed0", "--image-size", "75"]
    run = CliRunner().invoke(app, ["train", str(first), "-o", str(model), "--cache", str(cache), *options])
    assert run.exit_code == 0, run.output
    assert f"graft report {model} {first} --also '{second}'" in run.stdout
    checked = CliRunner().invoke(app, ["evaluate", str(model), str(first), "--also", str(second), "--json"])
    assert json.loads(checked.stdout)["labels"] == ["cats", "dogs", "foxes"]
