"""What a deployment will do to a board: decided from the facts alone, before anything is changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.model import read_model
from graft_host.deploy.errors import NO_ROOM, DeployError
from graft_host.deploy.service import choose_unit, needs_restart

if TYPE_CHECKING:
    from pathlib import Path

    from graft_host.deploy.environment import Kit
    from graft_host.deploy.facts import BoardFacts, Unit

ID_LENGTH = 16
_KIT_BYTES = 350e6
"""What an environment takes on the board, with its wheels while they are installed: 210 MB and 60 MB where measured."""
_SPARE = 1.05
_UNFIT = re.compile(r'["$`\\]|[\x00-\x1f\x7f]')
"""What the first line of a program can't lead through, as pip writes it."""


@dataclass(frozen=True)
class Model:
    """The model to deploy.

    Attributes:
        path: here.
        sha256: of the file.
        bytes: of it.
        signed: whether a signature lies beside it.
    """

    path: Path
    sha256: str
    bytes: int
    signed: bool

    @property
    def id(self) -> str:
        """What its slot is called."""
        return self.sha256[:ID_LENGTH]


@dataclass(frozen=True)
class Plan:
    """What will be done.

    Attributes:
        board: its address, for messages.
        model: to be there in the end.
        kit: likewise.
        send_kit: whether it must be installed …
        send_model: … or the model …
        unit: … and which unit runs it; None if none does.
        restart: whether that is restarted; one that somebody stopped is left so.
    """

    board: str
    model: Model
    kit: Kit
    send_kit: bool
    send_model: bool
    unit: Unit | None
    restart: bool

    @property
    def sends(self) -> bool:
        """Whether anything is written to the board."""
        return self.send_kit or self.send_model

    @property
    def nothing(self) -> bool:
        """Whether the board is as it shall be."""
        return not (self.sends or self.restart)


def read_local(path: Path) -> Model:
    """Reads the model here.

    Raises:
        ModelError: it is none.
    """
    found = read_model(path)
    digest = hashlib.sha256(found.path.read_bytes()).hexdigest()
    return Model(found.path, digest, found.bytes, path.with_name(f"{path.name}.sig").is_file())


def make_plan(board: str, facts: BoardFacts, model: Model, kit: Kit, service: str | None) -> Plan:
    """Decides.

    Raises:
        DeployError: the board can't take it; nothing was changed there.
    """
    unit = choose_unit(board, facts, service)
    installed = facts.kit
    send_kit = not (installed and installed.works and installed.id == kit.id)
    send_model = facts.current is None or facts.current.sha256 != model.sha256
    restart = unit is not None and not unit.stopped and (send_kit or send_model or needs_restart(unit, facts))
    plan = Plan(board, model, kit, send_kit, send_model, unit, restart)
    _check_place(plan, facts)
    return plan


def _check_place(plan: Plan, facts: BoardFacts) -> None:
    if not plan.sends:
        return
    if _UNFIT.search(facts.store):
        raise DeployError(
            f"{plan.board}: no programs can be started in a folder with such a name: name another one with --store, "
            f"without quotes, $ and \\ ({facts.store})",
            2,
        )
    if facts.read_only:
        raise DeployError(
            f"{plan.board}: {facts.store} is on a file system that is mounted read-only: mount it writable, or name "
            "another folder with --store",
            NO_ROOM,
        )
    if not facts.writable:
        raise DeployError(
            f"{plan.board}: {facts.user} may not write {facts.store}: name another folder with --store, or deploy as "
            "its owner",
            NO_ROOM,
        )
    wanted = plan.send_model * plan.model.bytes * _SPARE + plan.send_kit * _KIT_BYTES
    free = facts.free + facts.leftovers  # which go first
    if free < wanted:
        raise DeployError(
            f"{plan.board}: {free / 1e6:.0f} MB are free at {facts.store}, and {wanted / 1e6:.0f} MB are needed: "
            "make room there, or name another folder with --store",
            NO_ROOM,
        )
