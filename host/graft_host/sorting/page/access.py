"""Lets the browsers of one person use the page, and no other user of this machine.

The address of the page ends in a code that works once. The browser exchanges it for the token that each request needs.
Who reads the code later, for example in the list of processes, cannot use it, and who uses it first is noticed.
"""

from __future__ import annotations

import secrets

_BYTES = 24
_MOST_CODES = 16


class Access:
    """The token of a server, and the codes that are exchanged for it.

    Attributes:
        token: what each request must have.
    """

    def __init__(self, token: str | None = None) -> None:
        """Creates one without codes.

        Args:
            token: of an earlier run, whose windows may still be open; a new one if None.
        """
        self.token = token or secrets.token_urlsafe(_BYTES)
        self._codes: list[str] = []

    def issue(self) -> str:
        """Makes a code; the oldest of more than 16 that nobody used is no longer valid."""
        self._codes = [*self._codes[1 - _MOST_CODES :], secrets.token_urlsafe(_BYTES)]
        return self._codes[-1]

    def redeem(self, code: str) -> bool:
        """Uses a code up; False if it is not valid."""
        given = code.encode()
        for known in self._codes:
            if secrets.compare_digest(known.encode(), given):
                self._codes.remove(known)
                return True
        return False
