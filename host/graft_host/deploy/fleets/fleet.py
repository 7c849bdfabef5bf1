"""Deploys to many boards at once, and reports how they are, through the Ansible role, which does the work."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graft_host.deploy.errors import DeployError
from graft_host.deploy.fleets.ansible_run import Boards, Output, ansible_folder, run_playbook
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.plan import read_local
from graft_host.deploy.signers import check_signers

if TYPE_CHECKING:
    from graft_host.deploy.fleets.settings import FleetSettings

__all__ = [
    "Boards",
    "Fleet",
    "FleetError",
    "FleetStatus",
    "Output",
    "Summary",
    "ansible_folder",
    "deploy_fleet",
    "look_at_fleet",
]

_WITHOUT_MODEL = ("failed", "rolled back", "skipped")


class FleetError(DeployError):
    """Some boards do not have the model; the summary lists them with the reasons."""

    exit_status = 13


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A deployment to many boards, in batches.

    Attributes:
        boards: the boards.
        serial: the sizes of the batches, such as ``("1", "25%", "100%")``; the role's default when empty.
        max_fail_percentage: the percentage of failed boards in a batch above which no other batch follows; the
            inventory's value when None.
        dry_run: whether to stop before anything is changed.
    """

    boards: Boards
    serial: tuple[str, ...] = ()
    max_fail_percentage: int | None = None
    dry_run: bool = False


@dataclass(frozen=True)
class Summary:
    """The role's summary of a deployment: the state of each board, and why it stopped if it did."""

    content: dict[str, Any]

    def lines(self) -> list[str]:
        """How many boards ended in which state, and why the deployment stopped if it did, for a person."""
        counts = ", ".join(f"{state} {number}" for state, number in self.content["counts"].items())
        stopped = self.content["stopped"]
        return [counts, *([f"stopped: {stopped}"] if stopped else [])]

    def check(self) -> None:
        """Raises FleetError unless every board has the model."""
        boards = self.content["boards"]
        lacking = [board["board"] for board in boards if board["state"] in _WITHOUT_MODEL]
        if lacking:
            stopped = self.content["stopped"]
            why = f"; the deployment stopped: {stopped}" if stopped else ""
            what = f"{len(lacking)} of {len(boards)} boards do not have the model ({', '.join(lacking)}){why}"
            raise FleetError(what, "see the summary above")


@dataclass(frozen=True)
class FleetStatus:
    """What the boards of a fleet run, and whether they are healthy."""

    boards: tuple[dict[str, Any], ...]

    def lines(self) -> list[str]:
        """A line about each board, and how many are healthy, for a person."""
        width = max((len(board["board"]) for board in self.boards), default=0)
        lines = [f"{board['board']:<{width}}  {_state(board):<11}  {_about(board)}" for board in self.boards]
        return [*lines, f"{sum(board['healthy'] for board in self.boards)} of {len(self.boards)} boards are healthy"]

    def check(self) -> None:
        """Raises DeployError unless every board is healthy."""
        ill = [board["board"] for board in self.boards if not board["healthy"]]
        if ill:
            verb = "is" if len(ill) == 1 else "are"
            what = f"{len(ill)} of {len(self.boards)} boards {verb} not healthy ({', '.join(ill)})"
            raise DeployError(what, "see above for the reasons")


def deploy_fleet(path: Path, fleet: Fleet, settings: FleetSettings, output: Output) -> Summary:
    """Runs the packaged playbook ``deploy.yml``.

    Args:
        path: the model file.
        fleet: the boards and the batches.
        settings: settings from the command line; they override the inventory.
        output: where the output goes.

    Raises:
        ModelError: the file is not a model.
        DeployError: Ansible is not installed or cannot use a name, or it ended before it wrote a summary; or the
            model is not signed by an allowed signer.
    """
    model, wheel = read_local(path), build_wheel(settings.extras or ())
    if settings.allowed_signers is not None:
        check_signers(model.path, settings.allowed_signers)
    with tempfile.TemporaryDirectory(prefix="graft-wheel-") as scratch:
        variables = {
            **_variables(fleet, settings),
            "graftkit_model": str(model.path.absolute()),
            "graftkit_wheel": str(wheel.write(Path(scratch))),
        }
        return Summary(run_playbook("deploy.yml", fleet.boards, variables, output, check=fleet.dry_run))


def look_at_fleet(boards: Boards, store: str | None, output: Output) -> FleetStatus:
    """Runs the packaged playbook ``status.yml``, which changes nothing.

    Args:
        boards: the boards.
        store: the store's folder on the boards; the inventory's value when None.
        output: where the output goes.

    Raises:
        DeployError: Ansible is not installed or cannot use a name, or it ended before it wrote a summary.
    """
    variables = {} if store is None else {"graftkit_store": store}
    return FleetStatus(tuple(run_playbook("status.yml", boards, variables, output)["boards"]))


def _variables(fleet: Fleet, settings: FleetSettings) -> dict[str, Any]:
    """The role's variables for the given settings alone, since extra variables override all others."""
    variables = {f"graftkit_{name}": value for name, value in settings.given().items()}
    if (service := variables.pop("graftkit_service", None)) is not None:
        variables["graftkit_services"] = [service]
    if (signers := variables.pop("graftkit_allowed_signers", None)) is not None:
        variables["graftkit_signers_file"] = str(signers.absolute())
    if fleet.serial:
        variables["graftkit_serial"] = [int(size) if size.isdecimal() else size for size in fleet.serial]
    if fleet.max_fail_percentage is not None:
        variables["graftkit_max_fail_percentage"] = fleet.max_fail_percentage
    return variables


def _state(board: dict[str, Any]) -> str:
    return "healthy" if board["healthy"] else "unhealthy" if board["reachable"] else "unreachable"


def _about(board: dict[str, Any]) -> str:
    if not board["reachable"]:
        return str(board["reason"])
    kit, before = board["kit"], board["previous"]
    parts = [f"kit {kit['version']} with {board['runtime']}" if kit else "no kit"]
    if board["current"]:
        parts.append(f"model {_name(board['current'])}" + (f", before {_name(before)}" if before else ""))
    parts += [unit["unit"] for unit in board["services"] if unit["healthy"]]
    return "; ".join([*parts, *([board["reason"]] if board["reason"] else [])])


def _name(slot: dict[str, Any]) -> str:
    return f"{slot['name']} {slot['id'][:8]}"
