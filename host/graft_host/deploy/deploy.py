"""Runs the steps of a deployment in order, and puts back what ran before if one fails."""

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
from graft_host.deploy.options import DeployOptions
from graft_host.deploy.outcome import Outcome, board_lines, plan_lines
from graft_host.deploy.plan import Model, Plan, make_plan, read_local
from graft_host.deploy.probe import look
from graft_host.deploy.requirements import find_needs
from graft_host.deploy.service import Health, restart
from graft_host.deploy.signers import NAME, check_signers
from graft_host.deploy.ssh import connected
from graft_host.deploy.transfer import Sent, remove_leftovers, send_model, send_small
from graft_host.support.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from graft_host.deploy.facts import BoardFacts, Unit
    from graft_host.deploy.ssh import Connection
    from graft_host.deploy.target import Target


@dataclass(frozen=True, kw_only=True)
class Order:
    """A deployment that was ordered.

    Attributes:
        target: the board.
        model: the model to deploy.
        wheel: graftkit's wheel for boards.
        options: how to deploy.
        note: called with a line about each step.
    """

    target: Target
    model: Model
    wheel: KitWheel
    options: DeployOptions
    note: Callable[[str], None]


def deploy(
    path: Path,
    target: Target,
    options: DeployOptions,
    note: Callable[[str], None],
    began: Callable[[str], None] | None = None,
) -> Outcome:
    """Puts the kit and a model on a board and checks that its service is healthy.

    Args:
        path: the model file on this machine.
        target: the board.
        options: how to deploy.
        note: called with a line about the board, and about each step.
        began: called with the name of each stage when it begins: ``look``, ``kit``, ``transfer``, ``install``,
            ``service``.

    Raises:
        ModelError: the file is not a model.
        DeployError: the deployment failed; the board runs what it ran before. Or the model is not signed by an allowed
            signer.
    """
    clock = Clock(began)
    model = read_local(path)
    if options.allowed_signers is not None:
        check_signers(model.path, options.allowed_signers)
    wheel = build_wheel(options.extras)
    order = Order(target=target, model=model, wheel=wheel, options=options, note=note)
    with connected(target, options.ssh) as connection:
        facts, plan = _prepare(order, connection, clock)
        if plan.nothing or options.dry_run:
            return Outcome(plan=plan, facts=facts, seconds=clock.finish(), dry_run=options.dry_run)
        with _alone(order, connection, facts, plan) as waited:
            if waited:
                facts, plan = _prepare(order, connection, clock)
            if plan.nothing:
                return Outcome(plan=plan, facts=facts, seconds=clock.finish())
            job = Deployment(connection=connection, facts=facts, plan=plan, options=options, note=note)
            return _carry_out(job, clock)


def _prepare(order: Order, connection: Connection, clock: Clock) -> tuple[BoardFacts, Plan]:
    """Looks at the board, makes the plan, and reports both."""
    board, options = str(order.target), order.options
    with clock.stage("look"):
        facts = look(connection, options.store, order.model.id, options.service)
    for line in board_lines(board, facts):
        order.note(line)
    kit = plan_kit(order.wheel, find_needs(board, facts, options.runtime), options.extras, options.offline)
    plan = make_plan(board, facts, order.model, kit, options.service, options.allowed_signers)
    for line in plan_lines(plan, facts):
        order.note(line)
    return facts, plan


def _alone(order: Order, connection: Connection, facts: BoardFacts, plan: Plan) -> AbstractContextManager[bool]:
    """Locks out other deployments, except where nothing can be written anyway."""
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
    if plan.signers is not None:
        send_small(connection, plan.signers, f"{facts.store}/{NAME}")
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
            health = _healthy(job, plan.unit)
    if plan.send_kit:
        job.activate(plan.kit.id, prune=True)
    return Outcome(plan=plan, facts=facts, seconds=clock.finish(), sent=sent, installed=installed, health=health)


def _install(job: Deployment, remote: str) -> dict[str, Any]:
    """Makes the planned kit check the model, test it and switch to it on the board."""
    options = job.options
    words = ["install", remote, "--sha256", job.plan.model.sha256, "--keep", str(options.keep)]
    words += ["--runtime", options.runtime, "--wait", "60"]
    words += ["--allow-downgrade"] if options.allow_downgrade else []
    try:
        done = job.device(words)
    except KeyboardInterrupt:  # an install that has begun goes on; one that has not needs the file
        with suppress(UnreachableError):
            _remove(job, remote)
        raise
    if done.status not in {0, int(ExitCode.BUSY)}:  # a refused model must not take up room on the board
        _remove(job, remote)
    return answer(job, done, _goes_on(job))


def _remove(job: Deployment, remote: str) -> None:
    job.connection.run(["rm", "-f", remote, f"{remote}.sig"])


def _goes_on(job: Deployment) -> str:
    current = job.facts.current
    return f"it goes on with {current.slot.get('name') or current.slot['id']}" if current else "it has no model yet"


def _switch_kit(job: Deployment) -> None:
    """Makes the new kit the one in use; if that fails the model goes back too, since they belong together."""
    try:
        job.activate(job.plan.kit.id)
    except UnreachableError:
        raise
    except DeployError as error:
        undone = undo(job, kit=False)
        if undone == Undone():
            raise
        what = f"{error.reason}; {undone}"
        raise DeployError(what, error.remedy, board=job.board, exit_status=error.exit_status) from error


def _healthy(job: Deployment, unit: Unit) -> Health:
    """Restarts the service; if it is unhealthy, puts back what ran before."""
    try:
        health = restart(job.connection, job.facts, unit, job.options.settle)
        if not health.healthy:
            raise put_back(job, health)
    except UnreachableError as error:
        raise UnreachableError(
            f"the connection was lost while {unit.name} was restarted with {job.plan.model.path.name}",
            "deploy again to check the service",
            board=job.board,
        ) from error
    return health
