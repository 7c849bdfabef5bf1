"""The comparison of ways to transfer: rendered photos, draws, kept results and tables. Figures are not tested."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.kept_lines import keep
from benchmarks.transfer.__main__ import main
from benchmarks.transfer.draws import PhotoSet, lay_out, read_set
from benchmarks.transfer.figures import Figure, write_figures
from benchmarks.transfer.methods import METHODS, VARIANTS
from benchmarks.transfer.rendered_sets import RENDERED, render_set
from benchmarks.transfer.results import Result, accuracies, costs, gains, read
from benchmarks.transfer.surfaces import SIDE


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> PhotoSet:
    folder = tmp_path_factory.mktemp("rendered")
    render_set("orientation", folder / "photos", 12, 1)
    return read_set("orientation", folder / "photos", folder / "cache", 1)


def _pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("name", RENDERED)
def test_a_photo_depends_on_its_class_and_number_alone(name: str, tmp_path: Path) -> None:
    render_set(name, tmp_path / "few", 1, 1)
    render_set(name, tmp_path / "many", 2, 2)
    classes = RENDERED[name].classes
    seen = set()
    for label in classes:
        assert len(list((tmp_path / "many" / label).iterdir())) == 2
        few, same, other = (
            tmp_path / place for place in (f"few/{label}/0000.jpg", f"many/{label}/0000.jpg", f"many/{label}/0001.jpg")
        )
        assert few.read_bytes() == same.read_bytes()
        seen |= {same.read_bytes(), other.read_bytes()}
        assert _pixels(same).shape == (SIDE, SIDE, 3)
        assert 8 < _pixels(same).std() < 110
    assert len(seen) == 2 * len(classes)


def test_photos_that_are_there_are_not_rendered_again(tmp_path: Path) -> None:
    render_set("scratches", tmp_path, 1, 1)
    (tmp_path / "clean" / "0000.jpg").write_bytes(b"kept")
    render_set("scratches", tmp_path, 2, 1)
    assert (tmp_path / "clean" / "0000.jpg").read_bytes() == b"kept"
    assert (tmp_path / "clean" / "0001.jpg").stat().st_size > 1000


def _drawn(folder: Path, part: str) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in (folder / part).glob("*/*")}


def test_draws_of_a_seed_have_the_same_test_photos_and_contain_each_other(turned: PhotoSet, tmp_path: Path) -> None:
    assert (turned.tested, turned.most) == (4, 8)
    few, many = (lay_out(turned, count, 0, tmp_path / str(count)) for count in (3, 8))
    other = lay_out(turned, 8, 1, tmp_path / "other")
    assert _drawn(few, "test") == _drawn(many, "test") != _drawn(other, "test")
    assert _drawn(few, "train") < _drawn(many, "train")
    assert _drawn(many, "train").isdisjoint(_drawn(many, "test"))
    assert len(_drawn(few, "train")) == 3 * 4
    assert len(_drawn(many, "train")) + len(_drawn(many, "test")) == 12 * 4
    assert all(path.is_file() for path in many.glob("*/*/*"))


def test_a_near_duplicate_of_a_test_photo_is_not_trained_on(tmp_path: Path) -> None:
    render_set("scratches", tmp_path / "photos", 9, 1)
    for label in ("clean", "scratched"):
        for path in sorted((tmp_path / "photos" / label).iterdir()):
            with Image.open(path) as image:
                image.save(path.with_name(f"again-{path.name}"), quality=70)
    photos = read_set("scratches", tmp_path / "photos", tmp_path / "cache", 1)
    drawn = lay_out(photos, photos.most, 0, tmp_path / "drawn")
    tested = {name.replace("again-", "") for name in _drawn(drawn, "test")}
    trained = {name.replace("again-", "") for name in _drawn(drawn, "train")}
    assert tested
    assert trained
    assert tested.isdisjoint(trained)


def test_each_method_has_one_with_variants() -> None:
    for name, method in METHODS.items():
        assert name == method.name
        plain = METHODS[name.removesuffix("+augment")]
        variants = {"augment": VARIANTS} if name.endswith("+augment") else {}
        assert method.options == {**plain.options, **variants}


def _result(method: str, seed: int, balanced: float, photos: int = 10, name: str = "tiles") -> Result:
    return Result(
        photo_set=name, photos=photos, method=method, seed=seed, cold=seed == 0, seconds=9.0, processor=12.4 + seed,
        megabytes=1234.5, figures={"balanced": balanced},
    )  # fmt: skip


def _results() -> list[Result]:
    return [
        _result("mixed7", 0, 0.50), _result("mixed7", 1, 0.60), _result("mixed7+augment", 0, 0.53),
        _result("mixed7+augment", 1, 0.61), _result("mixed7", 0, 0.9, 50),
    ]  # fmt: skip


def test_the_tables_show_mean_and_spread_and_differences_of_the_same_draws() -> None:
    header, line, few, many = accuracies(_results())
    assert header == "| set | photos a class | `mixed7` | `mixed7`, augmented |"
    assert line.count("|") == header.count("|")
    assert few == "| tiles | 10 | 55.0±5.0 | 57.0±4.0 |"
    assert many == "| tiles | 50 | 90.0±0.0 | - |"
    # +3 and +1 points on the draws that both have.
    assert gains(_results())[2:] == ["| `mixed7`, augmented | +2.0±1.0 |"]
    # Of first runs alone: seed 0.
    assert costs(_results())[2:] == [
        "| tiles | 10 | 12 s, 1,234 MB | 12 s, 1,234 MB |",
        "| tiles | 50 | 12 s, 1,234 MB | - |",
    ]


def test_results_are_kept_line_by_line_and_a_broken_line_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    assert read(path) == {}
    for result in _results():
        keep(path, result)
    with path.open("a") as file:
        file.write('{"photo_set": "ti')
    kept = read(path)
    assert list(kept.values()) == _results()
    assert ("tiles", 50, "mixed7", 0) in kept


@pytest.mark.slow
@pytest.mark.service
def test_an_interrupted_comparison_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--folder", str(tmp_path), "--weights", "random", "--image-size", "75", "--rendered", "12"]
    options += ["--set", "orientation", "--method", "mixed7", "--photos", "4", "--photos", "100"]

    def run(*more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["transfer", *options, *more])
        main()
        return capsys.readouterr().out

    run("--seeds", "1")
    first = (tmp_path / "results.jsonl").read_text()
    table = run("--seeds", "2", "--method", "mixed7+augment")
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert lines[0] + "\n" == first
    kept = [json.loads(line) for line in lines]
    assert [(one["method"], one["seed"], one["photos"], one["cold"]) for one in kept] == [
        ("mixed7", 0, 4, True), ("mixed7+augment", 0, 4, True), ("mixed7", 1, 4, False), ("mixed7+augment", 1, 4, False)
    ]  # fmt: skip
    for one in kept:
        assert one["figures"]["tested"] == 16
        assert 0 <= one["figures"]["balanced"] <= 1
        assert one["figures"]["tap"] == "mixed7"
        assert 50 < one["megabytes"] < 5000
    assert "| orientation | 4 |" in table
    assert "100" not in [line.split(" | ")[1] for line in table.splitlines() if line.startswith("| orientation")]
    assert run("--table", "--seeds", "1") == table
    assert str(tmp_path) not in table


def test_the_numbers_of_the_figures_are_written_beside_those_that_others_keep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures.json"
    path.write_text('{"samples": {"rows": []}}')
    figure = Figure("tiles", "Tiles", {"mixed7": "one tap", "mixed7+augment": "variants"})
    monkeypatch.setattr(
        "benchmarks.transfer.figures.FIGURES", {"tiled": figure, "none": replace(figure, photo_set="no")}
    )
    write_figures(path, _results())
    kept = json.loads(path.read_text())
    assert list(kept) == ["samples", "tiled"]
    assert kept["samples"] == {"rows": []}
    assert kept["tiled"]["lines"] == [
        {"name": "one tap", "points": [[10, 55.0, 5.0], [50, 90.0, 0.0]]},
        {"name": "variants", "points": [[10, 57.0, 4.0]]},
    ]
