"""The error of the studio."""

from __future__ import annotations

from graft_device.errors import GraftError


class StudioError(GraftError):
    """The studio cannot do what was asked."""
