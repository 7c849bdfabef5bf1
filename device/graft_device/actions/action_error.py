"""The error of an action that cannot be set up."""

from __future__ import annotations

from graft_device.errors import GraftError


class ActionError(GraftError):
    """A webhook, program, pin or notification service cannot be used as it was given, or a rule cannot be read."""
