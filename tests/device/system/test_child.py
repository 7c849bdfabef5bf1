"""Child processes: files in the folder where a user happens to be have no influence on them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHONS = [sys.executable, *map(str, sorted(Path.home().glob(".pyenv/versions/3.[91]*/bin/python3.*[0-9]")))]
# A program that a person starts with the folder on its path; it takes what it needs itself from elsewhere.
PARENT = """
import sys
here = sys.path.pop(0)
import json, subprocess
sys.path[:0] = [DEVICE]
from graft_device.system.child import command, module_command
sys.path[:0] = [here, sys.argv[1]]
answers = [subprocess.run(words, capture_output=True, text=True) for words in
           (command("graft_child"), module_command("graft_child"))]
print([answer.stdout.strip() or answer.stderr.strip().splitlines()[-1] for answer in answers])
""".replace("DEVICE", repr(str(ROOT / "device")))
CHILD = """
import sys, json, queue
def main():
    print(json.__file__.count("here") + queue.__file__.count("here"), sys.argv[1:], "here" in "".join(sys.path))
if __name__ == "__main__":
    main()
"""


def versions() -> list[str]:
    """One Python of each version from 3.9 on that runs here."""
    found: dict[str, str] = {}
    for python in PYTHONS:
        done = subprocess.run([python, "-V"], capture_output=True, text=True, check=False)
        version = ".".join(done.stdout.split()[-1].split(".")[:2]) if done.returncode == 0 and done.stdout else ""
        if version.startswith("3.") and int(version[2:]) >= 9:
            found.setdefault(version, python)
    return list(found.values())


@pytest.mark.parametrize("python", versions())
@pytest.mark.parametrize("how", ["-c", "-m", "script"])
def test_the_working_folder_is_not_on_the_path(python: str, how: str, tmp_path: Path) -> None:
    here, modules = tmp_path / "here", tmp_path / "modules"
    here.mkdir()
    modules.mkdir()
    (modules / "graft_child.py").write_text(CHILD)
    (here / "graft_parent.py").write_text(PARENT)
    for name in ("queue", "numpy", "json", *(() if how == "-m" else ("runpy", "importlib"))):
        (here / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    words = {"-c": ["-c", PARENT], "-m": ["-m", "graft_parent"], "script": ["graft_parent.py"]}[how]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [python, *words, str(modules)], cwd=here, env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == str(["0 [] False"] * 2), done.stderr
