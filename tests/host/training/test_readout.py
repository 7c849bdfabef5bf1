"""``graft train --readout``: what the head reads is chosen by the photos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from graft_host.backbones.weights.find import find_weights
from graft_host.cli import app
from graft_host.demo.rendering.render import render_dataset
from graft_host.heads.recipe import Recipe
from graft_host.photos.dataset import Dataset, Photo
from graft_host.photos.split import Split
from graft_host.samples.sources import Source, Sources
from graft_host.support.option import OptionError
from graft_host.training.options import TrainOptions
from graft_host.training.readout import helping_photos, judges_of, judging_photos
from graft_host.training.survey import Survey
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


def _survey(photos: list[Photo], classes: int, sources: Sources | None = None) -> Survey:
    dataset = Dataset(Path("photos"), tuple(map(str, range(classes))), tuple(photos), ())
    return Survey(
        weights=find_weights("random", 0),
        dataset=dataset,
        split=Split(tuple(photos[::2]), tuple(photos[1::2]), ()),
        cache=Path("cache"),
        threads=1,
        sources=sources or Sources(),
    )


def _photos(classes: int, each: int, alike: int = 1) -> list[Photo]:
    """Photos of each class; so many in a row are near duplicates."""
    return [
        Photo(
            path=Path(f"{label}-{number}"), label=label, digest=f"{label}-{number}", group=f"{label}-{number // alike}"
        )
        for label in range(classes)
        for number in range(each)
    ]


def test_a_few_photos_all_judge() -> None:
    photos = _photos(3, 20)
    assert {photo.digest for photo in judging_photos(_survey(photos, 3), 0)} == {photo.digest for photo in photos}


@pytest.mark.parametrize(("classes", "judged"), [(2, 2), (50, 40)])
def test_of_many_photos_as_many_of_each_class_judge(classes: int, judged: int) -> None:
    chosen = judging_photos(_survey(_photos(classes, 1000 // classes + 200), classes), 0)
    counts = np.bincount([photo.label for photo in chosen], minlength=classes)
    assert sorted(set(counts)) == ([400 // judged] if judged == classes else [0, 400 // judged])
    assert (counts > 0).sum() == judged
    assert len({photo.digest for photo in chosen}) == len(chosen) == 400


def test_of_near_duplicates_different_photos_judge_first() -> None:
    chosen = judging_photos(_survey(_photos(2, 600, alike=3), 2), 0)
    assert len({photo.place for photo in chosen}) == len(chosen) == 400
    few = judging_photos(_survey(_photos(2, 300, alike=30), 2), 0)
    assert len(few) == 400
    assert len({photo.place for photo in few}) == 20


@pytest.mark.parametrize(("each", "alike"), [(2, 1), (30, 15)])
def test_copies_of_two_photos_judge_nothing(each: int, alike: int) -> None:
    assert judging_photos(_survey(_photos(2, each, alike), 2), 0) == []


def test_photos_from_elsewhere_train_and_weigh_as_much_as_those_that_judge() -> None:
    elsewhere = tuple(replace(photo, digest=f"source-{photo.digest}") for photo in _photos(2, 500))
    folder = Source(root=Path("elsewhere"), photos=elsewhere)
    found = _survey(_photos(2, 6), 2, Sources((folder,)))
    judging = judging_photos(found, 0)
    helping = helping_photos(found, judging, 0)
    assert np.bincount([photo.label for photo in helping]).tolist() == [200, 200]
    judges = judges_of(judging, helping, _options())
    assert (judges.groups >= 0).tolist() == [True] * 12 + [False] * 400
    assert judges.weights[12:].sum() == pytest.approx(judges.weights[:12].sum())
    assert judges.labels.tolist() == [photo.label for photo in (*judging, *helping)]
    assert helping_photos(_survey(_photos(2, 6), 2), judging, 0) == []
