"""Finds the systemd unit that runs the board's model, restarts it, and checks that it is healthy."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from graft_host.deploy import on_board
from graft_host.deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_host.deploy.facts import BoardFacts, Unit
    from graft_host.deploy.ssh import Connection

_TIMEOUT_S = 900  # a unit may take three minutes to start, and be stopped before
# A unit is also "activating" while systemd waits for the next try, and "deactivating" after a restart was cut off.
_FAILING = {"failed", "activating", "deactivating"}
_DEFAULT_PORT = "8000"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  the address that a client uses instead


@dataclass(frozen=True, kw_only=True)
class Health:
    """How a unit is after its restart.

    Attributes:
        unit: the unit's name.
        healthy: whether it runs and, if it serves, answers.
        state: its state in systemd's words.
        why: what is wrong, in one line. Empty for a healthy unit.
        log: the last lines of its journal. Empty for a healthy unit.
    """

    unit: str
    healthy: bool
    state: str
    why: str = ""
    log: tuple[str, ...] = ()


def choose_unit(board: str, facts: BoardFacts, wanted: str | None) -> Unit | None:
    """The unit to restart; None if the board has none.

    Raises:
        DeployError: the wanted unit does not exist, there are several, or this user may not restart it.
    """
    if wanted is not None and not facts.units:
        raise DeployError(
            f"there is no unit {wanted}",
            "create one with 'graft-device service', or leave out --service",
            board=board,
        )
    if len(facts.units) > 1:
        names = ", ".join(unit.name for unit in facts.units)
        raise DeployError(f"there are several units of this store ({names})", "choose one with --service", board=board)
    if not facts.units:
        return None
    [unit] = facts.units
    if not (facts.systemd or unit.user):
        return None
    if not (unit.user or facts.root or facts.sudo or unit.stopped):
        raise DeployError(
            f"{facts.user} may not restart {unit.name}",
            f"allow {facts.user} to use sudo without a password, deploy as root, or make it a unit of the user",
            board=board,
        )
    return unit


def needs_restart(unit: Unit, facts: BoardFacts) -> bool:
    """Whether a unit runs an older model than the current one, or fails."""
    stale = unit.active == "active" and facts.current is not None and unit.since < facts.current.since
    return stale or unit.active in _FAILING


def restart(connection: Connection, facts: BoardFacts, unit: Unit, settle: int) -> Health:
    """Restarts a unit and watches it for a while.

    Args:
        connection: the connection to the board.
        facts: the board.
        unit: the unit to restart.
        settle: seconds that it must run without a restart by systemd.
    """
    sudo = "no" if facts.root or unit.user else "yes"
    python = f"{facts.store}/venv/bin/python"
    words = [
        "sh",
        "-s",
        "--",
        "user" if unit.user else "system",
        unit.name,
        sudo,
        str(settle),
        python,
        health_url(unit),
    ]
    done = connection.run(words, stdin=(files(on_board) / "health.sh").read_bytes(), timeout=_TIMEOUT_S)
    lines = [line.partition("=") for line in done.output.splitlines()]
    values = {key: value.strip() for key, _, value in lines}
    log = tuple(value for key, _, value in lines if key == "log")
    why = values.get("why", "") or done.errors.strip().rpartition("\n")[2]
    state = values.get("state", "unknown")
    return Health(unit=unit.name, healthy="healthy" in values, state=state, why=why, log=log)


def health_url(unit: Unit) -> str:
    """The health check of a unit that serves, as a URL for the board itself; empty for other units."""
    words = _words(unit.command)
    if "serve" not in words:
        return ""
    host, port = _option(words, "--host", "127.0.0.1"), _option(words, "--port", _DEFAULT_PORT)
    host = _ANY.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{host}:{port}/healthz"


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command.replace("%%", "%").replace("$$", "$"))
    except ValueError:
        return []


def _option(words: Sequence[str], name: str, default: str) -> str:
    for number, word in enumerate(words):
        if word == name and number + 1 < len(words):
            return words[number + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return default
