"""``graft check --strangers --learning-curve``, and what ``graft train --report`` says of both."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from graft_host.demo.rendering.render import render_dataset
from tests.conftest import graft, graft_json
from tests.support.host_data import write_photos

if TYPE_CHECKING:
    from collections.abc import Sequence

FAST = ("--weights", "random", "--tap", "mixed0", "--image-size", "75", "--threads", "2")
ASKED = ("--strangers", "--learning-curve")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    render_dataset(folder, 14, 0)
    return folder


def _options(cache: Path) -> Sequence[object]:
    return (*FAST, "--cache", cache)


def test_check_answers_both_and_keeps_the_answers(parts: Path, shared_cache: Path) -> None:
    first = graft_json("check", parts, *ASKED, *_options(shared_cache))
    labels = sorted(first["classes"])
    assert [entry["label"] for entry in first["strangers"]["left_out"]] == labels
    for entry in first["strangers"]["left_out"]:
        assert entry["refused"] + sum(entry["taken_for"].values()) == entry["photos"] == 14
        assert entry["label"] not in entry["taken_for"]
    curve = first["learning_curve"]
    assert curve["points"][-1]["photos_per_class"] == 14
    assert curve["twice_the_photos"]["photos_per_class"] == 28
    assert graft_json("check", parts, *ASKED, *_options(shared_cache)) == first
    shown = graft("check", parts, *ASKED, *_options(shared_cache)).stdout
    assert "classes left out in turn" in shown
    assert f"{curve['points'][-1]['accuracy']:.1%}" in shown
    lines = shown[shown.index("classes left out") : shown.index("heads that did not")].splitlines()
    assert max(len(line) for line in lines if not line.startswith("note:")) <= 80
    assert "strangers" not in graft_json("check", parts, *_options(shared_cache))


def test_a_report_has_both_and_a_run_without_one_computes_neither(
    parts: Path, shared_cache: Path, tmp_path: Path
) -> None:
    model, page = tmp_path / "model.tflite", tmp_path / "page.html"
    run: dict[str, Any] = graft_json("train", parts, "-o", model, "--report", page, *_options(shared_cache))
    assert len(run["strangers"]["left_out"]) == len(run["labels"])
    assert run["learning_curve"]["twice_the_photos"]["photos_per_class"] == 28
    assert {"strangers", "learning curve"} <= run["seconds"].keys()
    assert 'id="learning-curve"' in page.read_text("utf-8")
    assert 'id="strangers"' in page.read_text("utf-8")
    plain = graft_json("train", parts, "-o", tmp_path / "plain.tflite", *_options(shared_cache))
    assert "learning_curve" not in plain


def test_photos_of_none_of_the_classes_are_learned_from(parts: Path, shared_cache: Path, tmp_path: Path) -> None:
    photos, options = tmp_path / "photos", ("--backbone", "efficientnet-lite0", "--cache", shared_cache)
    shutil.copytree(parts, photos)
    (before,) = _left_out("washer", graft_json("check", photos, "--strangers", *options))
    render_dataset(tmp_path / "more", 20, 7)
    shutil.copytree(tmp_path / "more" / "washer", photos / "unknown")
    (after,) = _left_out("washer", graft_json("check", photos, "--strangers", *options))
    assert after["refused"] >= before["refused"] + 4


def _left_out(label: str, result: dict[str, Any]) -> list[dict[str, Any]]:
    return [entry for entry in result["strangers"]["left_out"] if entry["label"] == label]


def test_what_cannot_be_answered_is_said_without_an_error(shared_cache: Path, tmp_path: Path) -> None:
    pair = graft_json("check", write_photos(tmp_path / "pair", count=6), *ASKED, *_options(shared_cache))
    assert "needs 3 classes" in pair["strangers"]["note"]
    assert "8 different photos" in pair["learning_curve"]["note"]
    alone = write_photos(tmp_path / "alone", ["cats"], count=6)
    done = graft("check", alone, *ASKED, *_options(shared_cache))
    assert done.returncode == 0, done.stderr
    assert "strangers: this needs two classes" in done.stdout
