"""Puts back what a board ran before, where its service is unhealthy after a deployment or that was interrupted."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from graft_host.deploy import on_board
from graft_host.deploy.errors import DeployError, UnhealthyError, UnreachableError
from graft_host.deploy.job import Deployment, answer
from graft_host.deploy.service import Health, restart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass(frozen=True)
class Step:
    """A step back.

    Attributes:
        replaces: the name of the model or kit that the step takes away.
        take: takes the step; returns the name of the model or kit that is back.
    """

    replaces: str
    take: Callable[[], str]


@dataclass(frozen=True)
class Undone:
    """The result of steps back.

    Attributes:
        back: the names of the models and kits that are back.
        failures: a clause about each step that failed.
    """

    back: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        verb = "is" if len(self.back) == 1 else "are"
        back = [f"{' and '.join(self.back)} {verb} back"] if self.back else []
        return "; ".join([*self.failures, *back]) or "there is nothing to go back to"


@contextlib.contextmanager
def undone_if_interrupted(job: Deployment, restarts: bool = False) -> Iterator[None]:
    """Puts back what ran before if the block is interrupted; a second interrupt stops that too.

    Args:
        job: the deployment that the block is a part of.
        restarts: whether the block may have stopped the service.
    """
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(DeployError):
            if job.plan.sends:
                job.note("interrupted: putting back what ran before; press Ctrl-C again to leave it as it is")
                job.note(str(undo(job)))
            if restarts and job.plan.unit is not None:
                restart(job.connection, job.facts, job.plan.unit, settle=0)
        raise


def undo(job: Deployment, kit: bool = True) -> Undone:
    """Takes back what this deployment switched, as far as possible.

    Args:
        job: the deployment.
        kit: whether the deployment may have switched the kit.

    Raises:
        UnreachableError: the connection was lost.
    """
    plan, facts = job.plan, job.facts
    model = str(facts.current.slot["id"]) if plan.send_model and facts.current else None
    earlier = facts.kit.id if kit and plan.send_kit and facts.kit else None
    return _take_all(_as_found(job, None if model == plan.model.id else model, earlier))


def put_back(job: Deployment, health: Health) -> UnhealthyError:
    """Puts back what ran before and restarts the service; returns the error to raise.

    If the service is unhealthy with that too, an earlier deployment may have been cut off before it checked the
    service: so what the board had before that deployment is tried as well.

    Raises:
        UnreachableError: the connection was lost.
    """
    problem = f"{health.unit} is unhealthy with {job.plan.model.path.name} ({_why(health)})"
    undone, again = undo(job), None
    if undone.back:
        again = _restarted(job)
        if again.healthy:
            return UnhealthyError(f"{problem}; {undone}, and the service runs again", board=job.board)
    earlier = _earlier(job)
    if earlier.back:
        return UnhealthyError(f"{problem}; {earlier}, and the service runs again", board=job.board)
    failures = "".join(f"; {failure}" for failure in earlier.failures)
    if again is None:
        return UnhealthyError(f"{problem}{failures or f'; {undone}'}", board=job.board)
    outcome = f"{undone}, and the service is unhealthy with it too ({_why(again)}){failures}"
    return UnhealthyError(f"{problem}; {outcome}", board=job.board)


def _earlier(job: Deployment) -> Undone:
    """Goes back to earlier states until the service is healthy; if it never is, restores what this deployment found."""
    facts = job.facts
    back: list[str] = []
    failures: list[str] = []
    for step in _beyond(job):
        done = _take_all([step])
        back += done.back
        failures += done.failures
        if done.back:
            health = _restarted(job)
            if health.healthy:
                return Undone(tuple(back), tuple(failures))
            failures.append(f"it is unhealthy with {done.back[0]} too ({_why(health)})")
    if back:
        model = str(facts.current.slot["id"]) if facts.current else None
        _take_all(_as_found(job, model, facts.kit.id if facts.kit else None))
        _restarted(job)
    return Undone((), tuple(failures))


def _beyond(job: Deployment) -> list[Step]:
    """The steps to what the board had before the previous deployment."""
    facts = job.facts
    current, previous, kit = facts.current, facts.previous, facts.earlier_kit
    steps = []
    if current is not None and previous is not None and previous != current.slot["id"]:
        name = str(current.slot.get("name") or current.slot["id"])
        steps.append(Step(name, lambda: _roll_back(job, previous)))
    if kit is not None and kit != job.plan.kit.id:
        steps.append(Step("the kit", lambda: _kit_back(job, kit)))
    return steps


def _as_found(job: Deployment, model: str | None, kit: str | None) -> list[Step]:
    """The steps to the model and the kit that this deployment found in use; None for one that still is."""
    installed, steps = job.facts.kit, []
    if model is not None:
        steps.append(Step(job.plan.model.path.name, lambda: _take_back(job, model)))
    if kit is not None and installed is not None and installed.works:
        steps.append(Step("the new kit", lambda: _kit_back(job, kit)))
    return steps


def _take_all(steps: Sequence[Step]) -> Undone:
    """Takes every step, even if an earlier one fails."""
    back, failures = [], []
    for step in steps:
        try:
            back.append(step.take())
        except UnreachableError:
            raise
        except DeployError as error:
            failures.append(f"{step.replaces} stays ({error.without_board()})")
    return Undone(tuple(back), tuple(failures))


def _take_back(job: Deployment, slot_id: str) -> str:
    program = (files(on_board) / "back.py").read_bytes()
    return str(answer(job, job.run(["-I", "-", job.facts.store, slot_id], stdin=program))["name"])


def _roll_back(job: Deployment, slot_id: str) -> str:
    return str(answer(job, job.device(["rollback", slot_id, "--wait", "60"]))["current"]["name"])


def _kit_back(job: Deployment, kit_id: str) -> str:
    job.activate(kit_id)
    return "the earlier kit"


def _restarted(job: Deployment) -> Health:
    assert job.plan.unit is not None  # noqa: S101  a unit was restarted before
    return restart(job.connection, job.facts, job.plan.unit, job.options.settle)


def _why(health: Health) -> str:
    return health.why + (f": {health.log[-1]}" if health.log else "")
