"""A model and a cache that an earlier version wrote are still read; ``data/before_rooms/README.md`` has how."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from graft_device.classifier import Classifier
from graft_device.model import read_model
from tests.conftest import graft, graft_device

MADE = Path(__file__).parent / "data" / "before_rooms" / "made.tar.xz"
RUNTIMES = {"litert": "ai_edge_litert", "tflite-runtime": "tflite_runtime"}
TWO_STEPS = 2 / 256 + 1e-6
"""By how much a score may differ between versions and builds of a runtime."""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as it was; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("before")
    with tarfile.open(MADE) as archive:
        for member in archive.getmembers():
            assert not Path(member.name).is_absolute()
            assert ".." not in Path(member.name).parts
        archive.extractall(folder)  # noqa: S202  our own archive, and checked
    return folder


def printed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def answered(before: Path, name: str) -> dict[str, Any]:
    answer = json.loads((before / "answers" / f"{name}.json").read_bytes())
    assert isinstance(answer, dict)
    return answer


def says_the_same(now: dict[str, Any], then: dict[str, Any]) -> None:
    """Newer versions may say more, but of what the old one said nothing is missing or different."""
    assert then
    assert {key: now.get(key) for key in then} == then


def test_info(before: Path) -> None:
    now = json.loads(printed(graft_device("info", "before.tflite", "--json", cwd=before)))
    says_the_same(now, answered(before, "info"))


def test_inspect(before: Path) -> None:
    now = json.loads(printed(graft("inspect", "before.tflite", "--json", cwd=before)))
    says_the_same(now, answered(before, "inspect"))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_classify(before: Path, runtime: str) -> None:
    if importlib.util.find_spec(RUNTIMES[runtime]) is None:
        pytest.skip(f"{runtime} is not installed")
    lines = (before / "answers" / f"classify-{runtime}.jsonl").read_text().splitlines()
    assert len(lines) == 3
    then = {line["image"]: line["predictions"] for line in map(json.loads, lines)}
    run = ("classify", "before.tflite", *then, "--runtime", runtime, "--json")
    now = [json.loads(line) for line in printed(graft_device(*run, cwd=before)).splitlines()]
    assert [line["image"] for line in now] == list(then)
    for line in now:
        scores = {prediction["label"]: prediction["score"] for prediction in line["predictions"]}
        expected = {prediction["label"]: prediction["score"] for prediction in then[line["image"]]}
        assert scores == pytest.approx(expected, abs=TWO_STEPS)


def test_from_python(before: Path) -> None:
    first = json.loads((before / "answers" / "classify-litert.jsonl").read_text().splitlines()[0])
    best = Classifier(before / "before.tflite", runtime="litert").classify(before / first["image"])[0]
    assert best.label == first["predictions"][0]["label"]
    assert best.score == pytest.approx(first["predictions"][0]["score"], abs=TWO_STEPS)


@pytest.mark.parametrize(("split", "name"), [("test", "evaluate"), ("all", "evaluate-all")])
def test_evaluate(before: Path, split: str, name: str) -> None:
    now = json.loads(printed(graft("evaluate", "before.tflite", "photos", "--split", split, "--json", cwd=before)))
    says_the_same(now, answered(before, name))


def test_diagnose_knows_the_layers_of_the_converter(before: Path) -> None:
    """The float32 network has its pools before the convolutions, as the old model has."""
    run = ("diagnose", "before.tflite", "photos", "--split", "all", "--sort", "order", "--json")
    now = json.loads(printed(graft(*run, cwd=before)))
    assert now["photos"] == 27
    assert now["verdict"].endswith("nothing stands out")
    layers = {layer["name"]: layer for layer in now["layers"]}
    assert list(layers)[:3] == ["pixels", "conv2d", "conv2d_1"]
    assert list(layers)[-4:] == ["avg_pool_2", "conv2d_11", "mixed0", "bottleneck"]
    assert all(layer["sqnr"] > 20 for layer in layers.values())
    assert layers["conv2d_11"]["lost"] < layers["conv2d"]["sqnr"]


def test_train_takes_everything_from_the_old_cache(before: Path, tmp_path: Path) -> None:
    """In a process, with its children, in which TensorFlow cannot be imported: nothing is converted again."""
    cache = Path(shutil.copytree(before / "cache", tmp_path / "cache"))
    for name in ("tensorflow", "keras"):
        (tmp_path / "blocked" / name).mkdir(parents=True)
        (tmp_path / "blocked" / name / "__init__.py").write_text("raise ImportError('blocked by the test')\n")
    path = os.pathsep.join(filter(None, [str(tmp_path / "blocked"), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path}
    for name in ("tensorflow", "keras"):
        blocked = subprocess.run(
            [sys.executable, "-c", f"import {name}"], env=environment, capture_output=True, text=True, check=False
        )
        assert "blocked by the test" in blocked.stderr
    options = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30")
    run = ("train", before / "photos", "-o", tmp_path / "again.tflite", *options, "--cache", cache, "--json")
    report = json.loads(printed(graft(*run, env=environment)))
    assert report["cache"] == {"hits": 27, "misses": 0, "backbone": "reused"}
    then = answered(before, "train")
    assert {key: report[key] for key in ("labels", "photos")} == {key: then[key] for key in ("labels", "photos")}
    old, new = read_model(before / "before.tflite").card, read_model(tmp_path / "again.tflite").card
    assert new.backbone["fingerprint"] == old.backbone["fingerprint"]
    assert new.training["split"] == old.training["split"]
    backbones = {path.name for path in (before / "cache" / "backbones").iterdir()}
    assert {path.name for path in (cache / "backbones").iterdir()} == backbones
