"""The demo with several seeds: what its tables contain, and that it runs. Figures are not tested."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.demo_spread.__main__ import main
from benchmarks.demo_spread.runs import Answer, Run
from benchmarks.demo_spread.table import markdown, mistakes, recognised, refused, shares, to_json
from graft_host.demo.rendering.render import PARTS, UNKNOWN_OBJECTS


def _answers(nut: Answer) -> tuple[Answer, ...]:
    """Two answers for nuts, and a right one for every other part and object."""
    parts = [Answer(part, part, 0.9) for part in PARTS]
    return nut, *parts, *(Answer(name, "unknown", 0.4) for name in UNKNOWN_OBJECTS)


def _runs() -> list[Run]:
    wrong = {"nut/nut-0001.jpg": Answer("nut", "washer", 0.6), "nut/nut-0002.jpg": Answer("nut", "washer", 0.7)}
    answers = _answers(Answer("nut", "nut", 0.8)), _answers(Answer("nut", "nut", 0.81))
    return [
        Run(seed=0, tested=20, wrong={"screw/screw-0003.jpg": Answer("screw", "nut", 0.5)}, new=answers[0], seconds=1),
        Run(seed=1, tested=40, wrong={**wrong, "screw/screw-0003.jpg": Answer("screw", "nut", 0.5)}, new=answers[1],
            seconds=1),
    ]  # fmt: skip


def test_a_new_photo_counts_only_with_the_right_label_and_a_score_above_the_limit() -> None:
    first, second = _runs()
    assert (recognised(first, "nut"), recognised(second, "nut")) == (0.5, 1)
    wrong = Run(seed=0, tested=1, wrong={}, new=_answers(Answer("nut", "unknown", 0.99)), seconds=1)
    assert recognised(wrong, "nut") == 0.5
    assert recognised(wrong, "screw") == 1


def test_an_object_counts_as_refused_only_if_the_board_says_unknown() -> None:
    new = (Answer("leaf", "unknown", 0.9), Answer("leaf", "nut", 0.4), Answer("brick", "unknown", 0.9))
    run = Run(seed=0, tested=1, wrong={}, new=new, seconds=1)
    assert (refused(run, "leaf"), refused(run, "brick")) == (0.5, 1)


def test_the_table_shows_mean_deviation_and_worst_seed() -> None:
    runs = _runs()
    header, line, first, *lines = markdown(runs).splitlines()
    assert header == "| share | mean | deviation | worst seed |"
    assert line.count("|") == header.count("|")
    # 95% and 92.5%.
    assert first == "| test photos right | 93.8% | 1.2 | 92.5% |"
    assert lines[0] == "| new nuts right at over 80% | 75.0% | 25.0 | 50.0% |"
    assert "| leaf refused | 100.0% | 0.0 | 100.0% |" in lines
    assert lines[-1] == "1 of 2 seeds had at least 95% of their 20 to 40 test photos right."
    assert len(shares(runs)) == 1 + len(PARTS) + len(UNKNOWN_OBJECTS) == len(lines) - 1


def test_the_figures_of_each_seed_are_listed_as_json() -> None:
    figures = json.loads(json.dumps(to_json(_runs())))
    assert figures["mistakes"] == {"nut as washer": 2, "screw as nut": 2} == mistakes(_runs())
    assert figures["summary"]["new nuts right at over 80%"] == {"mean": 0.75, "deviation": 0.25, "worst": 0.5}
    first = figures["runs"][0]
    assert (first["seed"], first["accuracy"]) == (0, 0.95)
    assert first["wrong"] == {"screw/screw-0003.jpg": {"truth": "screw", "label": "nut", "score": 0.5}}
    assert first["new"][0] == {"truth": "nut", "label": "nut", "score": 0.8}


@pytest.mark.slow
def test_the_demo_runs_with_two_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--seeds", "2", "--photos", "12", "--new", "2", "--weights", "random", "--folder", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["demo_spread", "--json", *options])
    main()
    output = capsys.readouterr().out
    assert str(tmp_path) not in output
    figures = json.loads(output)
    assert len(figures["machine"]) == 3
    assert [one["seed"] for one in figures["runs"]] == [0, 1]
    for one in figures["runs"]:
        assert one["accuracy"] == pytest.approx(1 - len(one["wrong"]) / one["tested"])
        truths = [answer["truth"] for answer in one["new"]]
        assert truths == [name for name in (*PARTS, *UNKNOWN_OBJECTS) for _ in range(2)]
    kept = tmp_path / "demo_spread.json"
    assert list(tmp_path.iterdir()) == [kept]
    assert json.loads(kept.read_text()) == figures
