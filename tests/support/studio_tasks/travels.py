"""The same for the lane of boards, where it is not done unasked after an hour."""

from __future__ import annotations

from dataclasses import replace

from tests.support.studio_tasks.waits import task

TASK = replace(task("travels", "boards"), fresh_s=3600.0)
