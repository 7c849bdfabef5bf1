from __future__ import annotations

from datetime import date
from pathlib import Path

import graft_device.drift
from graft_device.drift.day_file import DayFile
from graft_device.drift.histogram import Histogram
from tests.support.interrupting import Action, code_of, interrupt_everywhere, names

NAME = "0" * 16
ONE = Histogram.of([0.9], 0)


def _add(folder: Path) -> None:
    DayFile(folder, NAME).add({"2026-03-02": ONE}, date(2026, 3, 2), clock_set=True)


def _before(folder: Path) -> None:
    DayFile(folder, NAME).add({"2026-03-01": ONE}, date(2026, 3, 1), clock_set=True)


def _earlier_days_are_there(folder: Path) -> None:
    assert DayFile(folder, NAME).read()["2026-03-01"] == ONE


def _both_days_are_there(folder: Path) -> None:
    assert list(DayFile(folder, NAME).read()) == ["2026-03-01", "2026-03-02"]
    assert [name for name in names(folder) if name.endswith(".tmp")] == []


def test_an_interrupted_write_loses_no_earlier_day(tmp_path: Path) -> None:
    action = Action(act=_add, prepare=_before, interrupted=_earlier_days_are_there, finished=_both_days_are_there)
    assert interrupt_everywhere(action, tmp_path, code_of(graft_device.drift)) > 20
