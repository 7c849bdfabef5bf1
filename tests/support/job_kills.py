"""Kills a studio before each step in which it writes jobs; a program, see ``tests.support.killing``."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from graft_host.studio.jobs.files import JobFiles
from tests.support.killing import kills
from tests.support.studio_jobs import jobs_of


def main() -> None:
    """Adds a job, writes its end, and removes an older one, in the folder ``sys.argv[1]``."""
    place = Path(sys.argv[1])

    def prepare() -> None:
        shutil.rmtree(place, ignore_errors=True)
        jobs = jobs_of(place)
        jobs.cancel(jobs.add("waits", {"name": "old"}, "old").id)

    def act() -> None:
        jobs = jobs_of(place)
        (old,) = jobs.all()
        new = jobs.add("waits", {"name": "new"}, "new")
        JobFiles(place / ".studio" / "jobs" / new.id).write(replace(new, state="done", ended=1.0, result={"a": 1}))
        jobs.remove(old.id)

    for found in kills(place.with_name("step"), prepare, act):
        notes: list[str] = []
        jobs = jobs_of(place, notes.append)
        found["jobs"] = [[job.title, job.state] for job in jobs.all()]
        found["added"] = jobs.add("waits", {"name": "next"}, "next").id == jobs.all()[0].id
        found["notes"] = notes
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
