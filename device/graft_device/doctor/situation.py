"""Gathers the facts that decide whether models run on a board; a missing package is a fact, not an error."""

from __future__ import annotations

import platform
import sys
import sysconfig
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from graft_device.doctor.cameras import Cameras, has_module, read_cameras
from graft_device.doctor.outdated import outdated
from graft_device.failure import Failure
from graft_device.runtime_packages import Machine, this_machine
from graft_device.system.child import ChildError, ask
from graft_device.system.machine import ROOT, Hardware, read_hardware, read_text, usable_cores
from graft_device.system.thermal import Thermal, read_thermal

RUNTIMES = {
    "litert": ("ai_edge_litert", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime", "tflite-runtime"),
}
"""For each runtime, the module to import and the package that contains it. ``graft_device.runtime`` has a similar
table, but importing that module needs numpy."""

_PROBE_TIMEOUT = 120.0


@dataclass(frozen=True)
class PythonFacts:
    """The Python that runs this code.

    Attributes:
        version: the full version, such as ``3.11.2``.
        executable: the path of the interpreter.
        cores: the number of cores that this process may use.
        venv: whether this Python is in a virtual environment.
        system_packages: whether it sees the packages that the system's package manager installed.
        managed: whether pip refuses to install outside a virtual environment (PEP 668).
        libc: the C library and its version, or ``not glibc``.
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
    """The state of a package.

    Attributes:
        version: the installed version; None if the package is not installed.
        error: why the package does not work; None if it does.
    """

    version: str | None
    error: Failure | None = None

    @property
    def works(self) -> bool:
        """Whether the package can be imported."""
        return self.version is not None and self.error is None

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, with the error as text."""
        return {**self.__dict__, "error": None if self.error is None else str(self.error)}


@dataclass(frozen=True)
class RuntimeState(Package):
    """The state of a runtime.

    Attributes:
        runs: the kinds of tiny network that the runtime ran, ``int8`` and ``float32``.
        models: for each model file, why the runtime can't open it; None if it can.
    """

    runs: tuple[str, ...] = ()
    models: dict[str, str | None] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether the runtime ran a tiny network and opened every model file."""
        return bool(self.runs) and not any(self.models.values())

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, with the error as text."""
        return {**super().to_json(), "runs": list(self.runs)}


@dataclass(frozen=True)
class Situation:
    """All the facts about a board that ``checks`` evaluates."""

    machine: Machine
    hardware: Hardware
    python: PythonFacts
    numpy: Package
    pillow: Package
    runtimes: dict[str, RuntimeState]
    cameras: Cameras
    thermal: Thermal
    outdated: dict[str, str] = field(default_factory=dict)

    @property
    def usable(self) -> tuple[str, ...]:
        """The runtimes that can classify photos, best first."""
        if not (self.numpy.works and self.pillow.works):
            return ()
        return tuple(name for name, state in self.runtimes.items() if state.usable)


def gather(root: Path = ROOT, models: tuple[Path, ...] = ()) -> Situation:
    """Gathers all facts. This takes a second or two, since each runtime is tested in a child process.

    Args:
        root: the folder that holds ``proc``, ``sys``, ``etc`` and ``dev``.
        models: model files that each runtime has to open.
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
        outdated=outdated(),
    )


def read_python(prefix: Path | None = None, stdlib: Path | None = None) -> PythonFacts:
    """Reads the facts about the running Python.

    Args:
        prefix: the folder of the virtual environment; the running Python's when None.
        stdlib: the folder of the standard library, where Debian marks a Python as managed; the running Python's when
            None.
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
    """The machine as plain values: the fields of ``Hardware``, the architecture, Python's bits, and usable cores."""
    machine = this_machine()
    return {
        **read_hardware(root).to_json(),
        "architecture": machine.cpu,
        "bits": machine.bits,
        "cores": usable_cores(),
    }


def describe_versions() -> dict[str, str | None]:
    """The versions of Python, numpy, Pillow and the runtimes; None for a package that is not installed."""
    packages = {"numpy": ("numpy", "numpy"), "pillow": ("PIL", "pillow"), **RUNTIMES}
    versions = {name: _version(package) if has_module(module) else None for name, (module, package) in packages.items()}
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
        return RuntimeState(version, Failure("not tested, since it needs numpy"))
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
    except Exception:  # noqa: BLE001  damaged package metadata must not stop the report
        return "unknown version"
