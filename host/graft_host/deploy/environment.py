"""Installs the kit's virtual environment on a board and switches to it."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from graft_host.deploy import on_board, wheels
from graft_host.deploy.errors import DeployError
from graft_host.deploy.kit import PROJECT, KitWheel, kit_id, with_any
from graft_host.deploy.transfer import removed_if_failed, send_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.requirements import Needs
    from graft_host.deploy.ssh import Connection

_NARROW_BITS = 32
_TIMEOUT_S = 3600  # pip unpacks for minutes on a slow card


@dataclass(frozen=True, kw_only=True)
class Kit:
    """The kit that a board should have.

    Attributes:
        id: the name of its folder in ``STORE/kits``.
        wheel: graftkit's wheel for boards.
        needs: the Python, the runtime and the packages.
        extras: the extras of graftkit to install.
        offline: a folder on this machine to keep wheels in; None where the board's pip downloads them.
    """

    id: str
    wheel: KitWheel
    needs: Needs
    extras: tuple[str, ...]
    offline: Path | None

    def describe(self) -> str:
        """A short description."""
        return f"graftkit {self.wheel.version} with {self.needs.runtime}"


def plan_kit(wheel: KitWheel, needs: Needs, extras: Sequence[str], offline: Path | None) -> Kit:
    """The kit for a board with these needs."""
    if needs.system and needs.python.machine.bits == _NARROW_BITS:
        wheel = with_any(wheel, "pillow")  # the system's has the distribution's fixes, and there is no wheel
    wanted = (*needs.packages, *sorted(extras), "system" if needs.system else "own")
    return Kit(
        id=kit_id(wheel, needs.python, wanted), wheel=wheel, needs=needs, extras=tuple(sorted(extras)), offline=offline
    )


def install_kit(connection: Connection, facts: BoardFacts, kit: Kit) -> None:
    """Makes the kit's environment on the board, beside the one in use.

    Raises:
        DeployError: a wheel is not available or cannot be installed, or there is no room.
        UnreachableError: the connection was lost.
    """
    folder = str(PurePosixPath(facts.store) / "incoming" / f"kit-{kit.id}")
    with tempfile.TemporaryDirectory() as scratch:
        paths = [kit.wheel.write(Path(scratch)), *_fetched(kit)]
        with removed_if_failed(connection, folder):
            send_files(connection, facts, paths, folder)
            _call(connection, kit.needs.python.path, "make", facts.store, _request(facts, kit, folder))
    connection.run(["rm", "-rf", folder])


def _request(facts: BoardFacts, kit: Kit, folder: str) -> dict[str, Any]:
    extras = f"[{','.join(kit.extras)}]" if kit.extras else ""
    installed = facts.kit
    return {
        "id": kit.id,
        "version": kit.wheel.version,
        "runtime": kit.needs.runtime,
        "wheel": hashlib.sha256(kit.wheel.data).hexdigest(),
        "requirements": [f"{PROJECT}{extras} @ file://{quote(f'{folder}/{kit.wheel.name}')}", *kit.needs.packages],
        "system": kit.needs.system,
        "wheels": folder if kit.offline is not None else None,
        "rebuild": installed is not None and installed.id == kit.id and not installed.works,
    }


def activate_kit(
    connection: Connection, facts: BoardFacts, kit: str, python: str, keep: Sequence[str], prune: bool
) -> None:
    """Makes ``STORE/venv`` link to an installed kit.

    Args:
        connection: the connection to the board.
        facts: the board.
        kit: the kit's id.
        python: the path of the board's system Python.
        keep: ids of other kits that ``prune`` does not remove.
        prune: whether to remove kits that are no longer used.
    """
    _call(connection, python, "activate", facts.store, {"id": kit, "keep": list(keep), "prune": prune})


def _fetched(kit: Kit) -> list[Path]:
    if kit.offline is None:
        return []
    needs = kit.needs
    present = sorted(needs.python.packages) if needs.system and needs.python.machine.bits == 32 else []  # noqa: PLR2004
    return wheels.fetch(kit.offline, needs.python.machine, kit.wheel, kit.extras, needs.packages, present)


def _call(connection: Connection, python: str, action: str, store: str, request: dict[str, Any]) -> dict[str, Any]:
    program = (files(on_board) / "kit.py").read_bytes()
    command = [python, "-I", "-", action, store, json.dumps(request)]
    done = connection.run(command, stdin=program, timeout=_TIMEOUT_S)
    try:
        answer: dict[str, Any] = json.loads(done.output.strip().rpartition("\n")[2])
    except ValueError as error:
        reason = done.errors.strip().rpartition("\n")[2] or f"exit status {done.status}"
        raise DeployError(f"the kit can't be installed ({reason})", board=connection.target) from error
    if "error" in answer:
        failure, status = answer["error"], int(answer["status"])
        raise DeployError(failure["what"], failure["remedy"], board=connection.target, exit_status=status)
    return answer
