"""The outcome of a deployment, as text and as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graft_device.text import printable
from graft_host.deploy.transfer import Sent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.plan import Plan
    from graft_host.deploy.service import Health


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a deployment ended.

    Attributes:
        plan: what the deployment planned.
        facts: the board before the deployment.
        seconds: the seconds of each stage, and of the whole in ``total``.
        sent: the bytes that the model's transfer took.
        installed: the output of ``graft-device install --json``; None if the model was already current.
        health: the health of the restarted service; None if none was restarted.
        dry_run: whether it stopped after the plan.
    """

    plan: Plan
    facts: BoardFacts
    seconds: Mapping[str, float]
    sent: Sent = field(default_factory=Sent)
    installed: dict[str, Any] | None = None
    health: Health | None = None
    dry_run: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything was changed on the board."""
        return not (self.dry_run or self.plan.nothing)

    def before(self) -> dict[str, Any] | None:
        """The model that was current before."""
        return self.facts.current.slot if self.facts.current else None

    def after(self) -> dict[str, Any] | None:
        """The model that is current now."""
        return self.installed["current"] if self.installed else self.before()

    def service(self) -> dict[str, str] | None:
        """The unit that was restarted, or that was left stopped."""
        unit = self.plan.unit
        if self.health is not None:
            return {"unit": self.health.unit, "state": self.health.state}
        return {"unit": unit.name, "state": unit.active} if unit and unit.stopped else None

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain values."""
        plan, kit = self.plan, self.plan.kit
        return {
            "board": plan.board,
            "dry_run": self.dry_run,
            "changed": self.changed,
            "system": self.facts.os,
            "store": self.facts.store,
            "model": {"path": str(plan.model.path), "sha256": plan.model.sha256, "bytes": plan.model.bytes},
            "will": {"kit": plan.send_kit, "model": plan.send_model, "restart": _name(plan)},
            "signers": plan.signers is not None,
            "kit": {
                "id": kit.id,
                "version": kit.wheel.version,
                "runtime": kit.needs.runtime,
                "python": kit.needs.python.name,
            },
            "before": self.before(),
            "after": self.after(),
            "selftest": (self.installed or {}).get("selftest"),
            "wire_bytes": self.sent.bytes,
            "service": self.service(),
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def board_lines(board: str, facts: BoardFacts) -> list[str]:
    """The board, in lines for a person."""
    python = facts.pythons[0] if facts.pythons else None
    machine = f"Python {python.name}, {python.machine.bits}-bit {python.machine.cpu}" if python else "no Python"
    kit = f"graftkit {facts.kit.version} with {facts.kit.runtime}" if facts.kit else "none"
    lines = [
        f"board      {board}: {facts.os}, {machine}, {facts.free / 1e9:.1f} GB free",
        f"there      kit: {kit}; model: {describe(facts.current.slot) if facts.current else 'none'}",
    ]
    return [printable(line) for line in lines]


def plan_lines(plan: Plan, facts: BoardFacts) -> list[str]:
    """The plan, in lines for a person."""
    if plan.nothing:
        return [f"nothing to do: it is the current model in {printable(facts.store)}"]
    kit = plan.kit
    how = "wheels from here" if kit.offline else "the board's pip downloads the rest"
    steps = []
    if plan.send_kit:
        steps.append(f"install {kit.describe()} for {kit.needs.python.path} in {facts.store}/venv ({how})")
    if plan.signers is not None:
        steps.append(f"write the allowed signers of {plan.signers} to {facts.store}/allowed_signers")
    if plan.send_model:
        signed = " and its signature" if plan.model.signed else ""
        size = f"{plan.model.bytes / 1e6:.1f} MB"
        against = ", sent against the current one" if facts.current else ""
        against += f", {facts.partial / 1e6:.1f} MB are there already" if facts.partial else ""
        steps.append(f"install {plan.model.path.name}{signed} ({size}{against}), after its self-test there")
    if plan.restart and plan.unit:
        steps.append(f"restart {plan.unit.name} and check that it is healthy")
    elif plan.unit and plan.unit.stopped:
        steps.append(f"leave {plan.unit.name} stopped, as it is")
    return [printable(f"{'will' if number == 0 else '':<10} {step}") for number, step in enumerate(steps)]


def outcome_lines(outcome: Outcome) -> list[str]:
    """The changes, in lines for a person."""
    if not outcome.changed:
        return []
    before, after = outcome.before(), outcome.after()
    signers = ["signers    the list of allowed signers was written"] if outcome.plan.signers is not None else []
    lines = [
        *signers,
        f"before     {describe(before) if before else 'no model'}",
        f"now        {describe(after) if after else 'no model'}",
    ]
    test = (outcome.installed or {}).get("selftest")
    if test:
        lines.append(f"self-test  passed ({test['kind']}, {test['runtime']})")
    if outcome.installed:
        share = outcome.sent.bytes / max(1, outcome.plan.model.bytes)
        lines.append(
            f"sent       {outcome.sent.bytes / 1e3:,.0f} kB for {outcome.plan.model.bytes / 1e3:,.0f} kB ({share:.1%})"
        )
    if service := outcome.service():
        left = "" if outcome.health else ", as it was before"
        lines.append(f"service    {service['unit']} is {service['state']}{left}")
    stages = ", ".join(f"{name} {value:.1f}" for name, value in outcome.seconds.items() if name != "total")
    lines.append(f"seconds    {outcome.seconds['total']:.1f} ({stages})")
    return [printable(line) for line in lines]


def describe(slot: Mapping[str, Any]) -> str:
    """A model's name, its slot, and the milliseconds of an inference if they were measured."""
    ms = slot.get("ms")
    speed = f", {ms:.3g} ms an image on this board" if isinstance(ms, (int, float)) else ""
    return f"{slot.get('name') or 'unnamed'} ({slot.get('id', '?')}{speed})"


def _name(plan: Plan) -> str | None:
    return plan.unit.name if plan.unit and plan.restart else None
