"""What has to be installed on a board: the rules of ``doctor``, applied to its Pythons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.runtime_packages import RUNTIMES, install_line, requirements
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
        python: of the board, that the virtual environment is made with.
        runtime: ``litert`` or ``tflite-runtime``.
        packages: requirements that pip installs beside the kit.
        system: whether the environment sees the system's packages: for the camera, and for what there are no wheels of.
    """

    python: BoardPython
    runtime: str
    packages: tuple[str, ...]
    system: bool


def find_needs(board: str, facts: BoardFacts, runtime: str = "auto") -> Needs:
    """Chooses a Python and a runtime for a board: ``python3`` if it will do.

    Args:
        board: for messages.
        facts: of the board.
        runtime: ``auto``, or the one to take.

    Raises:
        UnsuitableError: none of its Pythons will do; the message says what will.
    """
    for python in facts.pythons:
        found = requirements(python.machine)
        name = next(iter(found), None) if runtime == "auto" else runtime
        if python.version[:2] >= OLDEST and name in found and python.venv:
            return _needs(board, python, str(name), found[str(name)])
    raise UnsuitableError(_why(board, facts.pythons, runtime))


def _needs(board: str, python: BoardPython, runtime: str, packages: Sequence[str]) -> Needs:
    wide = python.machine.bits == _WIDE_BITS
    if not wide:
        # There are no wheels of them for 32-bit Arm where pip looks by itself.
        lacking = [package for name, package in _FROM_SYSTEM.items() if name not in python.packages]
        if lacking:
            install = f"sudo apt install {' '.join(lacking)}"
            raise UnsuitableError(
                f"{board}: for its 32-bit Python there are no wheels of all packages; there: {install}"
            )
    system = not wide or "picamera2" in python.packages
    return Needs(python, runtime, tuple(packages), system)


def _why(board: str, pythons: Sequence[BoardPython], runtime: str) -> str:
    oldest = ".".join(map(str, OLDEST))
    if not pythons:
        return f"{board} has no Python: install {oldest} or later there, as with: sudo apt install python3 python3-venv"
    recent = [python for python in pythons if python.version[:2] >= OLDEST]
    if not recent:
        return f"{board} has Python {pythons[0].name}, and {oldest} or later is needed: give it a newer system"
    fitting = [python for python in recent if requirements(python.machine).keys() & _wanted(runtime)]
    if fitting:
        name = fitting[0].name
        return f"{board}: its Python {name} makes no virtual environments; there: sudo apt install python3-venv"
    return f"{board}: {install_line(recent[0].machine, runtime)}"


def _wanted(runtime: str) -> set[str]:
    return set(RUNTIMES) if runtime == "auto" else {runtime}
