"""A person who has never seen the studio makes a first model and puts it on a board, without a shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.first_model.__main__ import table
from benchmarks.first_model.going import THINGS, make_first_model
from tests.support.remote.board import missing
from tests.support.remote.park import opened_in

pytestmark = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


def test_two_things_before_the_camera_become_a_model_on_a_board(tmp_path: Path) -> None:
    with opened_in(tmp_path / "boards") as park:
        made = make_first_model(tmp_path, each=60, park=park)
    shown = "\n".join(table(made))
    assert made.seen == {thing: thing for thing in THINGS}, shown
    assert made.deployed, shown
    assert {label: count >= 60 for label, count in made.photos.items()} == dict.fromkeys(THINGS, True), shown
    assert sum(step.clicks for step in made.steps) <= 16, shown
