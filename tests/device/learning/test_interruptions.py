"""Ctrl-C at every moment of what ``graft-device learn`` does with files: the old one is left, or the new one made."""

from __future__ import annotations

from pathlib import Path

import pytest

from graft_device.errors import ExportError
from graft_device.learning import claim, delivery
from graft_device.learning.request import Request
from graft_device.store.selftest import SelfTest
from graft_device.store.slots import Store
from tests.support.interrupting import Action, code_of, interrupt_everywhere, names


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupted_write_leaves_a_whole_file_and_no_lock(
    overwrite: bool, in_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = SelfTest("model", passed=True, kind="plain", ms=1.0)
    monkeypatch.setattr(delivery, "run_selftest", lambda *_: passed)  # a self-test here takes no time

    def prepare(place: Path) -> None:
        (place / "model").write_bytes(b"model")
        if overwrite:
            (place / "new.tflite").write_bytes(b"old")
            (place / "new.tflite.sig").write_bytes(b"signature")

    def act(place: Path) -> None:
        new = place / "new.tflite"
        again = overwrite or new.exists()
        request = Request(
            place / "model", "cats", True, (), new, 0.05, None, Store(place / "store"), overwrite=again
        )  # fmt: skip
        with claim.claimed(request) as folder:
            delivery.deliver(request, b"new", None, folder)

    def interrupted(place: Path) -> None:
        new = place / "new.tflite"
        assert new.read_bytes() in {b"old", b"new"} if new.exists() else not overwrite
        if new.exists() and new.read_bytes() == b"old":
            assert (place / "new.tflite.sig").exists()

    def finished(place: Path) -> None:
        assert (place / "new.tflite").read_bytes() == b"new"
        assert names(place) == ["model", "new.tflite"]

    action = Action(prepare=prepare, act=act, interrupted=interrupted, finished=finished)
    assert interrupt_everywhere(action, in_memory, code_of(claim, delivery)) > 20


def test_a_link_in_the_place_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    """Whoever may write into the folder of the output must not have other files removed."""
    precious = tmp_path / "photos" / "precious.jpg"
    precious.parent.mkdir()
    precious.write_bytes(b"photo")
    (tmp_path / ".new.tflite.learning").symlink_to(precious.parent)
    request = Request(
        tmp_path / "model", "cats", True, (), tmp_path / "new.tflite", 0.05, None, Store(tmp_path / "store")
    )  # fmt: skip
    with pytest.raises(ExportError, match="a link or another user's folder; remove it"), claim.claimed(request):
        pass
    assert names(precious.parent) == ["precious.jpg"]
