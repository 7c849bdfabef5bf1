"""The way back, where a service is not well after a deployment, or that was interrupted."""

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
    """A step back: what it replaces, and what takes it and says what is back."""

    replaces: str
    take: Callable[[], str]


@dataclass(frozen=True)
class Undone:
    """What came of steps back: what is back, and what was tried in vain."""

    back: tuple[str, ...] = ()
    vain: tuple[str, ...] = ()

    def __str__(self) -> str:
        verb = "is" if len(self.back) == 1 else "are"
        back = [f"{' and '.join(self.back)} {verb} back"] if self.back else []
        return "; ".join([*self.vain, *back]) or "there is nothing to go back to"


@contextlib.contextmanager
def undone_if_interrupted(job: Deployment, restarts: bool = False) -> Iterator[None]:
    """Puts back what ran before where the block is interrupted; a second time ends that too.

    Args:
        job: of which the block is a part.
        restarts: whether the service may have been stopped in it.
    """
    try:
        yield
    except KeyboardInterrupt:
        with contextlib.suppress(DeployError):
            if job.plan.sends:
                job.note("interrupted: putting back what ran before; once more, to leave it so")
                job.note(str(undo(job)))
            if restarts and job.plan.unit is not None:
                restart(job.connection, job.facts, job.plan.unit, settle=0)
        raise


def undo(job: Deployment, kit: bool = True) -> Undone:
    """Takes back what this deployment switched, as far as that can be done.

    Args:
        job: the deployment.
        kit: whether it has come to the kit.

    Raises:
        UnreachableError: the connection was lost.
    """
    plan, facts = job.plan, job.facts
    model = str(facts.current.slot["id"]) if plan.send_model and facts.current else None
    earlier = facts.kit.id if kit and plan.send_kit and facts.kit else None
    return _each(job, _as_found(job, None if model == plan.model.id else model, earlier))


def put_back(job: Deployment, health: Health) -> UnhealthyError:
    """Puts back what ran before and restarts the service; returns what to raise.

    Where it is not well with that either, an earlier deployment may have been cut off before it knew how the service
    is: so what the board had before that is tried too.

    Raises:
        UnreachableError: the connection was lost.
    """
    trouble = f"{job.board}: {health.unit} is not well with {job.plan.model.path.name} ({_why(health)})"
    undone, again = undo(job), None
    if undone.back:
        again = _restarted(job)
        if again.well:
            return UnhealthyError(f"{trouble}; {undone}, and the service runs again")
    earlier = _earlier(job)
    if earlier.back:
        return UnhealthyError(f"{trouble}; {earlier}, and the service runs again")
    vain = "".join(f"; {each}" for each in earlier.vain)
    if again is None:
        return UnhealthyError(f"{trouble}{vain or f'; {undone}'}")
    return UnhealthyError(f"{trouble}; {undone}, and the service is not well with it either ({_why(again)}){vain}")


def _earlier(job: Deployment) -> Undone:
    """Goes beyond what this deployment found until the service is well; where it never is, that comes back."""
    facts = job.facts
    back: list[str] = []
    vain: list[str] = []
    for step in _beyond(job):
        done = _each(job, [step])
        back += done.back
        vain += done.vain
        if done.back:
            health = _restarted(job)
            if health.well:
                return Undone(tuple(back), tuple(vain))
            vain.append(f"nor is it with {done.back[0]} ({_why(health)})")
    if back:
        found = str(facts.current.slot["id"]) if facts.current else None
        _each(job, _as_found(job, found, facts.kit.id if facts.kit else None))
        _restarted(job)
    return Undone((), tuple(vain))


def _beyond(job: Deployment) -> list[Step]:
    """The steps to what the board had before the deployment that was before this one."""
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
    """The steps to a model and a kit that were in use when we came; None for what is in use."""
    found, steps = job.facts.kit, []
    if model is not None:
        steps.append(Step(job.plan.model.path.name, lambda: _take_back(job, model)))
    if kit is not None and found is not None and found.works:
        steps.append(Step("the new kit", lambda: _kit_back(job, kit)))
    return steps


def _each(job: Deployment, steps: Sequence[Step]) -> Undone:
    """Takes every step, also where one before it fails."""
    back, vain = [], []
    for step in steps:
        try:
            back.append(step.take())
        except UnreachableError:
            raise
        except DeployError as error:
            vain.append(f"{step.replaces} stays ({str(error).removeprefix(f'{job.board}: ')})")
    return Undone(tuple(back), tuple(vain))


def _take_back(job: Deployment, slot_id: str) -> str:
    program = (files(on_board) / "back.py").read_bytes()
    return str(answer(job, job.run(["-I", "-", job.facts.store, slot_id], stdin=program))["name"])


def _roll_back(job: Deployment, slot_id: str) -> str:
    return str(answer(job, job.device(["rollback", slot_id, "--wait", "60"]))["current"]["name"])


def _kit_back(job: Deployment, kit_id: str) -> str:
    job.activate(kit_id)
    return "the earlier kit"


def _restarted(job: Deployment) -> Health:
    assert job.plan.unit is not None  # noqa: S101  it is what is not well
    return restart(job.connection, job.facts, job.plan.unit, job.options.settle)


def _why(health: Health) -> str:
    return health.why + (f": {health.log[-1]}" if health.log else "")
