"""The comparison of networks: which photos a draw takes, and what the table shows. Figures are not tested."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.networks.__main__ import main
from benchmarks.networks.accuracy import Accuracy
from benchmarks.networks.choices import NETWORKS, REFERENCE, Network, parse
from benchmarks.networks.draws import FEW, TEST, calibrating, draw
from benchmarks.networks.table import Row, from_json, markdown, points, times_as_fast, to_json
from benchmarks.networks.timing import Cost
from graft_host.backbones.family import BackboneError
from graft_host.photos.dataset import Photo
from tests.support.host_data import write_photos

LITE = Network("efficientnet-lite0", "top", 224)


def _photos(counts: tuple[int, ...] = (60, 40)) -> list[Photo]:
    """Photos of some classes; the first three of each class are near duplicates."""
    return [
        Photo(
            path=Path(f"{label}/{number}.jpg"),
            label=label,
            digest=f"{label}-{number}",
            group=f"group{label}" if number < 3 else "",
        )
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def test_a_draw_tests_on_photos_of_each_class_that_nothing_else_saw() -> None:
    photos = _photos()
    chosen = calibrating(photos, 32)
    drawn = draw(photos, chosen, 0)
    tested = {photos[place].place for place in drawn.test}
    others = [*drawn.train, *drawn.validation]
    assert sorted([*drawn.test, *others]) == list(range(len(photos)))
    assert tested.isdisjoint(photos[place].place for place in [*others, *chosen])
    assert set(drawn.few) <= set(others)
    labels = [photo.label for photo in photos]
    assert [[labels[place] for place in drawn.few].count(label) for label in (0, 1)] == [FEW, FEW]
    tests = [[labels[place] for place in drawn.test].count(label) for label in (0, 1)]
    assert all(TEST * count - 3 < number <= TEST * count for number, count in zip(tests, (60, 40), strict=True))


def test_the_seed_alone_decides_a_draw() -> None:
    photos = _photos()
    chosen = calibrating(photos, 32)
    first, again, other = (draw(photos, chosen, seed) for seed in (1, 1, 2))
    assert first.test.tolist() == again.test.tolist()
    assert sorted(first.test.tolist()) != sorted(other.test.tolist())


def test_photos_of_each_class_quantize_with_all_their_near_duplicates() -> None:
    photos = _photos((90, 10))
    chosen = calibrating(photos, 16)
    labels = [photos[place].label for place in chosen]
    assert 8 <= labels.count(0) <= 10
    assert 8 <= labels.count(1) <= 10
    for label in (0, 1):
        members = [place for place, photo in enumerate(photos) if photo.group == f"group{label}"]
        assert len(set(members) & set(chosen)) in {0, 3}


def test_networks_are_named_by_family_tap_and_size() -> None:
    assert parse("efficientnet-lite0:top:224") == LITE
    assert [parse(str(network)) for network in NETWORKS] == list(NETWORKS)
    assert LITE.shown == "EfficientNet-Lite0 `top` at 224"
    assert REFERENCE.shown == "Inception-v3 `mixed7` at 299"
    for wrong in ("top:224", "efficientnet-lite0:top:big", "efficientnet-lite0"):
        with pytest.raises(ValueError, match="is not family:tap:size"):
            parse(wrong)
    with pytest.raises(BackboneError, match="no tap 'mixed7'"):
        parse("efficientnet-lite0:mixed7:224")
    with pytest.raises(BackboneError, match="no tap 'top'"):
        parse("inception-v3:mixed7+top:224")
    with pytest.raises(BackboneError, match="image size 32"):
        parse("efficientnet-lite0:top:32")


def _rows() -> list[Row]:
    fast = Row(LITE, Cost(4.04, {"litert": 4.0, "tflite-runtime": 80.0}))
    fast.accuracy = {"a": Accuracy((0.97, 0.95), (0.9, 0.8)), "b": Accuracy((0.7, 0.7), (0.5, 0.5))}
    slow = Row(REFERENCE, Cost(9.3, {"litert": 30.0}))
    slow.accuracy = {"a": Accuracy((0.98, 0.98), (0.9, 0.9)), "b": Accuracy((0.6, 0.7), (0.5, 0.6))}
    return [fast, slow]


def test_a_network_is_compared_with_the_reference_draw_by_draw() -> None:
    fast, slow = _rows()
    assert times_as_fast(fast, slow) == 7.5
    assert times_as_fast(fast, slow, "tflite-runtime") is None
    gained = points(fast, slow)
    assert gained is not None
    # a: -1 and -3 points, mean -2, deviation 1; b: +10 and 0, mean 5, deviation 5.
    assert gained[0] == pytest.approx(1.5)
    assert gained[1] == pytest.approx((1 + 25) ** 0.5 / 2)
    fast.accuracy["b"] = Accuracy((0.7,), (0.5,))
    assert points(fast, slow) is None
    del fast.accuracy["b"]
    assert points(fast, slow) is None


def test_the_table_shows_what_was_measured() -> None:
    header, line, fast, slow = markdown(_rows(), REFERENCE).splitlines()
    assert header == "| network | LiteRT ms | tflite-runtime ms | MB | a | b | mean | times as fast | points |"
    assert line.count("|") == header.count("|")
    assert fast == (
        "| EfficientNet-Lite0 `top` at 224 | 4.0 | 80 | 4.0 | 96.0±1.0 / 85.0±5.0 | 70.0±0.0 / 50.0±0.0 "
        "| 83.0 | 7.5 | +1.5±2.5 |"
    )
    assert slow.startswith("| Inception-v3 `mixed7` at 299 | 30.0 | - | 9.3 |")
    assert slow.endswith("| 81.5 | 1 | 0 |")
    assert markdown([Row(LITE)], REFERENCE).splitlines()[-1].endswith("| - | - | - | - | - | - |")


def test_the_figures_are_kept_as_json() -> None:
    rows = _rows()
    listed = json.loads(json.dumps(to_json(rows, REFERENCE)))
    assert listed[0]["times_as_fast"] == 7.5
    assert listed[0]["points"]["mean"] == pytest.approx(1.5)
    assert (listed[0]["backbone"], listed[0]["tap"], listed[0]["image_size"]) == ("efficientnet-lite0", "top", 224)
    assert from_json(listed) == rows


@pytest.mark.slow
@pytest.mark.service
def test_two_networks_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["inception-v3:mixed0:75", "inception-v3:mixed0+mixed1:75"]
    options = ["--folder", str(tmp_path), "--inception-weights", "random", "--reference", names[0], "--seeds", "2"]
    options += ["--rendered", "1", "--rendered-photos", "24", "--network", names[0], "--network", names[1]]

    photos = write_photos(tmp_path / "my_photos", count=24)

    def run(*more: str) -> str:
        monkeypatch.setattr(sys, "argv", ["networks", str(photos), *more, *options])
        main()
        return capsys.readouterr().out

    run("--only", "accuracy")
    table = run("--only", "time")
    figures = json.loads((tmp_path / "networks.json").read_text())
    assert [one["backbone"] + ":" + one["tap"] for one in figures["networks"]] == [name[:-3] for name in names]
    for one in figures["networks"]:
        assert set(one["cost"]["ms"]) == {"litert", "tflite-runtime"}
        assert all(ms > 0 for ms in one["cost"]["ms"].values())
        assert 0.1 < one["cost"]["megabytes"] < 5
        assert set(one["accuracy"]) == {"my photos", "rendered parts"}
        for shares in one["accuracy"].values():
            assert len(shares["all"]) == len(shares["few"]) == 2
            assert all(0 <= share <= 1 for share in (*shares["all"], *shares["few"]))
    assert "| Inception-v3 `mixed0+mixed1` at 75 |" in table
    assert str(tmp_path) not in table
