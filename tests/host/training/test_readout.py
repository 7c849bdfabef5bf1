"""``graft train --readout``: what the head reads is chosen by the photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from graft_host.cli import app
from graft_host.demo.rendering.render import render_dataset
from graft_host.heads.recipe import Recipe
from graft_host.support.option import OptionError
from graft_host.training.options import TrainOptions
from tests.conftest import graft, graft_json
from tests.support.tiny_family import install
from tests.support.tiny_models import FAST, card_in, on_path

QUARTERS = ("bottom-left", "bottom-right", "top-left", "top-right")
EACH = 24


@pytest.fixture(scope="module", autouse=True)
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    site = tmp_path_factory.mktemp("readout-site") / "site"
    with on_path(site, install(site)):
        yield


@pytest.fixture(scope="module")
def quarters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos of a patch, of the same colours in all classes, in the quarter that its class names."""
    folder = tmp_path_factory.mktemp("quarters")
    rng = np.random.default_rng(3)
    for name in QUARTERS:
        (folder / name).mkdir()
        for number in range(EACH):
            pixels = rng.integers(90, 130, (64, 64, 3)).astype(np.uint8)
            top = int(rng.integers(4, 12)) + 32 * name.startswith("bottom")
            left = int(rng.integers(4, 12)) + 32 * name.endswith("right")
            pixels[top : top + 14, left : left + 14] = rng.integers(180, 255, 3)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts") / "photos"
    render_dataset(folder, 14, 0)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def _losses(report: dict[str, Any]) -> dict[str, float]:
    return {one["tap"]: one["log_loss"] for one in report["readout"]["candidates"]}


@pytest.mark.slow
def test_several_taps_are_chosen_where_one_knows_too_little(quarters: Path, cache: Path, tmp_path: Path) -> None:
    model, page = tmp_path / "m.tflite", tmp_path / "r.html"
    words = ["train", quarters, "-o", model, *FAST, "--cache", cache, "--readout", "multi"]
    report = graft_json(*words, "--report", page, "--max-drop", "1")
    readout = report["readout"]
    assert readout["requested"] == "multi"
    assert set(_losses(report)) == {"middle+late", "early+middle+late"}
    assert readout["chosen"] in _losses(report)
    assert readout["photos"] == report["photos"]["train"] + report["photos"]["validation"]
    assert report["cache"] == {"hits": 0, "misses": 4 * EACH, "backbone": "converted"}
    assert "float32" in report["accuracy"]
    card = card_in(model)
    assert card["tap"] == readout["chosen"]
    assert card["training"]["readout"] == readout
    assert readout["chosen"] in page.read_text()
    assert graft_json("evaluate", model, quarters)["accuracy"] == report["accuracy"]["shipped"]


