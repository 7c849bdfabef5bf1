"""A folder of wheels for each runtime, which this machine's pip chooses for the board."""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .arches import GLIBC_MINOR, INTERPRETERS, PYTHON, Arch, Runtime
from .debian import Unavailable, gist, run
from .kept import name_of, once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .board import Board


def site(folder: Path, board: Board, runtime: Runtime, requirements: Sequence[str]) -> Path:
    """Returns the folder with a runtime and the other requirements, and builds it in `folder` the first time.

    Raises:
        Unavailable: there is no pip or no network.
        RuntimeError: the requirements can't be installed together, or don't work on the board.
    """
    wanted = [each for each in requirements if _project(each) not in board.arch.from_debian]
    target = folder / name_of(board.arch.debian, runtime, wanted)
    return once(target, lambda part: _build(part, board, runtime, wanted))


def _build(part: Path, board: Board, runtime: Runtime, requirements: Sequence[str]) -> None:
    pip = importlib.util.find_spec("pip")
    if pip is None or pip.origin is None:
        raise Unavailable(f"{sys.executable} has no pip")
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        try:
            _download(Path(scratch), board.arch, runtime, requirements)
        except RuntimeError as error:
            if "Retrying (" in str(error):
                raise Unavailable(f"pip can't reach its index: {gist(error)}") from error
            raise
        # `pip install` alone would also want every wheel to suit this machine's version of Python.
        wheels = Path(scratch).glob("*.whl")
        alien = ("--no-deps", "--ignore-requires-python", "--no-compile", f"--target={part}")
        _pip("install", board.arch, *alien, *wheels)
    _check(replace(board, sites={runtime: part}), runtime, Path(pip.origin).parent)


def _download(folder: Path, arch: Arch, runtime: Runtime, requirements: Sequence[str]) -> None:
    # A runtime's own dependencies are to be left out where Debian meets them: pip would look for wheels of them.
    alone = [each for each in requirements if arch.from_debian and _project(each) == runtime]
    others = [each for each in requirements if each not in alone]
    options = (f"--dest={folder}", "--only-binary=:all:")
    if alone:
        _pip("download", arch, *options, "--no-deps", *alone)
    _pip("download", arch, *options, *others)


def _pip(command: str, arch: Arch, *args: str | Path) -> None:
    glibc = [f"manylinux_2_{minor}" for minor in range(GLIBC_MINOR, 16, -1)]  # pip prefers the first
    platforms = [f"--platform={each}_{arch.wheels}" for each in (*glibc, "manylinux2014", "linux")]
    target = (f"--python-version={PYTHON}", "--implementation=cp", *platforms)
    run(sys.executable, "-m", "pip", command, "--quiet", *target, *args)


def _check(board: Board, runtime: Runtime, pip: Path) -> None:
    """Checks the packages on the board, since pip chose dependencies for the Python and processor that it ran on."""
    env = {"PYTHONDONTWRITEBYTECODE": "1"}  # the site moves when it is complete
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "pip").symlink_to(pip)
        found = board.python("-m", "pip", "check", runtime=runtime, extra_path=[scratch], env=env)
    loaded = board.python("-c", f"import numpy, PIL.Image, {INTERPRETERS[runtime]}", runtime=runtime, env=env)
    for done in (found, loaded):
        if done.returncode:
            raise RuntimeError(f"{runtime} doesn't work on the board:\n{done.stdout}{done.stderr}")


def _project(requirement: str) -> str:
    """The name at the start of a requirement."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
