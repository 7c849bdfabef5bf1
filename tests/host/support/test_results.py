from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from graft_host.support.kept import results
from graft_host.support.kept.results import ResultCache


@dataclass(frozen=True)
class Answer:
    number: float


class Work:
    """A computation that counts how often it runs."""

    def __init__(self, number: float = 42.0) -> None:
        self.number, self.runs = number, 0

    def __call__(self) -> Answer:
        self.runs += 1
        return Answer(self.number)


def _recall(cache: Path, work: Work, *inputs: object) -> Answer:
    return ResultCache(cache).recall("answer", inputs, (Answer,), work)


def test_the_same_inputs_are_computed_once(tmp_path: Path) -> None:
    work = Work()
    for _ in range(3):
        assert _recall(tmp_path, work, np.arange(3), "seven", 7) == Answer(42.0)
    assert work.runs == 1


def test_other_inputs_are_computed(tmp_path: Path) -> None:
    first, second, third = Work(1), Work(2), Work(3)
    assert _recall(tmp_path, first, np.arange(3)) == Answer(1)
    assert _recall(tmp_path, second, np.arange(4)) == Answer(2)
    assert ResultCache(tmp_path).recall("other", [np.arange(3)], (Answer,), third) == Answer(3)
    assert _recall(tmp_path, Work(4), np.arange(3)) == Answer(1)


def test_other_code_computes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _recall(tmp_path, Work(1))
    monkeypatch.setattr(results, "code", lambda: "another version")
    assert _recall(tmp_path, Work(2)) == Answer(2)


def test_the_code_covers_what_trains_and_tests() -> None:
    assert results.code() == results.code()
    folder = Path(results.__file__).parents[2]
    assert all((folder / name).is_dir() for name in results._HOST_CODE)
    assert {"heads", "evaluation"} <= set(results._HOST_CODE)


@pytest.mark.parametrize("damage", [b"", b"x" * 500, None])
def test_a_damaged_result_is_computed_again(tmp_path: Path, damage: bytes | None) -> None:
    _recall(tmp_path, Work(1))
    (path,) = (tmp_path / "results").glob("answer-*.json")
    data = path.read_bytes()
    path.write_bytes(data[:-2] + b"7}" if damage is None else damage)
    assert _recall(tmp_path, Work(2)) == Answer(2)
    assert _recall(tmp_path, Work(3)) == Answer(2)


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    def fail() -> Answer:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError, match="no answer"):
        ResultCache(tmp_path).recall("answer", (), (Answer,), fail)
    assert _recall(tmp_path, Work(1)) == Answer(1)


def test_a_folder_that_cannot_be_written_to_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("not a folder")
    assert _recall(tmp_path, Work(1)) == Answer(1)


def test_results_that_were_not_used_for_longest_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_MOST_FILES", 3)
    for number in range(3):
        _recall(tmp_path, Work(number), number)
        newest = max((tmp_path / "results").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (number, number))
    other = tmp_path / "results" / "notes.txt"
    other.write_text("of the user")
    os.utime(other, (0, 0))
    assert _recall(tmp_path, Work(9), 0) == Answer(0)  # used now, so 1 is the oldest
    _recall(tmp_path, Work(3), 3)
    assert [_recall(tmp_path, Work(9), number) for number in (0, 2, 3)] == [Answer(0), Answer(2), Answer(3)]
    assert _recall(tmp_path, Work(9), 1) == Answer(9)
    assert other.exists()


def test_large_results_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "_MOST_BYTES", 300)
    for number in range(6):
        _recall(tmp_path, Work(number), number)
        time.sleep(0.01)  # so that the files' times differ
    kept = list((tmp_path / "results").iterdir())
    assert 1 <= len(kept) < 6
    assert sum(path.stat().st_size for path in kept) <= 300
    assert _recall(tmp_path, Work(9), 5) == Answer(5)
