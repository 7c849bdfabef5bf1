"""The board: a Debian root, QEMU, and a folder of wheels for each runtime, built once and kept."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from . import wheels
from .arches import ARCHES, OLDEST_QEMU, PACKAGES, PYTHON, QEMU_SUITE, REQUIREMENTS, SUITE, Arch, Runtime
from .debian import Unavailable, download, gist, run
from .kept import name_of, once, write_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["REQUIREMENTS", "Board", "Runtime", "Unavailable", "prepare"]

# QEMU would write a core file of its own, the program's whole memory, into the working folder. Python takes what
# follows -0 for its own name, so that sys.executable can be started.
_LAUNCHER = """\
#!/bin/sh
ulimit -c 0
exec {qemu} -0 "$0" -cpu {cpu} -L {root} {python} "$@"
"""
_ALTERNATIVES = {"blas": "libblas.so.3", "lapack": "liblapack.so.3"}
"""Libraries that Debian's ``update-alternatives`` links when a package is installed."""


@dataclass(frozen=True)
class Board:
    """A board that runs programs; `prepare` creates it.

    Attributes:
        launcher: starts the board's Python on this machine; it is also that Python's ``sys.executable``.
    """

    arch: Arch
    qemu: Path
    root: Path
    launcher: Path
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
        same name. It can start ``sys.executable`` but no other program of the board: this machine's kernel may
        not know Arm programs.

        Args:
            args: what follows ``python`` on the command line.
            runtime: the runtime whose packages can be imported; None for the standard library and Debian's packages.
            extra_path: more folders to import from, after those of the runtime.
            env: variables to add to the few that the board has; it does not get this machine's variables.
            cwd: the working directory; the current one when None.
            timeout: the time limit in seconds.

        Returns:
            What the program printed, and its exit status for the caller to judge; a crash's is negative.

        Raises:
            subprocess.TimeoutExpired: it took too long, and was stopped.
        """
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with self.start(*args, runtime=runtime, extra_path=extra_path, env=env, cwd=cwd, **pipes) as process:
            output, errors = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    @contextlib.contextmanager
    def start(
        self,
        *args: str | Path,
        runtime: Runtime | None,
        extra_path: Sequence[str | Path] = (),
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        stdout: IO[str] | int,
        stderr: IO[str] | int,
    ) -> Iterator[subprocess.Popen[str]]:
        """Starts the board's Python; if it still runs at the end of the block, it is killed with what it started.

        Signals to the process reach the program.
        """
        with subprocess.Popen(
            [self.launcher, *args],
            env={**self._environment(runtime, extra_path), **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def _environment(self, runtime: Runtime | None, extra_path: Sequence[str | Path]) -> dict[str, str]:
        sites = [] if runtime is None else [self.sites[runtime]]
        kept = {name: os.environ[name] for name in ("HOME", "PATH", "TMPDIR") if name in os.environ}
        return {
            **kept,
            "LANG": "C.UTF-8",
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONPATH": os.pathsep.join(str(Path(each).resolve()) for each in [*sites, *extra_path]),
            "PYTHONNOUSERSITE": "1",
            # Compiling numpy at every start would take seconds. Kept apart, it stays out of checkouts.
            "PYTHONPYCACHEPREFIX": str(self.bytecode),
        }


def prepare(folder: Path, arch: str = "arm64", requirements: Mapping[Runtime, Sequence[str]] = REQUIREMENTS) -> Board:
    """Returns a board, and builds the parts of it that are missing in `folder`.

    The name of a part depends on what it was built from, so other requirements are installed beside earlier ones.
    Several processes may prepare one folder at the same time.

    Raises:
        Unavailable: there is no apt, no Debian or no network, or the emulator doesn't run here.
        RuntimeError: the requirements can't be installed together, or don't work on the board.
        ValueError: an unknown `arch`.
    """
    if arch not in ARCHES:
        raise ValueError(f"unknown architecture {arch!r}: choose one of {', '.join(ARCHES)}")
    machine = ARCHES[arch]
    folder = folder.resolve()
    packages = [*PACKAGES, *machine.packages]
    root = once(
        folder / name_of(machine.debian, SUITE, packages), lambda part: _build_root(part, machine.debian, packages)
    )
    qemu = _qemu(folder, machine)
    board = Board(machine, qemu, root, _launcher(folder, machine, qemu, root), folder / "bytecode")
    _check_emulator(board)
    sites = {
        runtime: wheels.site(folder, board, runtime, wanted)
        for runtime, wanted in requirements.items()
        if runtime in machine.runtimes
    }
    return replace(board, sites=sites)


def _build_root(part: Path, arch: str, packages: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        for package in download(Path(scratch), arch, SUITE, packages):
            run("dpkg", "-x", package, part)
    for folder, name in _ALTERNATIVES.items():
        for library in part.glob(f"usr/lib/*/{folder}/{name}"):
            (library.parents[1] / name).symlink_to(f"{folder}/{name}")


def _qemu(folder: Path, arch: Arch) -> Path:
    """Finds this machine's QEMU if it is recent enough, or takes Debian's."""
    program = f"qemu-{arch.qemu}"
    for name in (f"{program}-static", program):
        path = shutil.which(name)
        version = re.search(r"version (\d+)", run(path, "--version")) if path else None
        if path and version and int(version[1]) >= OLDEST_QEMU:
            return Path(path)
    return once(folder / f"{program}-{QEMU_SUITE}", lambda part: _build_qemu(part, program)) / program


def _build_qemu(part: Path, program: str) -> None:
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        download(Path(scratch), run("dpkg", "--print-architecture").strip(), QEMU_SUITE, ["qemu-user"])
        package = next(Path(scratch).glob("cache/archives/qemu-user_*.deb"))
        # Unpacked whole, it would be 450 MB of emulators.
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
            wanted = ("--strip-components=3", f"./usr/bin/{program}")
            run("tar", "--extract", "--directory", part, *wanted, stdin=archive.stdout)


def _launcher(folder: Path, arch: Arch, qemu: Path, root: Path) -> Path:
    """Writes the program that starts the board's Python; it contains absolute paths, so it must not be copied."""
    python = root / f"usr/bin/python{PYTHON}"
    quoted = {"qemu": qemu, "root": root, "python": python}
    text = _LAUNCHER.format(cpu=arch.cpu, **{name: shlex.quote(str(path)) for name, path in quoted.items()})
    return write_program(folder / f"{arch.debian}-python{PYTHON}", text)


def _check_emulator(board: Board) -> None:
    program = f"import bz2, ctypes, hashlib, lzma, os, sqlite3, ssl, uuid, zlib; os.listdir({str(board.root)!r})"
    try:
        done = board.python("-c", program, runtime=None)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the emulator doesn't start: {error}") from error
    if done.returncode:
        raise Unavailable(f"emulated Python exits with {done.returncode}: {gist(done.stderr)}")
