"""A deployment that is under way, and how it asks the board's own program."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from graft_host.deploy.environment import activate_kit
from graft_host.deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.options import Options
    from graft_host.deploy.plan import Plan
    from graft_host.deploy.ssh import Connection, Done

_TIMEOUT_S = 1800  # the self-test of a large model on a slow board


@dataclass(frozen=True)
class Deployment:
    """One that is under way.

    Attributes:
        connection: to the board.
        facts: of it, before anything was done.
        plan: what is done.
        options: how.
        note: hears what is done, a line each.
    """

    connection: Connection
    facts: BoardFacts
    plan: Plan
    options: Options
    note: Callable[[str], None]

    @property
    def board(self) -> str:
        """Its address, for messages."""
        return self.plan.board

    def run(self, words: Sequence[str], stdin: bytes = b"") -> Done:
        """Runs the Python of the kit that the plan ends with."""
        python = PurePosixPath(self.facts.store) / "kits" / self.plan.kit.id / "bin" / "python"
        return self.connection.run([str(python), *words], stdin=stdin, timeout=_TIMEOUT_S)

    def device(self, words: Sequence[str]) -> Done:
        """Runs ``graft-device`` of that kit."""
        return self.run(["-m", "graft_device.cli", *words, "--store", self.facts.store, "--json"])

    def activate(self, kit: str, prune: bool = False) -> None:
        """Makes a kit the one in use, and with ``prune`` removes all but it and the one before."""
        before = self.facts.kit
        keep = [before.id] if before else []
        activate_kit(self.connection, self.facts, kit, self.plan.kit.needs.python.path, keep, prune)


def answer(job: Deployment, done: Done, otherwise: str = "") -> dict[str, Any]:
    """What a program on the board printed.

    Args:
        job: of which it is a part.
        done: what it left.
        otherwise: what holds where it failed, for the message.

    Raises:
        DeployError: it failed, with its reason and status.
    """
    if done.status:
        lines = [line for line in done.errors.splitlines() if line.strip()]
        said = next(
            (line for line in reversed(lines) if line.startswith("error: ")), lines[-1] if lines else "no reason"
        )
        more = f"; {otherwise}" if otherwise else ""
        raise DeployError(f"{job.board}: {said.removeprefix('error: ')}{more}", done.status)
    found: dict[str, Any] = json.loads(done.output.strip().rpartition("\n")[2])
    return found
