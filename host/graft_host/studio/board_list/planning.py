"""Shows what a deployment would do, and reads what one did."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from graft_device.text import printable
from graft_host.deploy.deploy import deploy
from graft_host.deploy.outcome import Outcome, describe
from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.choices import Deploying
from graft_host.studio.project.folder import Project

StepKind = Literal["nothing", "kit", "kit_offline", "signers", "model", "restart", "stopped", "unused"]


@dataclass(frozen=True)
class Step:
    """A step of a plan.

    Attributes:
        kind: which step.
        values: what the text of the step needs, by the names of its places.
    """

    kind: StepKind
    values: dict[str, str]


@dataclass(frozen=True)
class Planned:
    """What a deployment would do.

    Attributes:
        steps: in order.
        there: the model that the board uses now; empty for none.
    """

    steps: tuple[Step, ...]
    there: str

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return any(step.kind == "nothing" for step in self.steps)


def plan_deployment(project: Project, chosen: Deploying, cache: Path | None) -> Planned:
    """Looks at the board and reports what a deployment would do; changes nothing there.

    Args:
        project: with the model.
        chosen: the deployment.
        cache: the folder of caches; the usual one if None.

    Raises:
        ModelError: the file is not a model.
        StudioError: the model is not in the project.
        DeployError: the board cannot be reached, or cannot take the model.
    """
    path = project.inside(chosen.model)
    outcome = deploy(path, parse_target(chosen.board), chosen.options(cache, dry_run=True), lambda _line: None)
    current = outcome.facts.current
    return Planned(tuple(_steps(outcome)), printable(describe(current.slot)) if current else "")


def _steps(outcome: Outcome) -> list[Step]:
    plan, facts = outcome.plan, outcome.facts
    if plan.nothing:
        return [Step("nothing", {"model": plan.model.path.name})]
    steps = []
    if plan.send_kit:
        kind: StepKind = "kit_offline" if plan.kit.offline else "kit"
        place = printable(f"{facts.store}/venv")
        steps.append(Step(kind, {"kit": plan.kit.describe(), "python": plan.kit.needs.python.name, "place": place}))
    if plan.signers is not None:
        steps.append(Step("signers", {"store": printable(facts.store)}))
    if plan.send_model:
        size = f"{plan.model.bytes / 1e6:.1f} MB"
        steps.append(Step("model", {"model": plan.model.path.name, "size": size, "store": printable(facts.store)}))
    if plan.restart and plan.unit:
        steps.append(Step("restart", {"unit": printable(plan.unit.name)}))
    elif plan.unit and plan.unit.stopped:
        steps.append(Step("stopped", {"unit": printable(plan.unit.name)}))
    elif plan.unit is None:
        steps.append(Step("unused", {}))
    return steps
