from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft_host.comparison import largest_drop, paired
from graft_host.demo.rendering.render import render_dataset
from graft_host.evaluation.evaluate import Evaluation
from tests.conftest import error_line, graft, graft_json


def evaluation(truth: list[int], predicted: list[int]) -> Evaluation:
    paths = tuple(Path(f"{n}.jpg") for n in range(len(truth)))
    return Evaluation(
        labels=("a", "b", "c"),
        truth=np.array(truth),
        scores=np.eye(3, dtype=np.float32)[predicted],
        failures={},
        paths=paths,
    )


def test_the_largest_drop_is_that_of_a_class() -> None:
    truth = [0, 0, 0, 0, 1, 1, 2]
    before = evaluation(truth, [0, 0, 0, 0, 1, 1, 2])
    assert largest_drop(before, evaluation(truth, [0, 0, 0, 1, 1, 0, 2])) == (0.5, "b")
    assert largest_drop(before, before) == (0.0, None)
    assert largest_drop(evaluation(truth, [1, 1, 1, 1, 1, 1, 1]), before) == (0.0, None)


def test_photos_that_one_file_gets_right_are_counted_in_pairs() -> None:
    truth = [0] * 12
    float32 = evaluation(truth, [0] * 9 + [1] * 3)
    other = evaluation(truth, [1] * 6 + [0] * 4 + [1] * 2)
    pairs = paired(float32, other)
    assert (pairs.both_right, pairs.only_float32, pairs.only_this, pairs.neither) == (3, 6, 1, 2)
    assert pairs.p_value == pytest.approx(2 * (1 + 7) / 2**7)  # at most 1 of 7 coins, on either side
    assert paired(float32, float32).p_value == 1


@pytest.mark.slow
def test_all_quantizations_are_compared(tmp_path: Path, shared_cache: Path) -> None:
    render_dataset(tmp_path / "photos", 14, 0)
    options = ["--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "30"]
    options += ["--cache", str(shared_cache)]
    result = graft_json("compare", tmp_path / "photos", *options)
    rows = result["rows"]
    names = [
        ("float32", "float32"),
        ("float16", "float32"),
        ("dynamic", "float32"),
        ("int8", "float32"),
        ("int8", "own"),
    ]
    assert [(row["quantization"], row["head"]) for row in rows] == names
    assert rows[0]["agreement"] == 1
    for row in rows:
        pairs = row["paired"]
        counts = [pairs[name] for name in ("both_right", "only_float32", "only_this", "neither")]
        assert sum(counts) == result["photos"]
        assert pairs["both_right"] + pairs["only_this"] == round(row["accuracy"] * result["photos"])
        assert pairs["both_right"] + pairs["only_float32"] == round(rows[0]["accuracy"] * result["photos"])
        assert row["interval"][0] <= row["accuracy"] <= row["interval"][1]
    assert rows[0]["drop"] == 0
    assert rows[1]["agreement"] == 1  # float16 changes nothing that shows
    assert all(0 <= row["accuracy"] <= 1 and row["ms"] > 0 for row in rows)
    full, half, dynamic, int8, own = (row["bytes"] for row in rows)
    assert full > half > dynamic
    assert half > int8 == own
    assert result["photos"] > 5
    model = tmp_path / "m.tflite"
    shipped = graft_json("train", tmp_path / "photos", "-o", model, *options)
    assert rows[-1]["accuracy"] == shipped["accuracy"]["shipped"]
    other_options = [
        "--augment",
        "1",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "0.01",
        "--steps",
        "2",
        "--unknown-rate",
        "0",
    ]
    others = graft_json("compare", tmp_path / "photos", *options, *other_options)["rows"]
    assert others[-1]["bytes"] < own  # without the operators that detect unknown photos
    diverging = ["--optimizer", "sgd", "--learning-rate", "1e39"]
    error = error_line(graft("compare", tmp_path / "photos", *options, *diverging))
    assert "diverged at learning rate 1e+39; give a smaller --learning-rate" in error
    shipped = graft_json(
        "train", tmp_path / "photos", "-o", tmp_path / "m.tflite", "--overwrite", *options, *other_options
    )
    assert others[-1]["accuracy"] == shipped["accuracy"]["shipped"]
    table = graft("compare", tmp_path / "photos", *options).stdout.splitlines()
    assert table[0].split() == ["numbers", "head", "accuracy", "95%", "interval", "MB", "ms"]
    assert [line.split()[0] for line in table[1:6]] == ["float32", "float16", "dynamic", "int8", "int8"]
    assert table[8].split() == ["numbers", "head", "there", "here", "p", "agrees", "largest", "drop"]
    assert [line.split()[0] for line in table[9:13]] == ["float16", "dynamic", "int8", "int8"]
    assert "Network: Inception-v3 mixed0 at 75." in table
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.tflite", "photos"]


def test_bad_input_is_an_error_in_one_line(tmp_path: Path) -> None:
    assert "no such folder of photos" in error_line(graft("compare", tmp_path / "none", "--weights", "random"))
