from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from graft_device.errors import DatasetError, WeightsError
from graft_host.commands.terminal.check_text import check_text
from graft_host.heads.mislabels import MislabelSearch
from graft_host.photo_check import CheckResult, check
from graft_host.photos.dataset import Dataset, Photo, Skipped, scan
from graft_host.photos.findings import KINDS, Finding, Mislabel, warnings
from graft_host.photos.problems import find_problems
from graft_host.photos.split import split
from graft_host.photos.split_rule import SplitRule
from graft_host.training.options import CheckOptions, HeadOptions
from tests.conftest import Trained, error_line, graft, graft_json
from tests.support.copies import COPIES
from tests.support.host_data import image, image_bytes, write_photos
from tests.support.quiet import QUIET

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZE = 75


@pytest.fixture
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes Keras's weights unavailable, and their download impossible."""
    (tmp_path / "no folder").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "no folder"))
    monkeypatch.delenv("GRAFT_WEIGHTS", raising=False)


def _check(root: Path, cache: Path, **options: Any) -> CheckResult:
    return check(CheckOptions(photos=root, cache=cache, threads=2, image_size=SIZE, **options), QUIET)


def _paths_by_kind(findings: Iterable[Finding], root: Path) -> dict[str, list[list[str]]]:
    """The paths of the findings by kind, relative to the folder."""
    paths: dict[str, list[list[str]]] = {}
    for finding in findings:
        paths.setdefault(finding.kind, []).append([str(path.relative_to(root)) for path in finding.paths])
    return paths


def _spoil(root: Path) -> None:
    """Plants one problem of each kind among 25 cats and 25 dogs."""
    write_photos(root, count=25)
    picture = image(900, 300, 200)
    shutil.copy(root / "cats" / "0000.png", root / "cats" / "again.png")
    shutil.copy(root / "cats" / "0001.png", root / "dogs" / "cat.png")
    (root / "cats" / "whole.jpg").write_bytes(COPIES["quality 95"](picture))
    (root / "cats" / "half.jpg").write_bytes(COPIES["resized to 50%"](picture))
    (root / "dogs" / "0100.png").write_bytes(image_bytes(901, width=200, height=200))
    (root / "cats" / "crop.jpg").write_bytes(COPIES["cropped by 2% a side"](image(901, 200, 200)))
    (root / "cats" / "tiny.png").write_bytes(image_bytes(902, width=100, height=30))
    (root / "cats" / "notes.txt").write_text("x")
    (root / "dogs" / "cut.jpg").write_bytes(image_bytes(4, "JPEG", width=200, height=200)[:-600])
    (root / "stray.png").write_bytes(image_bytes(5))


@pytest.mark.usefixtures("no_weights")
def test_every_problem_is_found_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    _spoil(root)
    result = _check(root, tmp_path / "cache")
    assert _paths_by_kind(result.findings, root) == {
        "unreadable": [["cats/notes.txt"], ["dogs/cut.jpg"]],
        "stray": [["stray.png"]],
        "identical_across": [["cats/0001.png", "dogs/cat.png"]],
        "near_across": [["cats/crop.jpg", "dogs/0100.png"]],
        "identical": [["cats/0000.png", "cats/again.png"]],
        "near": [["cats/half.jpg", "cats/whole.jpg"]],
        "tiny": [["cats/tiny.png"]],
    }
    assert all(finding.problem and finding.advice for finding in result.findings)
    assert result.to_json()["classes"] == {"cats": 30, "dogs": 27}
    assert result.search.mislabels == ()
    (note,) = result.notes
    assert "mislabels are not listed" in note
    assert "ImageNet" in note


