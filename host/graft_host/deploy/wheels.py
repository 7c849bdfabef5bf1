"""Downloads the wheels that a board needs, with pip on this machine, for the board's Python, CPU and C library."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import zipfile
from email.parser import Parser
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from graft_device.system.child import module_command
from graft_host.deploy.errors import DeployError
from graft_host.deploy.kit import PROJECT
from graft_host.export.staging import staging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graft_device.runtime_packages import Machine
    from graft_host.deploy.kit import KitWheel

_OLDEST_GLIBC_MINOR = 5  # manylinux1
_ROUNDS = 10


def fetch(
    cache: Path, machine: Machine, kit: KitWheel, extras: Sequence[str], packages: Sequence[str], present: Sequence[str]
) -> list[Path]:
    """The wheels of everything except graftkit itself; from the cache if they were downloaded before.

    Args:
        cache: the folder of downloaded wheels, with a folder in it for each kind of board.
        machine: the board's machine.
        kit: the wheel whose dependencies are needed.
        extras: the extras of graftkit to install.
        packages: further requirements.
        present: the canonical names of packages that the board's system already has.

    Raises:
        DeployError: pip found no wheel, or cannot reach its index.
    """
    direct = [*packages, *_dependencies(kit.data, machine, extras)]
    wanted = sorted({text for text in direct if canonicalize_name(Requirement(text).name) not in present})
    name = hashlib.sha256("\n".join([*_tags(machine), *wanted, *present]).encode()).hexdigest()[:12]
    folder = cache / f"cp{machine.python[0]}{machine.python[1]}-{machine.cpu}-{name}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with staging(folder) as partial:
            _fetch_all(partial, machine, wanted, frozenset(present))
            try:
                (partial / "wheels").rename(folder)
            except OSError:
                if not folder.is_dir():  # another deployment was faster
                    raise
    return sorted(folder.glob("*.whl"))


def _fetch_all(partial: Path, machine: Machine, wanted: list[str], present: frozenset[str]) -> None:
    """Downloads until nothing is missing: pip evaluates markers for the Python that runs it, and may leave some out."""
    wheels = partial / "wheels"
    wheels.mkdir()
    alone = bool(present)  # otherwise pip would look for wheels of packages that the board has
    for _ in range(_ROUNDS):
        _pip(wheels, machine, wanted, alone)
        missing = _missing(wheels, machine, present)
        if not missing:
            return
        wanted = [*wanted, *missing]
    raise DeployError(f"the dependencies are not complete after {_ROUNDS} downloads: {', '.join(wanted)}")


def _missing(wheels: Path, machine: Machine, present: frozenset[str]) -> list[str]:
    paths = sorted(wheels.glob("*.whl"))
    available = {parse_wheel_filename(path.name)[0] for path in paths} | present
    needed = {text for path in paths for text in _dependencies(path.read_bytes(), machine, ())}
    return sorted(text for text in needed if canonicalize_name(Requirement(text).name) not in available)


def _pip(wheels: Path, machine: Machine, wanted: Sequence[str], alone: bool) -> None:
    major, minor = machine.python
    platforms = [f"--platform={tag}" for tag in _tags(machine)]
    target = [f"--python-version={major}.{minor}", "--implementation=cp", *platforms]
    options = ["--quiet", "--disable-pip-version-check", "--only-binary=:all:", f"--dest={wheels}"]
    command = module_command("pip", "download", *options, *target, *(["--no-deps"] if alone else []), *wanted)
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
        env={**os.environ, "PIP_NO_INPUT": "1"},
    )  # fmt: skip
    if done.returncode:
        lines = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = lines[-1] if lines else (done.stderr.strip().rpartition("\n")[2] or "no reason given")
        what = f"pip cannot download what the board needs ({reason})"
        raise DeployError(what, "connect this machine to a network for the first --offline")


def _dependencies(wheel: bytes, machine: Machine, extras: Sequence[str]) -> Iterator[str]:
    """The requirements of a wheel on the board, without markers and without graftkit."""
    with zipfile.ZipFile(BytesIO(wheel)) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        described = Parser().parsestr(archive.read(name).decode(), headersonly=True)
    for text in described.get_all("Requires-Dist") or []:
        requirement = Requirement(text)
        if requirement.marker and not any(
            requirement.marker.evaluate({**_environment(machine), "extra": extra}) for extra in ("", *extras)
        ):
            continue
        if canonicalize_name(requirement.name) != PROJECT:
            requirement.marker = None
            yield str(requirement)


def _environment(machine: Machine) -> dict[str, str]:
    version = ".".join(map(str, machine.python))
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "python_version": version,
        "python_full_version": f"{version}.0",
        "platform_machine": machine.cpu,
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }


def _tags(machine: Machine) -> list[str]:
    """All platform tags that fit, best first, since pip does not derive one from another."""
    cpu = "armv7l" if machine.bits == 32 and re.match(r"arm|aarch", machine.cpu) else machine.cpu  # noqa: PLR2004
    newest = machine.glibc[1] if machine.glibc else _OLDEST_GLIBC_MINOR
    minors = range(newest, _OLDEST_GLIBC_MINOR - 1, -1)
    return [*(f"manylinux_2_{minor}_{cpu}" for minor in minors), f"manylinux2014_{cpu}", f"linux_{cpu}"]
