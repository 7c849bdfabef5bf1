"""A board that tests start, use and end."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.ports import free_port
from tests.support.remote.root import HOME, UID, USER, Spec, container_command, make_root, mount_script

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "HOME",
    "UID",
    "USER",
    "Board",
    "Keys",
    "Spec",
    "Unavailable",
    "free_port",
    "make_keys",
    "missing",
    "started",
]

_PATIENCE_S = 120
_ATTEMPTS = 5  # another program may take a port between our choice and sshd's start
_PROGRAMS = ("ssh", "ssh-keygen", "/usr/sbin/sshd", "rsync", "unshare", "mount", "chroot", "/usr/bin/python3")


class Unavailable(Exception):  # noqa: N818  a reason to skip
    """No board is available here; the message is the reason in one line."""


@dataclass(frozen=True)
class Keys:
    """The key that every board accepts, and one that no board accepts."""

    ours: Path
    strangers: Path


@dataclass(frozen=True)
class Board:
    """A board that can be reached on loopback.

    Attributes:
        name: the board's name in ``config``.
        port: the port of the board's sshd on 127.0.0.1.
        root: the board's file system on this machine while the board runs; root may write to it.
        config: an ssh configuration (``-F``) with this board's address, key and known host key.
        host_key: the board's private host key.
    """

    name: str
    port: int
    root: Path
    config: Path
    host_key: Path
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"{USER}@{self.name}"

    @property
    def home(self) -> Path:
        """The path of the user's home on this machine."""
        return self.at(HOME)

    def at(self, path: str) -> Path:
        """The path on this machine of a path of the board."""
        return self.root / path.lstrip("/")

    def run(
        self, command: str, user: str = USER, timeout: float = 120, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs a shell command on the board over SSH."""
        ssh = ["ssh", "-F", str(self.config), "-o", "BatchMode=yes", f"{user}@{self.name}", command]
        done = subprocess.run(
            ssh, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert not check or done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        return done

    def tree(self, folder: str = HOME) -> dict[str, tuple[int, int, str]]:
        """All files below a folder with size, time and link target, to check that nothing has changed."""
        found = {}
        for path in sorted(self.at(folder).rglob("*")):
            kind = path.lstat()
            times = 0 if path.is_dir() and not path.is_symlink() else kind.st_mtime_ns
            found[str(path.relative_to(self.root))] = (kind.st_size * bool(times), times, _link(path))
        return found


def _link(path: Path) -> str:
    return str(path.readlink()) if path.is_symlink() else ""


def missing() -> str | None:
    """Why no board can be started here; None if one can."""
    if sys.platform != "linux":
        return "boards are Linux namespaces"
    if os.geteuid() != 0:
        return f"boards need root for their namespaces, and this is {getpass.getuser()}"
    lacking = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lacking:
        return f"no {', '.join(lacking)}: apt-get install openssh-server rsync python3 python3-venv"
    if not Path("/lib").is_symlink():
        return "/lib is no link to /usr/lib here"
    probe = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"no namespaces here: {done.stderr.strip()}" if done.returncode else None


def make_keys(folder: Path) -> Keys:
    """Two key pairs."""
    found = [folder / name for name in ("ours", "strangers")]
    for path in found:
        _keygen(path)
    return Keys(*found)


@contextlib.contextmanager
def started(folder: Path, name: str, keys: Keys, spec: Spec | None = None) -> Iterator[Board]:
    """Runs a board, and everything that is started on it, until the end of the block.

    Raises:
        Unavailable: the board's sshd does not start.
    """
    spec = spec or Spec()
    folder.mkdir(parents=True, exist_ok=True)
    host_key = folder / "host_key"
    if not host_key.exists():
        _keygen(host_key)
    for attempt in range(_ATTEMPTS):
        port = free_port()
        root = make_root(folder, spec, port, host_key, keys.ours.with_suffix(".pub").read_text())
        config = write_config(folder, name, port, keys.ours, host_key)
        log = folder / f"sshd.{attempt}.log"
        process = _start(root, spec, log)
        try:
            if _answers(process, port):
                yield Board(name, port, Path(f"/proc/{_init_of(process)}/root"), config, host_key, process)
                return
        finally:
            _end(process)
    raise Unavailable(f"sshd does not start: {log.read_text().strip()}")


def write_config(folder: Path, name: str, port: int, key: Path, host_key: Path) -> Path:
    """An SSH configuration for one board; ``Include`` combines several."""
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {host_key.with_suffix('.pub').read_text()}")
    config = folder / "ssh_config"
    lines = {
        "HostName": "127.0.0.1",
        "Port": port,
        "User": USER,
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "UserKnownHostsFile": known,
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "LogLevel": "INFO",
    }
    config.write_text(f"Host {name}\n" + "".join(f"  {key} {value}\n" for key, value in lines.items()))
    return config


def _keygen(path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    path.with_name(f"{path.name}.pub").replace(path.with_suffix(".pub"))


def _start(root: Path, spec: Spec, log: Path) -> subprocess.Popen[str]:
    # The board's processes are those of a PID namespace: with its first one, all of them end.
    shell = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", mount_script(root, spec)]
    command = container_command(root) if spec.systemd else shell
    with log.open("w") as output:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, text=True, start_new_session=True
        )


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        with contextlib.suppress(LookupError, ProcessLookupError):
            os.kill(_init_of(process), signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        process.kill()
    process.wait(_PATIENCE_S)


def _init_of(process: subprocess.Popen[str]) -> int:
    """The PID on this machine of the board's first process; LookupError if there is none."""
    waiting = [process.pid]
    while waiting:
        found = waiting.pop()
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{found}/status").read_text()
            numbers = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
            if len(numbers) > 1 and numbers[-1] == "1":
                return found
            waiting += map(int, Path(f"/proc/{found}/task/{found}/children").read_text().split())
    raise LookupError("the board has no processes")


def _answers(process: subprocess.Popen[str], port: int) -> bool:
    """Waits until sshd answers; returns False if sshd has ended."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.settimeout(1)
            if client.recv(4) == b"SSH-":
                return process.poll() is None
        time.sleep(0.02)
    return False
