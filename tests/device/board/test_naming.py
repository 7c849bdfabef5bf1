from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from graft_device.board.naming import named_views, source_names
from graft_device.config.settings import BoardSettings, ModelSettings, RegionSettings, SourceSettings

NAMES = st.text(max_size=60)


def board(*sources: SourceSettings, models: tuple[str, ...] = ("pets",)) -> BoardSettings:
    return BoardSettings(tuple(ModelSettings(name, Path("m.tflite")) for name in models), sources)


def test_a_run_with_one_view_names_nothing() -> None:
    (only,) = named_views(board(SourceSettings(("/dev/video0",), regions=(RegionSettings(models=("pets",)),))), ["cam"])
    assert (only.view.id, only.view.region, only.view.model) == ("cam", None, "pets")
    assert (only.naming.source, only.naming.region, only.naming.model, only.naming.view) == (None, None, None, "")


def test_views_are_named_after_source_region_and_model() -> None:
    bowl = RegionSettings("Bowl #1", models=("pets", "food"))
    door = SourceSettings(("/dev/video0",), "Door", regions=(RegionSettings(models=("pets",)), bowl))
    views = named_views(board(door, models=("pets", "food")), ["Door"])
    assert [one.view.id for one in views] == ["door-pets", "door-bowl-1-pets", "door-bowl-1-food"]
    assert [one.naming.view for one in views] == ["door-pets", "door-bowl-1-pets", "door-bowl-1-food"]
    assert [one.naming.model for one in views] == ["pets", "pets", "food"]
    assert {one.naming.source for one in views} == {"Door"}


@given(st.lists(NAMES, min_size=1, max_size=8, unique=True))
def test_ids_are_plain_and_different(names: list[str]) -> None:
    regions = tuple(RegionSettings(name or None, models=("pets",)) for name in names)
    views = named_views(board(SourceSettings(("/dev/video0",), "Tür", regions=regions)), ["Tür"])
    found = [one.view.id for one in views]
    assert len(set(found)) == len(names)
    assert all(re.fullmatch(r"tur(-[a-z0-9]+)*", one) for one in found)


@given(st.lists(st.sampled_from(["a", "a 2", "b"]), min_size=1, max_size=8))
def test_two_sources_of_one_name_are_told_apart(names: list[str]) -> None:
    sources = tuple(SourceSettings((name,)) for name in names)
    assert len(set(source_names(board(*sources), names))) == len(names)
