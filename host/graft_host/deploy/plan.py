"""Plans what a deployment will do, from the facts about the board alone, before anything is changed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.errors import ModelError, os_reason
from graft_device.model import read_checked
from graft_device.store.signatures import signature_file
from graft_device.system.plain import check_plain, read_plain
from graft_host.deploy.errors import NO_ROOM, DeployError
from graft_host.deploy.service import choose_unit, needs_restart

if TYPE_CHECKING:
    from pathlib import Path

    from graft_host.deploy.environment import Kit
    from graft_host.deploy.facts import BoardFacts, Unit

ID_LENGTH = 16
_KIT_BYTES = 350e6
"""The space for an environment and, while they are installed, its wheels: 210 MB and 60 MB where measured."""
_SPARE = 1.05
_UNFIT = re.compile(r'["$`\\]|[\x00-\x1f\x7f]')
"""Characters that the first line of a program, as pip writes it, cannot have in a path."""


@dataclass(frozen=True)
class Model:
    """The model to deploy.

    Attributes:
        path: the file on this machine.
        sha256: the file's SHA-256.
        bytes: the file's size.
        signed: whether there is a signature beside the file.
    """

    path: Path
    sha256: str
    bytes: int
    signed: bool

    @property
    def id(self) -> str:
        """The id of the model's slot."""
        return self.sha256[:ID_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a deployment will do.

    Attributes:
        board: the board's address, for messages.
        model: the model that the board will run.
        kit: the kit that the board will have.
        send_kit: whether the kit must be installed.
        send_model: whether the model must be installed.
        unit: the systemd unit that runs the model; None if there is none.
        restart: whether the unit is restarted; a unit that somebody stopped stays stopped.
        signers: the list of allowed signers to write into the store; None where it is not wanted, or there already.
    """

    board: str
    model: Model
    kit: Kit
    send_kit: bool
    send_model: bool
    unit: Unit | None
    restart: bool
    signers: Path | None = None

    @property
    def sends(self) -> bool:
        """Whether anything is written to the board."""
        return self.send_kit or self.send_model or self.signers is not None

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.sends or self.restart)


def read_local(path: Path) -> Model:
    """Reads a model on this machine.

    Raises:
        ModelError: the file is not a model.
    """
    model = read_checked(path)
    digest = hashlib.sha256(read_plain(model.path)).hexdigest()
    return Model(model.path, digest, model.bytes, _is_signed(signature_file(path)))


def _is_signed(signature: Path) -> bool:
    try:
        check_plain(signature)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ModelError(
            f"cannot read the signature {signature}: {os_reason(error)}", "sign the model again"
        ) from error
    return True


def make_plan(
    board: str, facts: BoardFacts, model: Model, kit: Kit, service: str | None, signers: Path | None = None
) -> Plan:
    """Makes the plan for a board.

    Args:
        board: the board's address, for messages.
        facts: the board.
        model: the model that the board will run.
        kit: the kit that the board will have.
        service: the unit to restart; found by its command when None.
        signers: the list of allowed signers that the store will have; stays as it is when None.

    Raises:
        DeployError: the board cannot take the model or the kit; nothing was changed on it.
    """
    unit = choose_unit(board, facts, service)
    installed = facts.kit
    send_kit = not (installed and installed.works and installed.id == kit.id)
    send_model = facts.current is None or facts.current.sha256 != model.sha256
    restart = unit is not None and not unit.stopped and (send_kit or send_model or needs_restart(unit, facts))
    if signers is not None and hashlib.sha256(read_plain(signers)).hexdigest() == facts.signers:
        signers = None
    plan = Plan(
        board=board,
        model=model,
        kit=kit,
        send_kit=send_kit,
        send_model=send_model,
        unit=unit,
        restart=restart,
        signers=signers,
    )
    _check_place(plan, facts)
    return plan


def _check_place(plan: Plan, facts: BoardFacts) -> None:
    if not plan.sends:
        return
    if _UNFIT.search(facts.store):
        raise DeployError(
            f"no programs can be started in a folder with such a name ({facts.store})",
            "choose a folder without quotes, $ and \\ in its name with --store",
            board=plan.board,
            exit_status=2,
        )
    if facts.foreign is not None:
        raise DeployError(
            f"{facts.store} is not a store: it contains {facts.foreign}, which is not graftkit's",
            "choose a new or empty folder with --store",
            board=plan.board,
            exit_status=NO_ROOM,
        )
    if facts.read_only:
        raise DeployError(
            f"{facts.store} is on a file system that is mounted read-only",
            "mount it writable, or choose another folder with --store",
            board=plan.board,
            exit_status=NO_ROOM,
        )
    if not facts.writable:
        raise DeployError(
            f"{facts.user} may not write {facts.store}",
            "choose another folder with --store, or deploy as its owner",
            board=plan.board,
            exit_status=NO_ROOM,
        )
    needed = plan.send_model * plan.model.bytes * _SPARE + plan.send_kit * _KIT_BYTES
    free = facts.free + facts.leftovers  # the leftovers are removed first
    if free < needed:
        raise DeployError(
            f"{free / 1e6:.0f} MB are free at {facts.store}, and {needed / 1e6:.0f} MB are needed",
            "make room there, or choose another folder with --store",
            board=plan.board,
            exit_status=NO_ROOM,
        )
