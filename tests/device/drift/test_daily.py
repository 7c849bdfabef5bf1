from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.drift.daily import WRITE_S, DailyScores
from graft_device.drift.day_file import KEPT_DAYS, NO_DATE, DayFile, fingerprint
from graft_device.drift.histogram import NONE, Histogram, card_entry
from graft_device.model import ModelFile, read_model
from graft_device.outputs.views import View
from graft_device.ranking import rank
from graft_device.run.observers import SeenFrame
from graft_device.sources.base import Frame
from tests.support.device_models import LABELS, make_card, write_artifact
from tests.support.running import eventually

VIEW = View("door-pets", "door", None, "pets", LABELS, 0.6)
TODAY = str(datetime.now(timezone.utc).date())


@pytest.fixture
def model(tmp_path: Path) -> ModelFile:
    card = make_card(scores=card_entry([0.99] * 80 + [0.7] * 20, 0))
    return read_model(write_artifact(tmp_path / "pets.tflite", card=card))


@dataclass
class Board:
    """A board whose clock and disk a test moves."""

    folder: Path
    model: ModelFile
    now: float = 0.0
    clock_set: bool = True
    notes: list[str] = field(default_factory=list)

    def start(self, live: tuple[str, ...] = ("door",)) -> DailyScores:
        return DailyScores(
            self.folder, {"pets": self.model}, live, lambda: self.clock_set, self.notes.append, lambda: self.now
        )

    @property
    def file(self) -> DayFile:
        return DayFile(self.folder, fingerprint(self.model))


@pytest.fixture
def board(tmp_path: Path, model: ModelFile) -> Board:
    return Board(tmp_path / "drift", model)


def frame(score: float, day: str = TODAY) -> SeenFrame:
    pixels = np.zeros((4, 4, 3), np.uint8)
    scores = np.array([score, (1 - score) / 2, (1 - score) / 2])
    taken = Frame(lambda: pixels, "door", 1, f"{day}T12:00:00.000Z", 0.0)
    return SeenFrame(taken, lambda: pixels, pixels, None, rank(LABELS, scores, 3, VIEW.threshold), score, {})


def give(scores: DailyScores, *values: float, day: str = TODAY) -> None:
    for value in values:
        scores.seen(VIEW, frame(value, day))


def test_what_a_run_counts_is_there_for_the_next_run(board: Board) -> None:
    first = board.start()
    give(first, 0.99, 0.99, 0.5)
    first.close()
    second = board.start()
    give(second, 0.7)
    (found,) = second.drift()
    assert (found.recent.photos, found.recent.unknown) == (4, 1)
    second.close()
    assert board.file.read() == {TODAY: Histogram.of([0.99, 0.99, 0.5, 0.7], 1)}
    assert board.notes == []


def test_days_are_counted_apart(board: Board) -> None:
    scores = board.start()
    give(scores, 0.9, 0.9, day="2026-03-01")
    give(scores, 0.8, day="2026-03-02")
    scores.close()
    assert {day: found.photos for day, found in board.file.read().items()} == {"2026-03-01": 2, "2026-03-02": 1}


def test_photos_and_models_without_reference_are_not_counted(board: Board, tmp_path: Path) -> None:
    scores = board.start(live=())
    give(scores, 0.9)
    scores.close()
    board.model = read_model(write_artifact(tmp_path / "old.tflite", card=make_card()))
    scores = board.start()
    give(scores, 0.9)
    (found,) = scores.drift()
    assert "no scores of test photos" in found.verdict
    scores.close()
    assert not board.folder.exists()


def test_the_file_is_written_every_ten_minutes_and_not_more_often(board: Board) -> None:
    scores = board.start()
    give(scores, *[0.9] * 50)
    assert not board.folder.exists()
    board.now = WRITE_S
    give(scores, 0.9)
    eventually(lambda: board.file.path.exists() and board.file.read()[TODAY].photos == 51)
    written = board.file.path.stat().st_mtime_ns
    board.now = WRITE_S * 1.9
    give(scores, *[0.9] * 50)
    scores.close()
    assert board.file.path.stat().st_mtime_ns > written
    assert board.file.read()[TODAY].photos == 101


