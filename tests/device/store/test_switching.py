"""SIGKILL before each step of a change: the old model is left or the new one, never none."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graft_device.store.incoming import ModelSource
from graft_device.store.installation import Request, install
from graft_device.store.slots import Store
from tests.support.host_data import python_environment
from tests.support.stores import sha256, slot_id, write_model


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("models")
    return [write_model(folder / f"m{number}.tflite", 1 + number / 10) for number in range(4)]


def tried(pristine: Path, model: Path, action: str) -> list[dict[str, Any]]:
    """What was found after each trial; the last one ran to its end."""
    command = [sys.executable, "-m", "tests.support.killing", str(pristine), str(model), action]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=python_environment())
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[-1]["status"] == 0, done.stderr
    assert {each["status"] for each in found[:-1]} == {-9}
    return found


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
    found = tried(store.root, new, "install")
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
    found = tried(store.root, new, "rollback")
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
    for each in tried(tmp_path / "store", models[0], "install"):
        assert each["left"]["current"] in (None, slot_id(models[0])), each
        assert each["left"]["classify"] in (None, 0)
        assert each["again"] == 0
        assert each["after"] == {
            "current": slot_id(models[0]), "previous": None, "sha256": sha256(models[0]), "classify": None,
            "slots": [slot_id(models[0])], "litter": [],
        }, each  # fmt: skip