@pytest.mark.slow
def test_quarters_are_chosen_where_the_place_makes_the_class(quarters: Path, cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    words = ["train", quarters, "-o", model, *FAST, "--cache", cache, "--readout", "auto"]
    report = graft_json(*words)
    chosen, losses = report["readout"]["chosen"], _losses(report)
    assert list(losses)[:4] == ["middle", "late", "middle+late", "early+middle+late"]
    assert all(part.endswith("/2x2") for part in chosen.split("+"))
    assert losses[chosen] < 0.2 * min(losses["late"], losses["middle+late"])
    assert report["accuracy"]["shipped"] > 0.95
    assert report["agreement"] == 1
    assert card_in(model)["tap"] == chosen
    grid = graft_json(*words[:-1], "grid", "--overwrite")
    assert grid["readout"]["chosen"] == chosen
    assert grid["cache"]["misses"] == 0


@pytest.mark.slow
def test_a_second_run_finds_the_choice_and_computes_nothing(quarters: Path, cache: Path, tmp_path: Path) -> None:
    words = ["train", quarters, *FAST, "--cache", cache, "--readout", "auto"]
    first = graft_json(*words, "-o", tmp_path / "first.tflite")
    again = graft_json(*words, "-o", tmp_path / "again.tflite")
    assert again["readout"] == first["readout"]
    assert again["cache"] == {"hits": 4 * EACH, "misses": 0, "backbone": "reused"}
    assert "readout" not in again["seconds"]
    assert (tmp_path / "again.tflite").read_bytes() == (tmp_path / "first.tflite").read_bytes()
    by_hand = graft_json(*words[:-2], "--tap", first["readout"]["chosen"], "-o", tmp_path / "hand.tflite")
    assert by_hand["cache"] == again["cache"]
    assert by_hand["accuracy"] == first["accuracy"]
    assert by_hand["readout"] == {
        "requested": "single", "chosen": first["readout"]["chosen"], "photos": 0, "candidates": [],
    }  # fmt: skip


@pytest.mark.slow
def test_one_tap_is_kept_where_more_know_no_better(parts: Path, cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    words = ["train", parts, *FAST, "--cache", cache]
    report = graft_json(*words, "--readout", "auto", "-o", model)
    losses, chosen = _losses(report), report["readout"]["chosen"]
    assert chosen in {"middle", "late"}
    assert losses[chosen] < 1.05 * min(losses.values())
    assert report["cache"] == {"hits": 0, "misses": 42, "backbone": "converted"}
    single = graft_json(*words, "--tap", chosen, "-o", tmp_path / "single.tflite")
    assert card_in(model)["backbone"]["fingerprint"] == card_in(tmp_path / "single.tflite")["backbone"]["fingerprint"]
    assert single["cache"]["misses"] == 0
    assert "readout" not in card_in(tmp_path / "single.tflite")["training"]
    text = graft(*words, "--readout", "auto", "-o", model, "--overwrite").stdout
    assert f"readout    {chosen}, chosen from {len(losses)} by cross-validation" in text


@pytest.mark.slow
def test_variants_and_float_numbers_come_from_the_chosen_network(parts: Path, cache: Path, tmp_path: Path) -> None:
    words = ["train", parts, "-o", tmp_path / "m.tflite", *FAST, "--cache", cache, "--readout", "multi"]
    report = graft_json(*words, "--quantize", "float32", "--augment", "1", "--tap", "middle")
    assert report["readout"]["chosen"] == "early+middle"
    assert report["cache"]["misses"] == 42 + report["photos"]["train"]
    assert report["agreement"] == 1


@pytest.mark.slow
def test_photos_that_cannot_be_read_judge_nothing(parts: Path, cache: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for photo in parts.glob("*/*"):
        (photos / photo.parent.name).mkdir(parents=True, exist_ok=True)
        (photos / photo.parent.name / photo.name).write_bytes(photo.read_bytes())
    broken = min(photos.glob("nut/*"))
    broken.write_bytes(broken.read_bytes()[:700])
    report = graft_json("train", photos, "-o", tmp_path / "m.tflite", *FAST, "--cache", cache, "--readout", "auto")
    assert report["photos"]["skipped"] == 1
    assert report["readout"]["photos"] == report["photos"]["train"] + report["photos"]["validation"]


@pytest.mark.slow
def test_too_few_photos_leave_the_tap_itself(tmp_path: Path, cache: Path) -> None:
    photos = tmp_path / "photos"
    render_dataset(photos, 2, 0)
    words = ["train", photos, "-o", tmp_path / "m.tflite", *FAST, "--cache", cache, "--readout"]
    report = graft_json(*words, "auto")
    assert report["readout"] == {"requested": "auto", "chosen": "late", "photos": 0, "candidates": []}
    for kind, simplest in (("multi", "middle+late"), ("grid", "late/2x2")):
        assert graft_json(*words, kind, "--overwrite")["readout"]["chosen"] == simplest


@pytest.mark.slow
def test_cats_and_dogs(weights_file: Path, cats_and_dogs: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for label in ("cats", "dogs"):
        (photos / label).mkdir(parents=True)
        for photo in sorted((cats_and_dogs / label).iterdir())[:40]:
            (photos / label / photo.name).symlink_to(photo)
    words = ["train", photos, "-o", tmp_path / "m.tflite", "--weights", weights_file, "--image-size", "128"]
    report = graft_json(*words, "--tap", "mixed8", "--readout", "auto", "--test-percent", "40")
    losses = _losses(report)
    assert set(list(losses)[:3]) == {"mixed7", "mixed8", "mixed7+mixed8"}
    assert losses[report["readout"]["chosen"]] <= losses["mixed7"]
    assert report["accuracy"]["shipped"] > 0.85
    assert report["agreement"] == 1


def _options(**given: Any) -> TrainOptions:
    return TrainOptions(photos=Path("photos"), output=Path("m.tflite"), **given)


def test_what_a_user_named_is_what_the_head_reads() -> None:
    assert _options().readout == "auto"
    assert _options(tap="mixed7").readout == "single"
    assert _options(tap="mixed5+mixed7").readout == "single"
    assert _options(tap="mixed7/2x2").readout == "single"
    assert _options(weights="random").readout == "single"
    assert _options(recipe=Recipe(optimizer="sgd")).readout == "single"
    assert _options(tap="mixed7", readout="grid").readout == "grid"
    assert _options(weights="random", readout="auto").readout == "auto"


@pytest.mark.parametrize("kind", ["auto", "multi", "grid"])
def test_taps_side_by_side_leave_nothing_to_choose(kind: Any) -> None:
    with pytest.raises(OptionError) as caught:
        _options(tap="mixed7+mixed5", readout=kind)
    assert str(caught.value) == (
        "--readout: --tap mixed5+mixed7 says what the head reads; leave out --readout, or name the deepest tap alone, "
        "as in --tap mixed7"
    )
    with pytest.raises(OptionError, match=r"^--readout: --tap mixed7/2x2 says what the head reads; .* --tap mixed7$"):
        _options(tap="mixed7/2x2", readout=kind)
    assert _options(tap="mixed7+mixed5", readout="single").readout == "single"


def test_usage_errors_are_one_line(tmp_path: Path) -> None:
    words = ["train", str(tmp_path), "-o", str(tmp_path / "m.tflite"), "--readout"]
    refused = CliRunner().invoke(app, [*words, "best"])
    assert refused.exit_code == 2
    assert "'best'" in refused.output
    refused = CliRunner().invoke(app, [*words, "multi", "--tap", "mixed0+mixed1"])
    assert refused.exit_code == 2
    assert "leave out --readout" in " ".join(refused.output.replace("│", " ").split())
