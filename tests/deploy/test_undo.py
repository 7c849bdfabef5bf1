"""The steps back from a deployment after which the service is unhealthy, without a board."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from graft_host.deploy import back
from graft_host.deploy.back import put_back, undo
from graft_host.deploy.deploy import _switch_kit
from graft_host.deploy.errors import DeployError
from graft_host.deploy.job import Deployment
from graft_host.deploy.options import DeployOptions
from graft_host.deploy.plan import Plan
from graft_host.deploy.service import Health
from tests.deploy.test_plan import KIT, MODEL, SERVE, THERE

if TYPE_CHECKING:
    from graft_host.deploy.ssh import Connection


class Recorder:
    """Records what would be done to a board; the service is healthy after the step named ``healthy``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, healthy: str, refused: tuple[str, ...] = ()) -> None:
        self.done: list[str] = []
        self.healthy, self.refused = healthy, refused
        monkeypatch.setattr(back, "_take_back", lambda _, slot_id: self.step(f"model {slot_id}"))
        monkeypatch.setattr(back, "_roll_back", lambda _, slot_id: self.step(f"rollback {slot_id}"))
        monkeypatch.setattr(back, "_kit_back", lambda _, kit: self.step(f"kit {kit}"))
        monkeypatch.setattr(back, "restart", self.restart)

    def step(self, name: str) -> str:
        if name in self.refused:
            raise DeployError("it is broken", board="b", exit_status=4)
        self.done.append(name)
        return name

    def restart(self, *_: object) -> Health:
        healthy = self.done[-1] == self.healthy
        self.done.append("restart")
        state, why = ("active", "") if healthy else ("failed", "it is failed")
        return Health(unit="serve.service", healthy=healthy, state=state, why=why)


def job(send_model: bool, send_kit: bool) -> Deployment:
    """The board ran model ``old`` with kit ``k1``, before that ``older`` with ``k0``."""
    assert THERE.current is not None
    assert THERE.kit is not None
    there = replace(THERE, previous="older", earlier_kit="k0")
    if send_model:
        there = replace(there, current=replace(THERE.current, slot={"id": "old"}))
    if send_kit:
        there = replace(there, kit=replace(THERE.kit, id="k1"))
    plan = Plan(board="b", model=MODEL, kit=KIT, send_kit=send_kit, send_model=send_model, unit=SERVE, restart=True)
    return Deployment(connection=cast("Connection", None), facts=there, plan=plan, options=DeployOptions(), note=print)


UNHEALTHY = Health(unit="serve.service", healthy=False, state="failed", why="it does not start")
BOTH_BACK = "rollback older and kit k0 are back, and the service runs again"
BOTH, NEITHER, HEAD = (True, True), (False, False), (True, False)


@pytest.mark.parametrize(
    ("sends", "healthy", "refused", "done", "message"),
    [
        (BOTH, "kit k1", (), "model old, kit k1, restart", "model old and kit k1 are back, and the service runs"),
        # The kit comes back and the service is started again even where the model cannot come back.
        (BOTH, "kit k1", ("model old",), "kit k1, restart", "stays (it is broken); kit k1 is back, and the service ru"),
        (
            NEITHER,
            "rollback older",
            (),
            "rollback older, restart",
            "rollback older is back, and the service runs again",
        ),
        (
            NEITHER,
            "kit k0",
            (),
            "rollback older, restart, kit k0, restart",
            f"it is unhealthy with rollback older too (it is failed); {BOTH_BACK}",
        ),
        (
            NEITHER,
            "nothing",
            (),
            f"rollback older, restart, kit k0, restart, model {MODEL.id}, kit {KIT.id}, restart",
            "it is unhealthy with rollback older too (it is failed); it is unhealthy with kit k0 too (it is failed)",
        ),
        (
            HEAD,
            "nothing",
            ("rollback older", "kit k0"),
            "model old, restart",
            "model old is back, and the service is unhealthy with it too (it is failed); old stays (it is broken)",
        ),
    ],
)
def test_the_way_back(
    sends: tuple[bool, bool],
    healthy: str,
    refused: tuple[str, ...],
    done: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Recorder(monkeypatch, healthy, refused)
    error = put_back(job(*sends), UNHEALTHY)
    assert ", ".join(board.done) == done
    assert str(error).startswith("b: serve.service is unhealthy with pets.tflite (it does not start); ")
    assert message in str(error)
    assert error.exit_status == 12


def test_no_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    board, first = Recorder(monkeypatch, ""), job(*BOTH)
    first = replace(first, facts=replace(first.facts, current=None, kit=None, previous=None, earlier_kit=None))
    assert str(put_back(first, UNHEALTHY)).endswith("(it does not start); there is nothing to go back to")
    assert str(undo(first)) == "there is nothing to go back to"
    assert board.done == []


def test_a_kit_that_cannot_be_switched_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model alone goes back, since the kit was not changed; the message keeps the first error."""
    board = Recorder(monkeypatch, "")

    def activate(_: Deployment, kit: str, prune: bool = False) -> None:
        raise DeployError(f"{kit} can't be used ({prune})", "copy it again", board="b", exit_status=6)

    monkeypatch.setattr(Deployment, "activate", activate)
    with pytest.raises(
        DeployError, match=rf"b: {KIT.id} can't be used \(False\); model old is back; copy it again$"
    ) as caught:
        _switch_kit(job(*BOTH))
    assert caught.value.exit_status == 6
    assert board.done == ["model old"]
