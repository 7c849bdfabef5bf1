"""A whole deployment to an emulated Arm board: wheels for its processor, made ready and tested there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.arm.debian import Unavailable
from tests.support.device_models import KERNEL, picture, write_artifact
from tests.support.remote.emulated import arm_spec
from tests.support.remote.kit import WHEELS, deploy
from tests.support.remote.park import STORE, Park

pytestmark = pytest.mark.arm


def test_from_bare_to_the_second_model(park: Park, tmp_path: Path) -> None:
    try:
        board = park.start("arm", arm_spec(WHEELS.parent))
    except Unavailable as reason:
        pytest.skip(f"no emulated Arm board: {reason}")
    first = write_artifact(tmp_path / "first.tflite")
    done = deploy(first, board, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "64-bit aarch64" in done.stderr
    assert (told["kit"]["runtime"], told["selftest"]["passed"], told["selftest"]["runtime"]) == (
        "litert",
        True,
        "litert",
    )

    device = f"{STORE}/venv/bin/graft-device"
    picture("green").save(board.home / "green.png")
    said = json.loads(board.run(f"{device} classify {STORE} green.png --json").stdout)
    assert said["predictions"][0]["label"] == "green"

    before = board.tree()
    again = deploy(first, board, "--json")
    assert (again.returncode, json.loads(again.stdout)["changed"]) == (0, False), again.stderr
    assert board.tree() == before

    second = deploy(write_artifact(tmp_path / "second.tflite", kernel=KERNEL * 1.1), board, "--json")
    told = json.loads(second.stdout)
    assert (told["before"]["name"], told["after"]["name"]) == ("first", "second")
    assert told["will"] == {"kit": False, "model": True, "restart": None}
    assert json.loads(board.run(f"{device} rollback --json").stdout)["current"]["name"] == "first"
