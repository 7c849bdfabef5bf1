"""All that decides what runs on a board, gathered without a traceback whatever is missing."""

from __future__ import annotations

import platform
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from graft_device.doctor.cameras import Cameras, has_module, read_cameras
from graft_device.failure import Failure
from graft_device.runtime_packages import Machine, this_machine
from graft_device.system.child import ChildError, ask
from graft_device.system.machine import ROOT, Hardware, read_hardware, read_text, usable_cores
from graft_device.system.thermal import Thermal, read_thermal

RUNTIMES = {
    "litert": ("ai_edge_litert", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime", "tflite-runtime"),
}
"""Of each runtime the module that is imported and the package that brings it. ``graft_device.runtime`` has the like,
but needs numpy."""

_PROBE_TIMEOUT = 120.0


@dataclass(frozen=True)
class PythonFacts:
    """The Python that this runs in.

    Attributes:
        version: in full.
        executable: where it is.
        cores: that it may use.
        venv: whether it is a virtual environment's.
        system_packages: whether it sees what the system's package manager installed.
        managed: whether pip refuses to install outside a virtual environment (PEP 668).
        libc: the C library and its version, as far as it can be told.
    """

    version: str
    executable: str
    cores: int
    venv: bool
    system_packages: bool
    managed: bool
    libc: str


@dataclass(frozen=True)
class Package:
    """A package.

    Attributes:
        version: its version; None where it is not installed.
        error: why it does not work; None where it does.
    """

    version: str | None
    error: Failure | None = None

    @property
    def works(self) -> bool:
        """Whether it can be imported."""
        return self.version is not None and self.error is None

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, the error as a text."""
        return {**self.__dict__, "error": None if self.error is None else str(self.error)}


@dataclass(frozen=True)
class RuntimeState(Package):
    """A runtime: also which kinds of tiny network it ran, and of each model file why it can't be opened, if so."""

    runs: tuple[str, ...] = ()
    models: dict[str, str | None] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether it ran something, and opened each model that it was given."""
        return bool(self.runs) and not any(self.models.values())

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, the error as a text."""
        return {**super().to_json(), "runs": list(self.runs)}


@dataclass(frozen=True)
class Situation:
    """Everything that ``checks`` judges."""

    machine: Machine
    hardware: Hardware
    python: PythonFacts
    numpy: Package
    pillow: Package
    runtimes: dict[str, RuntimeState]
    cameras: Cameras
    thermal: Thermal

    @property
    def usable(self) -> tuple[str, ...]:
        """The runtimes under which photos can be classified, best first."""
        if not (self.numpy.works and self.pillow.works):
            return ()
        return tuple(name for name, state in self.runtimes.items() if state.usable)


def gather(root: Path = ROOT, models: tuple[Path, ...] = ()) -> Situation:
    """Looks at everything; takes a second or two, as each runtime is tried in a process of its own.

    Args:
        root: where ``proc``, ``sys``, ``etc`` and ``dev`` are.
        models: files that each runtime shall open.
    """
    numpy = _package("numpy", "numpy")
    pillow = _package("PIL", "pillow")
    return Situation(
        machine=this_machine(),
        hardware=read_hardware(root),
        python=read_python(),
        numpy=numpy,
        pillow=pillow,
        runtimes={name: _runtime(name, numpy, models) for name in RUNTIMES},
        cameras=read_cameras(root),
        thermal=read_thermal(root),
    )


def read_python(prefix: Path | None = None, stdlib: Path | None = None) -> PythonFacts:
    """Looks at the running Python.

    Args:
        prefix: of the virtual environment; the running one's when None.
        stdlib: where Debian marks a Python as managed; the running one's when None.
    """
    prefix = prefix or Path(sys.prefix)
    stdlib = stdlib or Path(sysconfig.get_path("stdlib"))
    config = read_text(prefix / "pyvenv.cfg")
    return PythonFacts(
        version=platform.python_version(),
        executable=sys.executable or "unknown",
        cores=usable_cores(),
        venv=bool(config),
        system_packages=not config or "include-system-site-packages = true" in config.lower(),
        managed=(stdlib / "EXTERNALLY-MANAGED").is_file(),
        libc=" ".join(filter(None, platform.libc_ver())) or "not glibc",
    )


def describe_machine(root: Path = ROOT) -> dict[str, Any]:
    """The machine as plain values: ``Hardware``'s, and architecture, bits (Python's) and usable cores."""
    machine = this_machine()
    return {
        **read_hardware(root).to_json(),
        "architecture": machine.cpu,
        "bits": machine.bits,
        "cores": usable_cores(),
    }


def describe_versions() -> dict[str, str | None]:
    """The versions of Python and of what a model runs with; None where it is not installed."""
    found = {"numpy": ("numpy", "numpy"), "pillow": ("PIL", "pillow"), **RUNTIMES}
    versions = {name: _version(package) if has_module(module) else None for name, (module, package) in found.items()}
    return {"python": platform.python_version(), **versions}


def _package(module: str, package: str) -> Package:
    if not has_module(module):
        return Package(None)
    try:
        answer = ask("graft_device.doctor.probe", module, timeout=_PROBE_TIMEOUT).value
    except ChildError as error:
        return Package(_version(package), Failure.of(error))
    return Package(answer["version"] or _version(package), _failure(answer))


def _runtime(name: str, numpy: Package, models: tuple[Path, ...]) -> RuntimeState:
    module, package = RUNTIMES[name]
    if not has_module(module):
        return RuntimeState(None)
    version = _version(package)
    if not numpy.works:
        return RuntimeState(version, Failure("cannot be tried: it needs numpy"))
    try:
        answer = ask("graft_device.doctor.probe", name, *map(str, models), timeout=_PROBE_TIMEOUT).value
    except ChildError as error:
        return RuntimeState(version, Failure.of(error))
    return RuntimeState(version, _failure(answer), tuple(answer["runs"]), answer["models"])


def _failure(answer: dict[str, Any]) -> Failure | None:
    return None if answer["error"] is None else Failure(**answer["error"])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except Exception:  # noqa: BLE001  a damaged record of a package is no reason to stop
        return "of an unknown version"
