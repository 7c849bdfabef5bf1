"""``deploy``: the steps in their order, and the way back where one fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from graft_device.exit_codes import ExitCode
from graft_host.clock import Clock
from graft_host.deploy.environment import activate_kit, install_kit, plan_kit
from graft_host.deploy.errors import DeployError, UnhealthyError, UnreachableError
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.plan import Plan, make_plan, read_local
from graft_host.deploy.probe import look
from graft_host.deploy.report import Outcome, board_lines, plan_lines
from graft_host.deploy.requirements import find_needs
from graft_host.deploy.service import Health, restart
from graft_host.deploy.ssh import SshOptions, connected
from graft_host.deploy.transfer import Sent, send_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.ssh import Connection, Done
    from graft_host.deploy.target import Target

_INSTALL_TIMEOUT_S = 1800  # the self-test of a large model on a slow board
EXTRAS = ("mqtt", "serve")


@dataclass(frozen=True)
class Options:
    """How to deploy.

    Attributes:
        ssh: how to reach the board.
        store: on the board; its default when None.
        keep: models to keep there.
        service: unit to restart; found by its command when None.
        offline: folder here for wheels, which are then sent along; None where the board has a network.
        extras: of the kit.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
        allow_downgrade: whether an older signed model may replace a newer one.
        dry_run: whether to stop before anything is changed.
        settle: seconds that a restarted service must go on.
    """

    ssh: SshOptions = field(default_factory=SshOptions)
    store: str | None = None
    keep: int = 3
    service: str | None = None
    offline: Path | None = None
    extras: tuple[str, ...] = EXTRAS
    runtime: str = "auto"
    allow_downgrade: bool = False
    dry_run: bool = False
    settle: int = 5


@dataclass(frozen=True)
class Deployment:
    """One that is under way."""

    connection: Connection
    facts: BoardFacts
    plan: Plan
    options: Options
    note: Callable[[str], None]

    @property
    def board(self) -> str:
        """Its address, for messages."""
        return self.plan.board


def deploy(path: Path, target: Target, options: Options, note: Callable[[str], None]) -> Outcome:
    """Puts kit and model on a board and sees that its service is well.

    Args:
        path: of the model here.
        target: the board.
        options: how.
        note: hears what is found and done, a line each.

    Raises:
        ModelError: the file is no model.
        DeployError: the reason; the board runs what it ran before.
    """
    clock = Clock()
    model, wheel = read_local(path), build_wheel(options.extras)
    with connected(target, options.ssh) as connection:
        with clock.stage("look"):
            facts = look(connection, options.store, model.id, options.service)
        for line in board_lines(str(target), facts):
            note(line)
        kit = plan_kit(wheel, find_needs(str(target), facts, options.runtime), options.extras, options.offline)
        plan = make_plan(str(target), facts, model, kit, options.service)
        for line in plan_lines(plan, facts):
            note(line)
        if plan.nothing or options.dry_run:
            return Outcome(plan, facts, clock.finish(), dry_run=options.dry_run)
        return _carry_out(Deployment(connection, facts, plan, options, note), clock)


def _carry_out(job: Deployment, clock: Clock) -> Outcome:
    plan, facts = job.plan, job.facts
    if plan.send_kit:
        with clock.stage("kit"):
            install_kit(job.connection, facts, plan.kit)
    sent, installed = Sent(), None
    if plan.send_model:
        with clock.stage("transfer"):
            remote, sent = send_model(job.connection, facts, plan.model.path, plan.model.id)
        with clock.stage("install"):
            installed = _install(job, remote)
    if plan.send_kit:
        _switch_kit(job, installed)
    health = None
    if plan.unit is not None and plan.restart:
        with clock.stage("service"):
            health = _restarted(job, installed)
        if not health.well:
            raise _put_back(job, health, installed)
    if plan.send_kit:
        _activate(job, plan.kit.id, prune=True)
    return Outcome(plan, facts, clock.finish(), sent=sent, installed=installed, health=health)


def _install(job: Deployment, remote: str) -> dict[str, Any]:
    """Has the board check, test and switch, with the kit that it is about to have."""
    options = job.options
    words = ["install", remote, "--sha256", job.plan.model.sha256, "--keep", str(options.keep)]
    words += ["--runtime", options.runtime, "--wait", "60"]
    words += ["--allow-downgrade"] if options.allow_downgrade else []
    done = _device(job, words)
    if done.status not in {0, int(ExitCode.BUSY)}:  # a model that was refused shall not take room there
        job.connection.run(["rm", "-f", remote, f"{remote}.sig"])
    return _answer(job, done, _goes_on(job))


def _device(job: Deployment, words: Sequence[str]) -> Done:
    """Runs ``graft-device`` of the kit that the plan ends with."""
    python = PurePosixPath(job.facts.store) / "kits" / job.plan.kit.id / "bin" / "python"
    command = [str(python), "-m", "graft_device.cli", *words, "--store", job.facts.store, "--json"]
    return job.connection.run(command, timeout=_INSTALL_TIMEOUT_S)


def _answer(job: Deployment, done: Done, otherwise: str) -> dict[str, Any]:
    if done.status:
        lines = [line for line in done.errors.splitlines() if line.strip()]
        said = next(
            (line for line in reversed(lines) if line.startswith("error: ")), lines[-1] if lines else "no reason"
        )
        raise DeployError(f"{job.board}: {said.removeprefix('error: ')}; {otherwise}", done.status)
    answer: dict[str, Any] = json.loads(done.output.strip().rpartition("\n")[2])
    return answer


def _goes_on(job: Deployment) -> str:
    current = job.facts.current
    return f"it goes on with {current.slot.get('name') or current.slot['id']}" if current else "it has no model yet"


def _activate(job: Deployment, kit: str, prune: bool) -> None:
    before = job.facts.kit
    keep = [before.id] if before else []
    activate_kit(job.connection, job.facts, kit, job.plan.kit.needs.python.path, keep, prune)


def _switch_kit(job: Deployment, installed: dict[str, Any] | None) -> None:
    """Makes the new kit the one in use; where that fails the model goes back too: they belong together."""
    try:
        _activate(job, job.plan.kit.id, prune=False)
    except UnreachableError:
        raise
    except DeployError as error:
        if back := _model_back(job, installed, "the new model stays, with the earlier kit"):
            raise DeployError(f"{error}; {back}", error.exit_status) from error
        raise


def _restarted(job: Deployment, installed: dict[str, Any] | None) -> Health:
    assert job.plan.unit is not None  # noqa: S101  whoever calls has looked
    try:
        return restart(job.connection, job.facts, job.plan.unit, job.options.settle)
    except UnreachableError as error:
        if not installed:
            raise
        raise UnreachableError(
            f"{job.board}: the connection was lost after {job.plan.model.path.name} was switched in, while "
            f"{job.plan.unit.name} was restarted: deploy again, to see whether it is well"
        ) from error


def _model_back(job: Deployment, installed: dict[str, Any] | None, otherwise: str) -> str:
    """Rolls back to the model before; says so, or is empty if there was none or it was not changed."""
    if not (installed and installed.get("changed") and installed.get("previous")):
        return ""
    done = _device(job, ["rollback", installed["previous"]["id"], "--wait", "60"])
    return f"{_answer(job, done, otherwise)['current']['name']} is back"


def _put_back(job: Deployment, health: Health, installed: dict[str, Any] | None) -> UnhealthyError:
    """Puts the earlier kit and model back and restarts the service; returns what to raise."""
    why = health.why + (f": {health.log[-1]}" if health.log else "")
    plan, before = job.plan, job.facts.kit
    stays = f"so {plan.model.path.name} stays, with which {health.unit} is not well ({why})"
    undone = _model_back(job, installed, stays)
    if plan.send_kit and before is not None and before.works:
        _activate(job, before.id, prune=False)
    assert plan.unit is not None  # noqa: S101  it is what is not well
    if not undone and not (plan.send_kit and before):
        return UnhealthyError(f"{job.board}: {health.unit} is not well ({why}); there is nothing to go back to")
    again = restart(job.connection, job.facts, plan.unit, job.options.settle)
    state = "runs again" if again.well else f"is not well with it either ({again.why})"
    return UnhealthyError(
        f"{job.board}: {health.unit} is not well with {plan.model.path.name} ({why}); "
        f"{undone or 'the earlier kit is back'}, and the service {state}"
    )
