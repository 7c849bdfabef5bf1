"""Host keys that this machine does not know yet: what the board shows, and noting it once a person has compared it.

ssh itself fetches the key, so that the user's configuration and jump hosts apply: it writes the key into an empty file
of known hosts, and no login is tried.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graft_device.errors import os_reason
from graft_host.deploy.ssh import SshOptions
from graft_host.deploy.target import Target, parse_target
from graft_host.studio.project.errors import StudioError

_TIMEOUT_S = 30
_FETCH = (
    "BatchMode=yes", "ControlMaster=no", "ControlPath=none", "ClearAllForwardings=yes", "PermitLocalCommand=no",
    "StrictHostKeyChecking=accept-new", "PreferredAuthentications=none", "UpdateHostKeys=no", "LogLevel=ERROR",
    "ConnectTimeout=10",
)  # fmt: skip


@dataclass(frozen=True)
class HostKey:
    """The host key that a board shows.

    Attributes:
        fingerprint: as ssh and the board print it, such as ``SHA256:…``.
        kind: of the key, such as ``ED25519``.
        lines: for the file of known hosts.
        file: that file.
    """

    fingerprint: str
    kind: str
    lines: str
    file: Path


def offered_key(address: str, ssh: SshOptions) -> HostKey | None:
    """The key that a board shows now; None if it shows none, or if ssh keeps known keys in an unusual way.

    Args:
        address: of the board.
        ssh: how to reach it.

    Raises:
        DeployError: it is not an address.
        OSError: ssh cannot be started.
    """
    target = parse_target(address)
    file = _known_hosts(target, ssh)
    if file is None:
        return None
    with tempfile.TemporaryDirectory(prefix="graft-") as folder:
        fresh = Path(folder) / "known"
        fixed = (*_FETCH, f"UserKnownHostsFile={fresh}", "GlobalKnownHostsFile=/dev/null")
        _run(["ssh", "-N", "-T", *SshOptions(options=fixed).args(), *ssh.args(), *target.ssh_args()])
        if not fresh.is_file():
            return None
        lines = fresh.read_text("utf-8", errors="replace")
        shown = _run(["ssh-keygen", "-l", "-f", str(fresh)]).splitlines()
    words = shown[0].split() if len(shown) == 1 else []
    if len(words) < 4 or len(lines.splitlines()) != 1:  # noqa: PLR2004  bits, fingerprint, comment, kind
        return None
    return HostKey(fingerprint=words[1], kind=words[-1].strip("()"), lines=lines, file=file)


def trust(key: HostKey) -> None:
    """Adds a key to the file of known hosts.

    Raises:
        StudioError: the file cannot be written.
    """
    try:
        key.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(key.file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            gap = b"\n" if size and file.read(1) != b"\n" else b""
            file.write(gap + key.lines.rstrip("\n").encode() + b"\n")
    except OSError as error:
        raise StudioError(f"cannot write {key.file}: {os_reason(error)}", "make it writable") from error


def _known_hosts(target: Target, ssh: SshOptions) -> Path | None:
    """The file that ssh adds keys of this board to; None if its name needs a closer look, or there is none."""
    for line in _run(["ssh", "-G", *ssh.args(), *target.ssh_args()]).splitlines():
        keyword, _, value = line.partition(" ")
        if keyword == "userknownhostsfile":
            first = value.split()[0] if value.split() else "none"
            path = Path(os.path.expanduser(first))  # noqa: PTH111  no error where there is no home
            plain = not set(first) & set("\"'%\\")
            return path if plain and path.is_absolute() and first != "/dev/null" else None
    return None


def _run(command: Sequence[str]) -> str:
    """What a command prints; empty if it takes too long."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False,
            timeout=_TIMEOUT_S, env={**os.environ, "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout
