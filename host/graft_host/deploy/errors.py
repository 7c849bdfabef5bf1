"""Why a deployment failed; each kind has an exit status of its own.

Statuses below 10 are those of ``graft-device`` on the board, passed on.
"""

from __future__ import annotations

from graft_device.errors import GraftError

NO_ROOM = 6
"""The board's own status for a store that can't be written, used too where that shows before anything is sent."""


class DeployError(GraftError):
    """A deployment failed; the board runs what it ran before."""

    def __init__(self, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class UnreachableError(DeployError):
    """The board doesn't let us in, or the connection was lost."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 10)


class UnsuitableError(DeployError):
    """The kit can't run on the board: no Python, one that is too old, or no runtime for it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 11)


class UnhealthyError(DeployError):
    """The service did not come up with the new model, and the old one was put back."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 12)
