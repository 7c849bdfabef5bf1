"""A deployment in progress, and how it runs programs on the board."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from graft_device.failure import ENVIRONMENT, Failure
from graft_host.deploy.environment import activate_kit
from graft_host.deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.options import DeployOptions
    from graft_host.deploy.plan import Plan
    from graft_host.deploy.ssh import Connection, Done

_TIMEOUT_S = 1800  # the self-test of a large model on a slow board


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A deployment in progress.

    Attributes:
        connection: the connection to the board.
        facts: the board as it was before anything was changed.
        plan: what will be changed.
        options: how to deploy.
        note: called with a line about each step.
    """

    connection: Connection
    facts: BoardFacts
    plan: Plan
    options: DeployOptions
    note: Callable[[str], None]

    @property
    def board(self) -> str:
        """The board's address, for messages."""
        return self.plan.board

    def run(self, words: Sequence[str], stdin: bytes = b"") -> Done:
        """Runs the Python of the planned kit on the board; its program reports an error as a ``Failure``."""
        python = PurePosixPath(self.facts.store) / "kits" / self.plan.kit.id / "bin" / "python"
        return self.connection.run([str(python), *words], stdin=stdin, timeout=_TIMEOUT_S, environment=ENVIRONMENT)

    def device(self, words: Sequence[str]) -> Done:
        """Runs ``graft-device`` of the planned kit on the board."""
        return self.run(["-I", "-m", "graft_device.cli", *words, "--store", self.facts.store, "--json"])

    def activate(self, kit: str, prune: bool = False) -> None:
        """Makes a kit the one in use; with ``prune`` removes all kits except it and the one before."""
        before = self.facts.kit
        keep = [before.id] if before else []
        activate_kit(self.connection, self.facts, kit, self.plan.kit.needs.python.path, keep, prune)


def answer(job: Deployment, done: Done, otherwise: str = "") -> dict[str, Any]:
    """Parses what a program printed on the board.

    Args:
        job: the deployment that ran the program.
        done: the program's status and output.
        otherwise: what the board does if the program failed, for the message.

    Raises:
        DeployError: the program failed; with the error that it reported and its status.
    """
    if done.status:
        failure = Failure.read(done.errors) or Failure(_last_line(done.errors))
        what = f"{failure.what}; {otherwise}" if otherwise else failure.what
        raise DeployError(what, failure.remedy, board=job.board, exit_status=done.status)
    result: dict[str, Any] = json.loads(done.output.strip().rpartition("\n")[2])
    return result


def _last_line(text: str) -> str:
    """What a program wrote last that crashed or was called wrongly."""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
