"""Which TFLite runtime can be installed on which machine, and the command that installs it.

The text of this module is a program, too: ``python -I -c TEXT`` prints as JSON what fits the machine that runs it. For
that it imports nothing of graftkit when it starts.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graft_device.errors import RuntimeMissingError

_LITERT_CPUS = frozenset({"x86_64", "amd64", "aarch64", "arm64"})
_TFLITE_CPUS = frozenset({"x86_64", "aarch64", "armv7l", "armv8l"})
_LITERT_GLIBC = (2, 27)
"""From the names of the wheels of ai-edge-litert 2.3.0, manylinux_2_27; there are none for musl."""

_PIP = "python3 -m pip install"
RUNTIMES = ("litert", "tflite-runtime")


@dataclass(frozen=True)
class Machine:
    """The properties of a machine that decide which wheels fit.

    Attributes:
        cpu: the architecture as the kernel names it, in lower case.
        bits: 32 or 64, the pointer size of Python; a 32-bit system may run on a 64-bit kernel.
        python: major and minor version of Python.
        glibc: major and minor version of glibc; None for another C library.
        linux: whether the system is Linux.
    """

    cpu: str
    bits: int
    python: tuple[int, int]
    glibc: tuple[int, int] | None
    linux: bool


def this_machine() -> Machine:
    """The machine that runs this process."""
    library, version = platform.libc_ver()
    parts = version.split(".")
    glibc = (int(parts[0]), int(parts[1])) if library == "glibc" and len(parts) > 1 else None
    return Machine(
        platform.machine().lower(),
        struct.calcsize("P") * 8,
        (sys.version_info[0], sys.version_info[1]),
        glibc,
        sys.platform == "linux",
    )


def requirements(machine: Machine) -> dict[str, tuple[str, ...]]:
    """The packages that pip installs for each runtime that is available for a machine, best runtime first."""
    packages = {"litert": _litert(machine), "tflite-runtime": _tflite_runtime(machine)}
    return {name: names for name, names in packages.items() if names}


def install_line(machine: Machine, runtime: str = "auto") -> str | None:
    """The shell command that installs a runtime; None if no runtime is available for the machine.

    Args:
        machine: the machine to install it on.
        runtime: ``auto``, ``litert`` or ``tflite-runtime``.
    """
    available = requirements(machine)
    packages = available.get(runtime) if runtime in RUNTIMES else next(iter(available.values()), None)
    if not packages:
        return None
    return " ".join([_PIP, *(f'"{package}"' if set(package) & set("<=>") else package for package in packages)])


def no_runtime(machine: Machine, runtime: str = "auto") -> RuntimeMissingError:
    """The error for a machine for which there is no runtime; arguments as for ``install_line``."""
    from graft_device.errors import RuntimeMissingError

    name = runtime if runtime in RUNTIMES else "runtime"
    python = f"{machine.bits}-bit Python {machine.python[0]}.{machine.python[1]}"
    return RuntimeMissingError(
        f"there is no {name} for {python} on {machine.cpu}",
        "use a 64-bit system on Arm or x86 with Python 3.10 or later, or on 32-bit Arm Python 3.9 to 3.11",
    )


def not_installed(machine: Machine, runtime: str = "auto") -> RuntimeMissingError:
    """The error for a machine without a runtime, with the command that installs one; arguments as there."""
    from graft_device.errors import RuntimeMissingError

    what = "no TFLite runtime is installed" if runtime == "auto" else f"{runtime} is not installed"
    line = install_line(machine, runtime)
    if line is None:
        unavailable = no_runtime(machine, runtime)
        return RuntimeMissingError(f"{what}, and {unavailable.what}", unavailable.remedy)
    return RuntimeMissingError(what, f"install one with: {line}")


def _litert(machine: Machine) -> tuple[str, ...]:
    library = not machine.linux or (machine.glibc is not None and machine.glibc >= _LITERT_GLIBC)
    fits = library and machine.bits == 64 and machine.cpu in _LITERT_CPUS and machine.python >= (3, 10)  # noqa: PLR2004
    return ("ai-edge-litert",) if fits else ()


def _tflite_runtime(machine: Machine) -> tuple[str, ...]:
    arm32 = machine.bits == 32 and machine.cpu in {"armv7l", "armv8l", "aarch64"}  # noqa: PLR2004
    wide = machine.bits == 64 and machine.cpu in _TFLITE_CPUS  # noqa: PLR2004
    if not (machine.linux and machine.glibc and (arm32 or wide) and (3, 9) <= machine.python <= (3, 11)):
        return ()
    version = "2.14.0" if machine.glibc >= (2, 34) else "2.13.0"
    return (f"tflite-runtime=={version}", "numpy<2")


def _describe_this_machine() -> str:
    """What fits this machine, as JSON.

    Has ``python``, the path of its executable, ``version``, ``runtimes`` as ``requirements`` returns them, and
    ``system``: whether a virtual environment has to see the system's packages, for the camera and for packages without
    wheels.
    """
    machine = this_machine()
    system = machine.bits == 32 or importlib.util.find_spec("picamera2") is not None  # noqa: PLR2004
    python, version = os.path.realpath(sys.executable), ".".join(map(str, machine.python))
    return json.dumps({"python": python, "version": version, "runtimes": requirements(machine), "system": system})


if __name__ == "__main__":
    sys.stdout.write(f"{_describe_this_machine()}\n")
