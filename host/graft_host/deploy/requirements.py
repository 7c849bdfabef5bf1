"""Chooses what to install on a board, by the rules of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.runtime_packages import RUNTIMES, no_runtime, requirements
from graft_host.deploy.errors import UnsuitableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graft_host.deploy.facts import BoardFacts, BoardPython

OLDEST = (3, 9)
_FROM_SYSTEM = {"numpy": "python3-numpy", "pillow": "python3-pil"}
_WIDE_BITS = 64


@dataclass(frozen=True)
class Needs:
    """What a board's kit is made from.

    Attributes:
        python: the board's Python that makes the virtual environment.
        runtime: ``litert`` or ``tflite-runtime``.
        packages: the requirements that pip installs beside graftkit.
        system: whether the environment sees the system's packages, for the camera and for packages without wheels.
    """

    python: BoardPython
    runtime: str
    packages: tuple[str, ...]
    system: bool


def find_needs(board: str, facts: BoardFacts, runtime: str = "auto") -> Needs:
    """Chooses a Python and a runtime for a board: ``python3`` if it is suitable.

    Args:
        board: the board's address, for messages.
        facts: the board.
        runtime: ``auto``, or the name of the runtime to use.

    Raises:
        UnsuitableError: none of the board's Pythons is suitable; the remedy makes one so.
    """
    for python in facts.pythons:
        available = requirements(python.machine)
        name = next(iter(available), None) if runtime == "auto" else runtime
        if python.version[:2] >= OLDEST and name in available and python.venv:
            return _needs(board, python, str(name), available[str(name)])
    raise _unsuitable(board, facts.pythons, runtime)


def _needs(board: str, python: BoardPython, runtime: str, packages: Sequence[str]) -> Needs:
    wide = python.machine.bits == _WIDE_BITS
    if not wide:
        # On its default index pip finds no wheels of them for 32-bit Arm.
        lacking = [package for name, package in _FROM_SYSTEM.items() if name not in python.packages]
        if lacking:
            what = "there are no wheels of all packages for its 32-bit Python"
            raise UnsuitableError(what, f"run there: sudo apt install {' '.join(lacking)}", board=board)
    system = not wide or "picamera2" in python.packages
    return Needs(python, runtime, tuple(packages), system)


def _unsuitable(board: str, pythons: Sequence[BoardPython], runtime: str) -> UnsuitableError:
    oldest = ".".join(map(str, OLDEST))
    if not pythons:
        remedy = f"install {oldest} or later there, as with: sudo apt install python3 python3-venv"
        return UnsuitableError("there is no Python", remedy, board=board)
    recent = [python for python in pythons if python.version[:2] >= OLDEST]
    if not recent:
        what = f"it has Python {pythons[0].name}, and {oldest} or later is needed"
        return UnsuitableError(what, "install a newer system on it", board=board)
    fitting = [python for python in recent if requirements(python.machine).keys() & _wanted(runtime)]
    if fitting:
        what = f"its Python {fitting[0].name} cannot make virtual environments"
        return UnsuitableError(what, "run there: sudo apt install python3-venv", board=board)
    missing = no_runtime(recent[0].machine, runtime)
    return UnsuitableError(missing.what, missing.remedy, board=board)


def _wanted(runtime: str) -> set[str]:
    return set(RUNTIMES) if runtime == "auto" else {runtime}
