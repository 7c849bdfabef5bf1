"""SIGKILL before each step of ``graft-device learn``: the old file is whole or the new one is, and no litter stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from graft_device.system.durable import digest
from tests.support import learning_kills
from tests.support.killing import tried
from tests.support.learning_models import write_learnable, write_photos_of
from tests.support.stores import make_key, ssh_sign


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replaced", "signed"),
    [(False, False), (True, False), (True, True)],
    ids=["new", "over an old one", "signed over an old one"],
)
def test_learning_that_is_killed_at_any_step(tmp_path: Path, replaced: bool, signed: bool) -> None:
    """With a key the old file was signed, too; without one its signature must be gone with it."""
    place = tmp_path / "pristine"
    place.mkdir()
    model = write_learnable(place / "model.tflite")
    for path in place.glob(".*"):  # what its golden photos were made from
        path.unlink()
    write_photos_of(place / "photos", "yellow", 1)
    key = make_key(place / "key" if signed else tmp_path / "key")
    old: dict[str, str] = {}
    if replaced:
        (place / "new.tflite").write_bytes(model.read_bytes())
        ssh_sign(place / "new.tflite", key)
        old = {name: digest(place / name) for name in ("new.tflite", "new.tflite.sig")}
    found = tried(learning_kills, place)
    assert len(found) > 8
    new = _made(found[-1]["left"])
    assert set(new) == ({"new.tflite", "new.tflite.sig"} if signed else {"new.tflite"})
    states = []
    for each in found:
        left = _made(each["left"])
        states.append(left.get("new.tflite"))
        assert states[-1] in (old.get("new.tflite"), new["new.tflite"]), each
        if states[-1] == old.get("new.tflite"):
            assert left == old, each
        assert each["again"] == 0
        assert each["after"] == found[-1]["left"], each
    assert set(states) == {old.get("new.tflite"), new["new.tflite"]}


def _made(look: dict[str, Any]) -> dict[str, str]:
    return {name: look[name] for name in ("new.tflite", "new.tflite.sig") if name in look}
