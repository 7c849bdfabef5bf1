"""Kills the studio before each step of ignoring a finding; ``sys.argv[1]`` is a folder for the project."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.remedies.found import Found, FoundPhoto
from graft_host.studio.remedies.ignored import Ignored
from tests.support.killing import kills


def finding(name: str) -> Found:
    """A finding about a photo."""
    photo = FoundPhoto(id=f"cat/{name}.jpg", digest=name, label="cat")
    return Found(kind="tiny", photos=(photo,), labels=("cat",), figures={})


def main() -> None:
    """Ignores a second finding after a first one."""
    root = Path(sys.argv[1])

    def prepare() -> None:
        shutil.rmtree(root, ignore_errors=True)
        Ignored(open_project(root)).add([finding("a")])

    for found in kills(root.with_name("step"), prepare, lambda: Ignored(Project(root)).add([finding("b")])):
        ignored = Ignored(Project(root))
        found["entries"] = len(ignored.entries())
        ignored.add([finding("b")])
        found["again"] = len(ignored.entries())
        sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
