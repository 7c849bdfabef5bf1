"""Goes back to an earlier model of a board, restarts its service, and goes forward again if that is unhealthy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from graft_device.failure import ENVIRONMENT, Failure
from graft_host.deploy.errors import DeployError, UnhealthyError
from graft_host.deploy.facts import BoardFacts, Unit
from graft_host.deploy.lock import locked
from graft_host.deploy.probe import look
from graft_host.deploy.service import Health, choose_unit, restart
from graft_host.deploy.ssh import Connection, SshOptions, connected
from graft_host.studio.board_list.choices import WayBack

_TIMEOUT_S = 1800  # the self-test of a large model on a slow board
_SETTLE_S = 5


@dataclass(frozen=True)
class WentBack:
    """What a way back led to.

    Attributes:
        before: the name of the model that the board used.
        now: the name of the one that it uses now.
        changed: whether it is another one.
        health: of the restarted service; None if none was restarted.
    """

    before: str
    now: str
    changed: bool
    health: Health | None

    def to_json(self) -> dict[str, Any]:
        """The result as plain values."""
        service = None if self.health is None else {"unit": self.health.unit, "state": self.health.state}
        return {"before": self.before, "now": self.now, "changed": self.changed, "service": service}


@dataclass(frozen=True)
class _Board:
    connection: Connection
    facts: BoardFacts
    unit: Unit | None

    def roll_back(self, slot: str) -> dict[str, Any]:
        """Makes an installed model the current one, after its self-test; returns the board's answer."""
        python = f"{self.facts.store}/venv/bin/python"
        words = [python, "-I", "-m", "graft_device.cli", "rollback", slot, "--store", self.facts.store]
        done = self.connection.run([*words, "--wait", "60", "--json"], timeout=_TIMEOUT_S, environment=ENVIRONMENT)
        board = self.connection.target
        if done.status:
            failure = Failure.read(done.errors) or Failure("it did not go back, and gave no reason")
            raise DeployError(failure.what, failure.remedy, board=board, exit_status=done.status)
        try:
            answer = json.loads(done.output.strip().rpartition("\n")[2])
        except ValueError as error:
            raise DeployError("its graftkit printed something unexpected", "look at it again", board=board) from error
        return answer if isinstance(answer, dict) else {}

    def restarted(self) -> Health | None:
        """Restarts the service, if there is one that runs."""
        if self.unit is None or self.unit.stopped:
            return None
        return restart(self.connection, self.facts, self.unit, _SETTLE_S)


def go_back(chosen: WayBack, ssh: SshOptions, note: Callable[[str], None], began: Callable[[str], None]) -> WentBack:
    """Goes back to an earlier model.

    Args:
        chosen: the board and the model.
        ssh: how to reach the board.
        note: called with a line if somebody else has to finish first.
        began: called with the name of each stage when it begins: ``look``, ``back``, ``service``.

    Raises:
        DeployError: the model did not pass its self-test, or is gone; the board uses what it used before.
        UnhealthyError: the service was unhealthy with it; the board uses what it used before.
        UnreachableError: the board cannot be reached, or the connection was lost.
    """
    target = chosen.target()
    began("look")
    with connected(target, ssh) as connection:
        facts = look(connection, chosen.store, chosen.slot, None)
        if facts.kit is None or not facts.kit.works or facts.current is None or not facts.pythons:
            raise DeployError("there is nothing to go back from", "deploy a model first", board=target)
        board = _Board(connection, facts, choose_unit(str(target), facts, None))
        before = facts.current.slot
        with locked(connection, facts, facts.pythons[0].path, note), _forward_if_interrupted(board, before["id"], note):
            began("back")
            answer = board.roll_back(chosen.slot)
            changed = answer.get("changed") is True
            began("service")
            health = board.restarted() if changed else None
            now = _name(answer.get("current"))
            if health is not None and not health.healthy:
                raise _forward_again(board, before, now, health)
        return WentBack(_name(before), now, changed, health)


def _forward_again(board: _Board, before: dict[str, Any], now: str, health: Health) -> UnhealthyError:
    """Puts back what the board used before; returns the error to raise."""
    board.roll_back(str(before["id"]))
    board.restarted()
    why = health.why + (f": {health.log[-1]}" if health.log else "")
    what = f"{health.unit} is unhealthy with {now} ({why}); {_name(before)} is back"
    return UnhealthyError(what, "deploy another model", board=board.connection.target)


@contextmanager
def _forward_if_interrupted(board: _Board, before: str, note: Callable[[str], None]) -> Iterator[None]:
    """Puts back what the board used before if the block is interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        with suppress(DeployError):
            note("cancelled: putting back what the board used before")
            board.roll_back(before)
            board.restarted()
        raise


def _name(slot: object) -> str:
    fields = slot if isinstance(slot, dict) else {}
    return str(fields.get("name") or fields.get("id") or "unnamed")