def test_two_runs_with_one_model_add_to_one_file(board: Board) -> None:
    runs = [board.start() for _ in range(3)]
    for run in runs:
        give(run, *[0.9] * 10)
    threads = [threading.Thread(target=run.close) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.file.read()[TODAY].photos == 30


def test_a_new_model_has_counts_of_its_own(board: Board, tmp_path: Path) -> None:
    scores = board.start()
    give(scores, 0.9)
    card = make_card(scores=card_entry([0.9] * 50, 0))
    newer = Classifier(write_artifact(tmp_path / "new.tflite", card=card, kernel=np.eye(3, dtype=np.float32) / 40))
    scores.exchanged(VIEW, newer)
    give(scores, 0.8, 0.8)
    assert [found.recent.photos for found in scores.drift()] == [2]
    scores.close()
    assert board.file.read()[TODAY].photos == 1
    assert DayFile(board.folder, fingerprint(newer.model)).read()[TODAY].photos == 2


@pytest.mark.parametrize("damage", [b"", b"\x00" * 300, b"[]", b'{"format": 1, "edges": [0, 1], "days": {}}', b"\xff"])
def test_a_damaged_file_is_put_aside_and_counting_goes_on(board: Board, damage: bytes) -> None:
    board.folder.mkdir()
    board.file.path.write_bytes(damage)
    scores = board.start()
    give(scores, 0.9)
    scores.close()
    assert board.file.read()[TODAY].photos == 1
    (aside,) = board.folder.glob("*.damaged-*")
    assert aside.read_bytes() == damage
    assert board.notes == [f"the scores of earlier days were damaged; they are in {aside} now"]


def test_a_disk_that_cannot_be_written_stops_nothing_and_loses_nothing(board: Board) -> None:
    board.folder.write_text("a file where the folder should be")
    scores = board.start()
    for step in range(1, 4):
        board.now = step * WRITE_S
        give(scores, 0.9)
        eventually(lambda: bool(board.notes))
    scores.close()
    assert len(board.notes) == 1
    assert board.notes[0].startswith(f"cannot keep the scores of the day in {board.folder}: ")
    board.folder.unlink()
    scores.close()
    assert board.file.read()[TODAY].photos == 3


def test_before_the_clock_is_set_answers_count_for_the_newest_known_day(board: Board) -> None:
    board.file.add({"2099-01-05": Histogram.of([0.9], 0)}, date(2099, 1, 5), clock_set=True)
    board.clock_set = False
    scores = board.start()
    give(scores, 0.9, day="1970-01-01")
    assert scores.drift()[0].recent.photos == 2
    scores.close()
    assert {day: found.photos for day, found in board.file.read().items()} == {"2099-01-05": 2}


def test_days_from_a_clock_that_was_wrong_go_once_it_is_right(tmp_path: Path) -> None:
    file, one = DayFile(tmp_path, "0" * 16), Histogram.of([0.9], 0)
    file.add({"2026-03-01": one}, date(2026, 3, 1), clock_set=True)
    file.add({"2040-01-01": one}, date(2040, 1, 1), clock_set=True)
    assert list(file.read()) == ["2026-03-01", "2040-01-01"], "a jump into the future removes nothing"
    file.add({"2026-03-02": one, NO_DATE: one}, date(2026, 3, 2), clock_set=True)
    assert {day: found.photos for day, found in file.read().items()} == {"2026-03-01": 1, "2026-03-02": 2}


def test_ninety_days_are_kept(tmp_path: Path) -> None:
    file = DayFile(tmp_path, "0" * 16)
    dates = [date.fromordinal(date(2026, 1, 1).toordinal() + step) for step in range(KEPT_DAYS + 5)]
    for day in dates:
        file.add({str(day): Histogram.of([0.9] * 2000, 3)}, day, clock_set=True)
    assert list(file.read()) == [str(day) for day in dates[5:]]
    assert file.path.stat().st_size < 20_000


def test_the_page_and_the_metrics_get_json_and_a_number(board: Board) -> None:
    scores = board.start()
    assert scores.drift()[0].to_json()["index"] is None, "no number before the first answer"
    give(scores, *[0.99] * 80, *[0.7] * 20)
    (entry,) = json.loads(json.dumps([drift.to_json() for drift in scores.drift()]))
    assert entry["model"] == "pets"
    assert entry["reference"]["photos"] == entry["recent"]["photos"] == sum(entry["days"][0]["counts"]) == 100
    assert len(entry["edges"]) == len(entry["recent"]["counts"]) + 1
    assert entry["index"] == pytest.approx(0)
    assert entry["retrain"] is False


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_kill_while_writing_leaves_the_old_counts_or_the_new_ones(tmp_path: Path, step: str) -> None:
    file, one = DayFile(tmp_path, "0" * 16), Histogram.of([0.9], 0)
    file.add({"2026-03-01": one}, date(2026, 3, 1), clock_set=True)
    for count in range(1, 4):
        if _killed_before(step, count, lambda: file.add({"2026-03-02": one}, date(2026, 3, 2), clock_set=True)):
            left = file.read()
            assert left["2026-03-01"] == one
            assert left.get("2026-03-02", NONE).photos <= count
    file.add({"2026-03-03": one}, date(2026, 3, 3), clock_set=True)
    assert file.read()["2026-03-03"] == one, "no lock is left behind"


def _killed_before(step: str, count: int, act: Callable[[], object]) -> bool:
    """Whether a child process that acts was killed before the step of that number; otherwise it has acted."""
    child = os.fork()
    if child == 0:
        _kill_before(step, count)
        act()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -9}
    return status == -9


def _kill_before(step: str, count: int) -> None:
    original, calls = getattr(os, step), iter(range(1, 100))

    def call(*args: object, **kwargs: object) -> object:
        if next(calls) == count:
            os.kill(os.getpid(), 9)
        return original(*args, **kwargs)

    setattr(os, step, call)
