"""SIGKILL before each step of a change: the old model is left or the new one, never none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from graft_device.store.incoming import ModelSource
from graft_device.store.installation import Request, install
from graft_device.store.slots import Store
from tests.support import killing
from tests.support.killing import tried
from tests.support.stores import sha256, slot_id, write_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / f"m{number}.tflite", 1 + number / 10) for number in range(4)]


def store_with(root: Path, *models: Path) -> Store:
    store = Store(root)
    for model in models:
        install(Request(ModelSource(str(model)), store, keep=9))
    return store


@pytest.mark.slow
def test_an_install_that_is_killed_at_any_step(tmp_path: Path, models: list[Path]) -> None:
    oldest, previous, current, new = models
    store = store_with(tmp_path / "store", oldest, previous, current)
    # What an earlier crash left is cleaned up on the way, and that is killed at each step, too.
    shutil.copytree(store.folder(slot_id(oldest)), store.staging / "tmphalfslot")
    (store.slots_folder / ("0" * 16)).mkdir()
    found = tried(killing, store.root, new, "install")
    assert len(found) > 30
    assert {each["step"].partition(" ")[0] for each in found[:-1]} >= {"replace", "rename", "symlink", "link", "fsync"}
    states = []
    for each in found:
        left = each["left"]
        assert left["classify"] == 0, each
        assert (left["current"], left["sha256"], left["previous"]) in (
            (slot_id(current), sha256(current), slot_id(previous)),
            (slot_id(new), sha256(new), slot_id(current)),
        ), each
        states.append(left["current"])
        assert each["again"] == 0
        assert each["after"] == {
            "current": slot_id(new), "previous": slot_id(current), "sha256": sha256(new), "classify": None,
            "slots": sorted([slot_id(new), slot_id(current)]), "litter": [],
        }, each  # fmt: skip
    assert set(states) == {slot_id(current), slot_id(new)}
    assert states == sorted(states, key=[slot_id(current), slot_id(new)].index), "it switches once"


@pytest.mark.slow
def test_a_rollback_that_is_killed_at_any_step(tmp_path: Path, models: list[Path]) -> None:
    old, new = models[:2]
    store = store_with(tmp_path / "store", old, new)
    found = tried(killing, store.root, new, "rollback")
    assert len(found) > 10
    for each in found:
        assert each["left"]["classify"] == 0, each
        for look in ("left", "after"):
            assert [each[look]["current"], each[look]["previous"]] in (
                [slot_id(new), slot_id(old)], [slot_id(old), slot_id(new)],
            ), each  # fmt: skip
        assert each["again"] == 0
        assert set(each["after"]["litter"]) <= {"new.tflite"}
    assert [each["left"]["current"] for each in (found[0], found[-1])] == [slot_id(new), slot_id(old)]


@pytest.mark.slow
def test_a_first_install_that_is_killed_at_any_step(tmp_path: Path, models: list[Path]) -> None:
    (tmp_path / "store").mkdir()
    for each in tried(killing, tmp_path / "store", models[0], "install"):
        assert each["left"]["current"] in (None, slot_id(models[0])), each
        assert each["left"]["classify"] in (None, 0)
        assert each["again"] == 0
        assert each["after"] == {
            "current": slot_id(models[0]), "previous": None, "sha256": sha256(models[0]), "classify": None,
            "slots": [slot_id(models[0])], "litter": [],
        }, each  # fmt: skip
