"""The same for the lane of boards."""

from __future__ import annotations

from tests.support.studio_tasks.waits import task

TASK = task("travels", "boards")
