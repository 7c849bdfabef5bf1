"""``deploy``: the steps in their order, and the way back where one fails."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graft_device.store.exit_codes import ExitCode
from graft_host.deploy.back import Undone, put_back, undo, undone_if_interrupted
from graft_host.deploy.environment import install_kit, plan_kit
from graft_host.deploy.errors import DeployError, UnreachableError
from graft_host.deploy.job import Deployment, answer
from graft_host.deploy.kit import KitWheel, build_wheel
from graft_host.deploy.lock import locked
from graft_host.deploy.options import Options
from graft_host.deploy.outcome import Outcome, board_lines, plan_lines
from graft_host.deploy.plan import Model, Plan, make_plan, read_local
from graft_host.deploy.probe import look
from graft_host.deploy.requirements import find_needs
from graft_host.deploy.service import Health, restart
from graft_host.deploy.ssh import connected
from graft_host.deploy.transfer import Sent, remove_leftovers, send_model
from graft_host.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from graft_host.deploy.facts import BoardFacts, Unit
    from graft_host.deploy.ssh import Connection
    from graft_host.deploy.target import Target


@dataclass(frozen=True)
class Order:
    """What is to be on which board, and how it gets there."""

    target: Target
    model: Model
    wheel: KitWheel
    options: Options
    note: Callable[[str], None]


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
    order = Order(target, read_local(path), build_wheel(options.extras), options, note)
    with connected(target, options.ssh) as connection:
        facts, plan = _foresee(order, connection, clock)
        if plan.nothing or options.dry_run:
            return Outcome(plan, facts, clock.finish(), dry_run=options.dry_run)
        with _alone(order, connection, facts, plan) as waited:
            if waited:
                facts, plan = _foresee(order, connection, clock)
            if plan.nothing:
                return Outcome(plan, facts, clock.finish())
            return _carry_out(Deployment(connection, facts, plan, options, note), clock)


def _foresee(order: Order, connection: Connection, clock: Clock) -> tuple[BoardFacts, Plan]:
    """Looks at the board, decides, and says so."""
    board, options = str(order.target), order.options
    with clock.stage("look"):
        facts = look(connection, options.store, order.model.id, options.service)
    for line in board_lines(board, facts):
        order.note(line)
    kit = plan_kit(order.wheel, find_needs(board, facts, options.runtime), options.extras, options.offline)
    plan = make_plan(board, facts, order.model, kit, options.service)
    for line in plan_lines(plan, facts):
        order.note(line)
    return facts, plan


def _alone(order: Order, connection: Connection, facts: BoardFacts, plan: Plan) -> AbstractContextManager[bool]:
    """Keeps other deployments away; where nothing can be written there is nothing to keep them from."""
    if facts.read_only or not facts.writable:
        return nullcontext(False)
    return locked(connection, facts, plan.kit.needs.python.path, order.note)


def _carry_out(job: Deployment, clock: Clock) -> Outcome:
    plan, facts, connection = job.plan, job.facts, job.connection
    if plan.sends and facts.leftovers:
        remove_leftovers(connection, facts, plan.model.id, plan.kit.id)
    if plan.send_kit:
        with clock.stage("kit"):
            install_kit(connection, facts, plan.kit)
    sent, installed = Sent(), None
    if plan.send_model:
        with clock.stage("transfer"):
            remote, sent = send_model(connection, facts, plan.model.path, plan.model.id)
        with clock.stage("install"), undone_if_interrupted(job):
            installed = _install(job, remote)
    if plan.send_kit:
        with undone_if_interrupted(job):
            _switch_kit(job)
    health = None
    if plan.unit is not None and plan.restart:
        with clock.stage("service"), undone_if_interrupted(job, restarts=True):
            health = _well(job, plan.unit)
    if plan.send_kit:
        job.activate(plan.kit.id, prune=True)
    return Outcome(plan, facts, clock.finish(), sent=sent, installed=installed, health=health)


def _install(job: Deployment, remote: str) -> dict[str, Any]:
    """Has the board check, test and switch, with the kit that it is about to have."""
    options = job.options
    words = ["install", remote, "--sha256", job.plan.model.sha256, "--keep", str(options.keep)]
    words += ["--runtime", options.runtime, "--wait", "60"]
    words += ["--allow-downgrade"] if options.allow_downgrade else []
    try:
        done = job.device(words)
    except KeyboardInterrupt:  # the board goes on by itself, but not without the file if it has not begun
        with suppress(UnreachableError):
            _remove(job, remote)
        raise
    if done.status not in {0, int(ExitCode.BUSY)}:  # a model that was refused shall not take room there
        _remove(job, remote)
    return answer(job, done, _goes_on(job))


def _remove(job: Deployment, remote: str) -> None:
    job.connection.run(["rm", "-f", remote, f"{remote}.sig"])


def _goes_on(job: Deployment) -> str:
    current = job.facts.current
    return f"it goes on with {current.slot.get('name') or current.slot['id']}" if current else "it has no model yet"


def _switch_kit(job: Deployment) -> None:
    """Makes the new kit the one in use; where that fails the model goes back too: they belong together."""
    try:
        job.activate(job.plan.kit.id)
    except UnreachableError:
        raise
    except DeployError as error:
        undone = undo(job, kit=False)
        if undone == Undone():
            raise
        raise DeployError(f"{error}; {undone}", error.exit_status) from error


def _well(job: Deployment, unit: Unit) -> Health:
    """Restarts the service; where it is not well, what ran before comes back."""
    try:
        health = restart(job.connection, job.facts, unit, job.options.settle)
        if not health.well:
            raise put_back(job, health)
    except UnreachableError as error:
        raise UnreachableError(
            f"{job.board}: the connection was lost while {unit.name} was restarted with {job.plan.model.path.name}: "
            "deploy again, to see whether it is well"
        ) from error
    return health