@pytest.mark.usefixtures("no_weights")
def test_good_photos_give_no_findings(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", count=25)
    result = _check(root, tmp_path / "cache")
    assert result.findings == ()
    assert check_text(result).endswith("found nothing wrong")


@pytest.mark.usefixtures("no_weights")
def test_photos_that_cannot_be_trained_on_can_be_checked(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", ["cats"], count=22)
    assert _paths_by_kind(_check(root, tmp_path / "cache").findings, tmp_path) == {"class": [["photos"]]}
    (root / "empty").mkdir()
    (root / "bad").mkdir()
    (root / "bad" / "a.jpg").write_text("x")
    assert _paths_by_kind(_check(root, tmp_path / "cache").findings, root) == {
        "class": [["bad"], ["empty"]],
        "unreadable": [["bad/a.jpg"]],
    }
    shutil.rmtree(root / "cats")
    assert _paths_by_kind(_check(root, tmp_path / "cache").findings, root)["class"] == [["bad"], ["empty"]]


@pytest.mark.usefixtures("no_weights")
def test_a_class_that_training_would_refuse_is_found_with_advice(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", ["cats"], count=25)
    (root / "dogs").mkdir()
    for name in ("one", "copy"):
        (root / "dogs" / f"{name}.png").write_bytes(image_bytes(900))
    options = ["--cache", tmp_path / "cache", "--image-size", SIZE]
    (finding,) = (f for f in graft_json("check", root, *options)["findings"] if f["kind"] == "split")
    assert finding["paths"] == [str(root / "dogs")]
    assert finding["problem"] == "no test photo among its 2"
    assert finding["missing"] == ["test"]
    assert finding["advice"].startswith("add 1 photo: every class needs two different ones")
    refused = graft("train", root, "-o", tmp_path / "m.tflite", "--weights", "random", *options)
    what = "1 class has fewer than two different photos: 'dogs'"
    assert error_line(refused) == f"error: {what}; {finding['advice']}"


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("seed", range(5))
def test_few_photos_are_reported_and_can_be_trained_on_whatever_the_seed(tmp_path: Path, seed: int) -> None:
    root = write_photos(tmp_path / "photos", ["a", "b", "c"], count=3)
    result = _check(root, tmp_path / "cache", rule=SplitRule(seed))
    assert {finding.kind for finding in result.findings} == {"few"}
    assert len(split(scan(root, 1), SplitRule(seed)).test) >= 3


def _dataset(photos: Iterable[Photo], labels: tuple[str, ...] = ("cats", "dogs"), skipped: int = 0) -> Dataset:
    root = Path("photos")
    return Dataset(root, labels, tuple(photos), tuple(Skipped(root / "x.jpg", "gone") for _ in range(skipped)))


def _many(numbers: Iterable[int], size: tuple[int, int] = (500, 500)) -> list[Photo]:
    return [
        Photo(
            path=Path("photos") / str(label) / f"{n}.jpg",
            label=label,
            digest=f"{label}/{n}",
            group=f"{label}/{n}",
            size=size,
        )
        for label, count in enumerate(numbers)
        for n in range(count)
    ]


@pytest.mark.parametrize(("numbers", "expected"), [((59, 20), 0), ((60, 20), 1), ((20, 300), 1)])
def test_imbalance_from_three_times_as_many(numbers: tuple[int, int], expected: int) -> None:
    findings = find_problems(_dataset(_many(numbers)), 299)
    assert len(findings) == expected
    if expected:
        assert findings[0].kind == "imbalance"
        assert findings[0].details["ratio"] == max(numbers) / min(numbers)
        assert "--class-weight balanced" in findings[0].advice


def test_few_photos_are_counted_without_copies_and_near_duplicates() -> None:
    photos = _many((20, 20))
    assert find_problems(_dataset(photos), 299) == ()
    twins = [replace(photo, group="0/0") if photo.digest == "0/1" else photo for photo in photos]
    findings = {finding.kind: finding for finding in find_problems(_dataset(twins), 299)}
    assert findings.keys() == {"near", "few"}
    assert findings["few"].paths == (Path("photos/cats"),)
    assert findings["few"].problem == "only 19 different"
    assert findings["few"].details["photos"] == 19


@pytest.mark.parametrize(
    ("size", "image_size", "tiny"),
    [((150, 900), 299, False), ((149, 900), 299, True), ((900, 149), 299, True), ((112, 112), 224, False)],
)
def test_a_photo_that_is_enlarged_more_than_twice_is_tiny(size: tuple[int, int], image_size: int, tiny: bool) -> None:
    findings = find_problems(_dataset(_many((20, 20), size)), image_size)
    assert {finding.kind for finding in findings} == ({"tiny"} if tiny else set())
    assert len(findings) == 40 * tiny


def test_a_mislabel_names_photo_label_and_suggestion() -> None:
    (finding,) = find_problems(_dataset(_many((20, 20))), 299, [Mislabel(21, 0, 0.987, 0.98, 0.9)])
    assert finding.paths == (Path("photos/1/1.jpg"),)
    assert finding.problem == "looks like 'cats' (99%), but is in 'dogs'"
    assert finding.details == {
        "label": "dogs",
        "suggested": "cats",
        "probability": 0.987,
        "margin": 0.98,
        "chance": 0.9,
    }


@pytest.mark.parametrize(
    ("accuracy", "estimate", "texts"),
    [
        (
            0.75,
            26.4,
            ["75.0% of them", "about 26 photos seem to be in the wrong class, by the mistakes of these heads"],
        ),
        (
            0.99,
            1.2,
            ["99.0% of them", "about one photo seems to be in the wrong class, by the mistakes of these heads"],
        ),
        (0.75, 0.0, ["75.0% of them", "their mistakes are no sign of wrong labels"]),
        (1.0, 0.0, ["100.0% of them"]),
    ],
)
def test_the_report_says_what_the_heads_mistakes_mean(accuracy: float, estimate: float, texts: list[str]) -> None:
    dataset = _dataset(_many((30, 30)))
    result = CheckResult(dataset, (), MislabelSearch(accuracy=accuracy, estimate=estimate))
    lines = check_text(result).splitlines()[2:-1]
    assert lines == [f"heads that did not see a photo name its class for {texts[0]}", *texts[1:]]
    assert max(map(len, lines)) <= 80
    assert result.to_json()["estimated_mislabels"] == estimate


def test_the_report_asks_to_look_at_likely_mislabels_first() -> None:
    dataset = _dataset(_many((30, 30)))
    findings = find_problems(dataset, 299, [Mislabel(1, 1, 0.9, 0.8, 0.95), Mislabel(40, 0, 0.8, 0.6, 0.7)])
    lines = check_text(CheckResult(dataset, findings, MislabelSearch(accuracy=0.9, estimate=2.0))).splitlines()
    title = lines.index("2 photos that are likely in the wrong class")
    assert lines[title + 1].strip().startswith("look at these first")
    assert lines[title + 2].strip().startswith("photos/0/1.jpg: looks like 'dogs' (90%)")


def test_warnings_count_what_training_does_not_report_itself() -> None:
    dataset = _dataset(_many((70, 20)), skipped=2)
    twins = [replace(photo, group="0/0") if photo.digest in {"0/1", "0/2"} else photo for photo in dataset.photos]
    findings = find_problems(replace(dataset, photos=tuple(twins)), 299)
    (line,) = warnings(findings, "graft check my-photos")
    counted = "1 group of near duplicates within a class, 1 imbalance between the classes"
    assert line == f"warning: {counted}: 'graft check my-photos' lists them"
    assert warnings((), "graft check photos") == []
    (divided,) = warnings((), "graft check photos", ("0/0",))
    assert "a group of near duplicates had to be divided" in divided


def test_the_report_gives_advice_and_stays_short() -> None:
    photos = _many((30, 25), (10, 10))
    names = Path("photos") / "two\nlines.jpg"
    photos[0] = replace(photos[0], path=names)
    near = [replace(photo, group="1/0") if photo.label == 1 and int(photo.path.stem) < 9 else photo for photo in photos]
    dataset = _dataset(near)
    report = check_text(CheckResult(dataset, find_problems(dataset, 299), MislabelSearch(accuracy=0.9, estimate=0.0)))
    lines = report.splitlines()
    assert lines[0] == "55 photos in 2 classes: cats 30, dogs 25"
    assert "… and 45 more (--json lists all)" in report
    assert "… and 5 more" in report
    assert r"two\nlines.jpg" in report
    for kind in ("near", "few", "tiny"):
        assert any(KINDS[kind].advice in line for line in lines)
    assert "90.0%" in lines[-3]
    assert lines[-2] == "their mistakes are no sign of wrong labels"
    assert lines[-1] == "found: 1 group of near duplicates within a class, 1 class with few photos, 55 tiny photos"
    assert len(lines) < 40


# The command


@pytest.mark.usefixtures("no_weights")
def test_json_lists_all_and_strict_fails_after_the_report(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    _spoil(root)
    options = ["--cache", tmp_path / "cache", "--image-size", SIZE]
    report = graft_json("check", root, *options)
    assert report["photos"] == 57
    assert report["counts"].keys() == KINDS.keys()
    assert report["counts"] == {**dict.fromkeys(KINDS, 0), **Counter(finding["kind"] for finding in report["findings"])}
    assert all(finding["paths"] and finding["problem"] and finding["advice"] for finding in report["findings"])
    assert report["held_out_accuracy"] is None
    done = graft("check", root, *options, "--strict", "--json")
    assert "8 findings" in error_line(done, status=3)
    assert json.loads(done.stdout)["counts"] == report["counts"]
    assert graft("check", write_photos(tmp_path / "good", count=25), *options, "--strict").returncode == 0


def test_a_folder_without_classes_is_an_error_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="no such folder"):
        _check(tmp_path / "missing", tmp_path / "cache", weights="random")
    with pytest.raises(DatasetError, match="0 class folders"):
        _check(tmp_path / "empty", tmp_path / "cache", weights="random")
    assert "no such folder" in error_line(graft("check", tmp_path / "missing", "--cache", tmp_path / "cache"))


def test_weights_that_were_asked_for_must_exist(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", count=2)
    with pytest.raises(WeightsError, match=r"no such weights file.*nope\.h5"):
        _check(root, tmp_path / "cache", weights=str(tmp_path / "nope.h5"))


@pytest.mark.slow
def test_a_class_of_one_photo_does_not_keep_the_others_from_being_checked(tmp_path: Path) -> None:
    root = write_photos(tmp_path / "photos", count=12)
    (root / "birds").mkdir()
    (root / "birds" / "one.png").write_bytes(image_bytes(77))
    result = _check(root, tmp_path / "cache", weights="random", tap="mixed0")
    assert _paths_by_kind(result.findings, root)["few"] == [["birds"], ["cats"], ["dogs"]]
    assert result.search.accuracy is not None
    assert {path.name for path in (tmp_path / "cache").iterdir()} == {
        "backbones",
        "bottlenecks",
        "fingerprints",
        "known-photos",
    }


@pytest.mark.slow
def test_ten_swapped_labels_and_planted_copies_among_500_real_photos(
    pets: Trained, weights_file: Path, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(pets.photos, tmp_path / "photos"))
    swapped = set()
    for label, other in (("cats", "dogs"), ("dogs", "cats")):
        for path in sorted((pets.photos / label).iterdir())[5:230:45]:
            (root / label / path.name).rename(root / other / path.name)
            swapped.add(f"{other}/{path.name}")
    sources = sorted((root / "dogs").iterdir())[20:80:10]
    for path, kind in zip(sources, ("quality 50", "resized to 50%", "cropped by 3% a side"), strict=False):
        (root / "dogs" / f"copy of {path.name}").write_bytes(COPIES[kind](Image.open(path).convert("RGB")))
    options = ["--weights", weights_file, "--tap", "mixed7", "--cache", pets.cache]
    converted = sorted((pets.cache / "backbones").iterdir())
    report = graft_json("check", root, *options)
    mislabels = [finding["paths"] for finding in report["findings"] if finding["kind"] == "mislabel"]
    named = {str(Path(path).relative_to(root)) for (path,) in mislabels}
    assert len(swapped) == 10
    assert len(named & swapped) >= 7
    assert len(named - swapped) <= 2
    pairs = [{Path(path).name for path in f["paths"]} for f in report["findings"] if f["kind"] == "near"]
    copies = [{path.name, f"copy of {path.name}"} for path in sources[:3]]
    assert sorted(map(sorted, pairs)) == sorted(map(sorted, [*copies, {"dog.74.jpg", "dog.180.jpg"}]))
    assert sorted((pets.cache / "backbones").iterdir()) == converted  # the backbone that training made is used


def test_the_command_that_lists_problems_keeps_the_backbone() -> None:
    assert HeadOptions(photos=Path("p")).check_command == "graft check p"
    lite = HeadOptions(photos=Path("p"), backbone="efficientnet-lite0")
    assert lite.check_command == "graft check p --backbone efficientnet-lite0"
