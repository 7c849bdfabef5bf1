"""The board: a Debian root, QEMU, and one folder of wheels for each runtime, built once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .debian import Unavailable, download, gist, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["REQUIREMENTS", "Board", "Runtime", "Unavailable", "prepare"]

Runtime = Literal["tflite-runtime", "litert"]

REQUIREMENTS: Mapping[Runtime, Sequence[str]] = {
    "tflite-runtime": ("tflite-runtime==2.14.0", "numpy<2", "pillow>=9.1", "typer>=0.19,<0.29"),
    "litert": ("ai-edge-litert>=1.2", "numpy>=1.21", "pillow>=9.1", "typer>=0.19,<0.29"),
}
INTERPRETERS: Mapping[Runtime, str] = {
    "tflite-runtime": "tflite_runtime.interpreter",
    "litert": "ai_edge_litert.interpreter",
}
SUITE, PYTHON, GLIBC_MINOR = "bookworm", "3.11", 36
PACKAGES = (f"python{PYTHON}", "libstdc++6", "zlib1g")
# QEMU 7.2 crashes under LiteRT where it sees the host's /sys, 10.0 does not, and none in between was tried.
QEMU_SUITE, OLDEST_QEMU = "trixie", 10


@dataclass(frozen=True)
class Arch:
    """An architecture: its names at Debian, QEMU and in wheels, and what else it wants from Debian."""

    debian: str
    qemu: str
    cpu: str
    wheels: str
    packages: Sequence[str] = ()


# 32-bit would be Arch("armhf", "arm", "cortex-a53", "armv7l", ("python3-numpy", "python3-pil")), with those
# two and LiteRT out of the requirements, in a folder on a tmpfs (readdir overflows on large inode numbers).
ARCHES: Mapping[str, Arch] = {"arm64": Arch("arm64", "aarch64", "cortex-a72", "aarch64")}


@dataclass(frozen=True)
class Board:
    """A board that runs programs; `prepare` makes it."""

    arch: Arch
    qemu: Path
    root: Path
    bytecode: Path
    sites: Mapping[Runtime, Path] = field(default_factory=dict)

    def python(
        self,
        *args: str | Path,
        runtime: Runtime | None = "tflite-runtime",
        extra_path: Sequence[str | Path] = (),
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Runs the board's Python and waits for it.

        The program sees this machine's files under their own names, unless the board's Debian has one of the
        same name. It can't start a second Python: this machine's kernel may not know Arm programs.

        Args:
            args: what follows ``python`` on the command line.
            runtime: whose packages can be imported; None for the standard library only.
            extra_path: more folders to import from, after the runtime's.
            env: added to the few variables that the board has; this machine's own are kept from it.
            cwd: where to run; here when None.
            timeout: seconds.

        Returns:
            What the program printed, and its exit status for the caller to judge; a crash's is negative.

        Raises:
            subprocess.TimeoutExpired: it took too long, and was stopped.
        """
        # QEMU writes a core file of its own, the program's whole memory, into the working folder.
        emulator = ("prlimit", "--core=0", self.qemu, "-cpu", self.arch.cpu, "-L", self.root)
        sites = [] if runtime is None else [self.sites[runtime]]
        return subprocess.run(
            [*emulator, self.root / f"usr/bin/python{PYTHON}", *args],
            env={**self._environment([*sites, *extra_path]), **(env or {})},
            cwd=cwd,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )

    def _environment(self, path: Sequence[str | Path]) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "LANG": "C.UTF-8",
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONPATH": os.pathsep.join(str(Path(each).resolve()) for each in path),
            "PYTHONNOUSERSITE": "1",
            # Compiling numpy at every start would take seconds. Kept apart, it stays out of checkouts.
            "PYTHONPYCACHEPREFIX": str(self.bytecode),
        }


def prepare(folder: Path, arch: str = "arm64", requirements: Mapping[Runtime, Sequence[str]] = REQUIREMENTS) -> Board:
    """Returns a board, building below `folder` whatever of it isn't there yet.

    Parts are named after what they were made from, so other requirements are installed beside earlier ones.
    Several processes may prepare one folder at the same time.

    Raises:
        Unavailable: no apt, no Debian, no network, or an emulator that doesn't run here.
        RuntimeError: the requirements can't be installed together, or don't work on the board.
        ValueError: an unknown `arch`.
    """
    if arch not in ARCHES:
        raise ValueError(f"unknown architecture {arch!r}: choose one of {', '.join(ARCHES)}")
    machine = ARCHES[arch]
    folder = folder.resolve()
    packages = [*PACKAGES, *machine.packages]
    root = _once(folder / _name(machine, SUITE, packages), lambda part: _build_root(part, machine, packages))
    board = Board(machine, _qemu(folder, machine), root, folder / "bytecode")
    _check_emulator(board)
    sites = {runtime: _site(folder, board, runtime, wanted) for runtime, wanted in requirements.items()}
    return replace(board, sites=sites)


