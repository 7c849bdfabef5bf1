from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from graft_host.demo.render import PARTS
from tests.conftest import graft, graft_json

pytestmark = pytest.mark.slow


def test_the_demo_works_without_a_network_connection(tmp_path: Path) -> None:
    """An empty home has no weights, and a closed proxy means no network connection."""
    closed = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    environment = {**os.environ, **closed, "HOME": str(tmp_path), "KERAS_HOME": str(tmp_path / "keras")}
    environment.pop("GRAFT_WEIGHTS", None)
    done = graft("demo", "--cache", tmp_path / "cache", env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "cannot be downloaded: continuing with random weights" in done.stderr
    for part in PARTS:
        assert f"graft-demo/new/{part}.jpg: " in done.stdout
    assert "graft-device classify graft-demo/parts.tflite" in done.stdout
    again = graft("demo", "--cache", tmp_path / "cache", "--json", env=environment, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert report["pretrained"] is False
    assert report["accuracy"]["shipped"] >= 0.85
    assert [answer["label"] for answer in report["answers"]] == list(PARTS)
    assert report["cache"]["misses"] == 0
    assert [Path(answer["image"]).stem for answer in report["answers"]] == list(PARTS)


def test_the_demo_with_real_weights_is_accurate(tmp_path: Path, weights_file: Path) -> None:
    report = graft_json("demo", "--folder", tmp_path / "demo", "--weights", weights_file, "--cache", tmp_path / "c")
    assert report["accuracy"]["shipped"] >= 0.9
    assert [answer["label"] for answer in report["answers"]] == list(PARTS)
