"""The errors of a deployment; each kind has its own exit status.

Statuses below 10 are those of ``graft-device`` on the board, passed on.
"""

from __future__ import annotations

from graft_device.errors import GraftError

NO_ROOM = 6
"""The board's status for a store that cannot be written; also used where this shows before anything is sent."""


class DeployError(GraftError):
    """A deployment failed; the board runs what it ran before.

    Attributes:
        reason: what is wrong, without the board's address.
    """

    def __init__(self, what: str, remedy: str = "", *, board: object = "", exit_status: int | None = None) -> None:
        """Creates the error.

        Args:
            what: what is wrong, without the board's address.
            remedy: what to do about it.
            board: the board's address, which then begins the message. Empty for an error of this machine.
            exit_status: the exit status of the command line; the class's own when None.
        """
        super().__init__(f"{board}: {what}" if board else what, remedy)
        self.reason = what
        if exit_status is not None:
            self.exit_status = exit_status

    def without_board(self) -> str:
        """What is wrong and what to do about it, without the board's address."""
        return f"{self.reason}; {self.remedy}" if self.remedy else self.reason


class UnreachableError(DeployError):
    """The board cannot be reached or refuses the login, or the connection was lost."""

    exit_status = 10


class UnknownKeyError(UnreachableError):
    """The board shows a host key that this machine does not know yet, and a person has to compare it."""


class LoginRefusedError(UnreachableError):
    """The board refuses the login: it does not know the key of this machine, or asks for a password."""


class UnsuitableError(DeployError):
    """The kit cannot run on the board: it has no Python, one that is too old, or no runtime for it."""

    exit_status = 11


class UnhealthyError(DeployError):
    """The service did not start with the new model, and the old one was put back."""

    exit_status = 12