def _name(arch: Arch, what: str, ingredients: Sequence[str]) -> str:
    digest = hashlib.sha256("\n".join(ingredients).encode()).hexdigest()
    return f"{arch.debian}-{what}-{digest[:8]}"


def _once(target: Path, build: Callable[[Path], None]) -> Path:
    """Builds `target` unless it is there: under another name until complete, and by one process at a time."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.with_name(f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            try:
                build(partial)
                partial.rename(target)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return target


def _build_root(part: Path, arch: Arch, packages: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        for package in download(Path(scratch), arch.debian, SUITE, packages):
            run("dpkg", "-x", package, part)


def _qemu(folder: Path, arch: Arch) -> Path:
    """Finds this machine's QEMU if it is recent enough, and takes Debian's otherwise."""
    program = f"qemu-{arch.qemu}"
    for name in (f"{program}-static", program):
        path = shutil.which(name)
        version = re.search(r"version (\d+)", run(path, "--version")) if path else None
        if path and version and int(version[1]) >= OLDEST_QEMU:
            return Path(path)
    return _once(folder / f"{program}-{QEMU_SUITE}", lambda part: _build_qemu(part, program)) / program


def _build_qemu(part: Path, program: str) -> None:
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        download(Path(scratch), run("dpkg", "--print-architecture").strip(), QEMU_SUITE, ["qemu-user"])
        package = next(Path(scratch).glob("cache/archives/qemu-user_*.deb"))
        # Unpacked whole, it would be 450 MB of emulators.
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
            wanted = ("--strip-components=3", f"./usr/bin/{program}")
            run("tar", "--extract", "--directory", part, *wanted, stdin=archive.stdout)


def _check_emulator(board: Board) -> None:
    try:
        done = board.python("-c", "import bz2, ctypes, hashlib, lzma, sqlite3, ssl, uuid, zlib", runtime=None)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the emulator doesn't start: {error}") from error
    if done.returncode:
        raise Unavailable(f"emulated Python exits with {done.returncode}: {gist(done.stderr)}")


def _site(folder: Path, board: Board, runtime: Runtime, requirements: Sequence[str]) -> Path:
    target = folder / _name(board.arch, runtime, requirements)
    return _once(target, lambda part: _build_site(part, board, runtime, requirements))


def _build_site(part: Path, board: Board, runtime: Runtime, requirements: Sequence[str]) -> None:
    pip = importlib.util.find_spec("pip")
    if pip is None or pip.origin is None:
        raise Unavailable(f"{sys.executable} has no pip")
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        try:
            _pip("download", board.arch, f"--dest={scratch}", "--only-binary=:all:", *requirements)
        except RuntimeError as error:
            if "Retrying (" in str(error):
                raise Unavailable(f"pip can't reach its index: {gist(error)}") from error
            raise
        # `pip install` alone would also want every wheel to suit this machine's version of Python.
        wheels = Path(scratch).glob("*.whl")
        alien = ("--no-deps", "--ignore-requires-python", "--no-compile", f"--target={part}")
        _pip("install", board.arch, *alien, *wheels)
    _check_site(replace(board, sites={runtime: part}), runtime, Path(pip.origin).parent)


def _pip(command: str, arch: Arch, *args: str | Path) -> None:
    glibc = [f"manylinux_2_{minor}" for minor in range(GLIBC_MINOR, 16, -1)]  # pip prefers the first
    platforms = [f"--platform={each}_{arch.wheels}" for each in (*glibc, "manylinux2014", "linux")]
    target = (f"--python-version={PYTHON}", "--implementation=cp", *platforms)
    run(sys.executable, "-m", "pip", command, "--quiet", *target, *args)


def _check_site(board: Board, runtime: Runtime, pip: Path) -> None:
    """Checks the packages on the board, as pip chose dependencies by the Python and processor it ran on."""
    env = {"PYTHONDONTWRITEBYTECODE": "1"}  # the site moves when it is complete
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "pip").symlink_to(pip)
        found = board.python("-m", "pip", "check", runtime=runtime, extra_path=[scratch], env=env)
    loaded = board.python("-c", f"import numpy, PIL.Image, {INTERPRETERS[runtime]}", runtime=runtime, env=env)
    for done in (found, loaded):
        if done.returncode:
            raise RuntimeError(f"{runtime} doesn't work on the board:\n{done.stdout}{done.stderr}")
