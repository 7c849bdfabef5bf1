"""One connection to a board, by the system's own ``ssh``, that everything goes through.

The user's configuration, keys and jump hosts decide how it is made. What is run over it later goes through the
connection's socket alone: no second one is ever opened, so a lost connection is an error and no new prompt.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from graft_device.console import say
from graft_host.deploy.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graft_host.deploy.target import Target

_CONNECT_S, _ALIVE_S, _ALIVE_COUNT, _IDLE_S = 10, 5, 3, 60
LOST = 255
"""The status with which ssh says that the trouble is its own, not the command's."""

_DEFAULTS = (f"ConnectTimeout={_CONNECT_S}", f"ServerAliveInterval={_ALIVE_S}", f"ServerAliveCountMax={_ALIVE_COUNT}")
_OPTIONS = (
    f"ControlPersist={_IDLE_S}",  # if this program is killed, the connection ends by itself
    "ControlMaster=yes",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "LogLevel=INFO",  # a quieter one in the user's configuration would hide the reasons that are told apart below
)
# No configuration of the user's, which may ask for a terminal or a command; and no way but the socket.
_CLIENT = ("-F", "/dev/null", "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "LogLevel=ERROR", "-T")
_HOST = "board"


@dataclass(frozen=True)
class SshOptions:
    """How to reach boards: a configuration file in place of the user's, and ``-o`` options."""

    config: Path | None = None
    options: tuple[str, ...] = ()

    def args(self) -> list[str]:
        """For ssh's command line."""
        config = [] if self.config is None else ["-F", str(self.config)]
        return [*config, *_flags(self.options)]


@dataclass(frozen=True)
class Done:
    """What a command on the board left: its status and output."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Connection:
    """A connection that is up; ``connected`` makes it."""

    target: Target
    socket: Path

    def client(self) -> list[str]:
        """The words that begin a command over this connection, for rsync's ``-e`` too; a host and a command follow."""
        return ["ssh", *_CLIENT, "-o", f"ControlPath={self.socket}"]

    def run(self, command: Sequence[str], stdin: bytes | IO[bytes] = b"", timeout: float | None = None) -> Done:
        """Runs a command on the board.

        Args:
            command: its words; the board's shell sees them quoted.
            stdin: what it reads.
            timeout: seconds.

        Raises:
            UnreachableError: the connection was lost, or it took too long.
        """
        words = [*self.client(), _HOST, shlex.join(command)]
        given = stdin if isinstance(stdin, bytes) else None
        source = None if isinstance(stdin, bytes) else stdin
        try:
            done = _start(words, given, source, timeout)
        except subprocess.TimeoutExpired as error:
            raise UnreachableError(f"{self.target}: no answer within {timeout:.0f} s; is it overloaded?") from error
        if done.returncode == LOST:
            raise self.lost()
        return Done(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Starts a command on the board that goes on until its standard input ends, or the connection.

        A Ctrl-C at the terminal does not reach it.
        """
        words = [*self.client(), _HOST, shlex.join(command)]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment(), start_new_session=True
        )  # fmt: skip

    def lost(self) -> UnreachableError:
        """The error to raise where ssh says that the connection is gone."""
        return UnreachableError(
            f"{self.target}: the connection was lost; the board goes on with what it had, deploy again"
        )


@contextlib.contextmanager
def connected(target: Target, options: SshOptions) -> Iterator[Connection]:
    """A connection for the length of the block.

    Passwords and passphrases are asked for at a terminal; where there is none, a key must do.

    Raises:
        UnreachableError: with the reason, and what to do about it.
    """
    if shutil.which("ssh") is None:
        raise UnreachableError("there is no ssh here: apt-get install openssh-client")
    with tempfile.TemporaryDirectory(prefix="graft-", dir=_short_folder()) as folder:
        connection = Connection(target, Path(folder) / "s")
        try:
            _open(connection, options)
            yield connection
        finally:
            _close(connection)


def _open(connection: Connection, options: SshOptions) -> None:
    interactive = sys.stdin.isatty() and sys.stderr.isatty()
    fixed = [f"ControlPath={connection.socket}", *_OPTIONS, f"BatchMode={'no' if interactive else 'yes'}"]
    # Of an option that is given twice ssh takes the first: ours that must hold, the user's, ours that may be changed.
    words = ["ssh", "-N", "-f", "-T", *_flags(fixed), *options.args(), *_flags(_DEFAULTS)]
    # ssh goes to the background once it is let in and keeps its standard error, which a pipe would wait for.
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        command = [*words, *connection.target.ssh_args()]
        stdin = None if interactive else subprocess.DEVNULL
        status = subprocess.run(
            command, stdin=stdin, stdout=log, stderr=log, check=False, env=_environment()
        ).returncode
        log.seek(0)
        text = log.read()
    if status or not connection.socket.exists():
        raise UnreachableError(_reason(connection.target, text))
    if interactive and text.strip():
        say(text.strip())


def _flags(options: Sequence[str]) -> list[str]:
    return [part for option in options for part in ("-o", option)]


def _close(connection: Connection) -> None:
    words = [*connection.client(), "-O", "exit", _HOST]
    with contextlib.suppress(subprocess.TimeoutExpired):  # it ends by itself then, and is not what went wrong
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_CONNECT_S)


def _start(
    words: Sequence[str], given: bytes | None, source: IO[bytes] | None, timeout: float | None
) -> subprocess.CompletedProcess[bytes]:
    if source is None:
        return subprocess.run(words, input=given, capture_output=True, timeout=timeout, check=False, env=_environment())
    return subprocess.run(words, stdin=source, capture_output=True, timeout=timeout, check=False, env=_environment())


def _short_folder() -> str | None:
    """Where the socket goes: its name may have 104 characters or so, and ssh adds some for a moment.

    A blank or a ``%`` would mean something else to ssh's ``-o``.
    """
    folder = tempfile.gettempdir()
    return folder if re.fullmatch(r"[\w./-]{1,59}", folder) else "/tmp"  # noqa: S108  a folder of our own is made there


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


_REASONS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        (
            "its host key has changed: if it was set up anew, forget the old key with: {forget}; "
            "if not, somebody may be in between"
        ),
    ),
    (
        r"No .* host key is known|Host key verification failed",
        "its host key is not known here yet: run ssh {plain} once, and compare it",
    ),
    (
        r"Permission denied|Too many authentication failures",
        "it does not let us in ({last}): copy your key there with: ssh-copy-id {plain}",
    ),
    (r"Could not resolve hostname", "no such name in the network: check its spelling, or use its address"),
    (r"Connection refused", "nothing listens there (connection refused): is it on, is ssh enabled, is the port right?"),
    (
        r"timed out|No route to host|Network is unreachable",
        "it does not answer ({last}): is it on, and in this network?",
    ),
    (r"UNPROTECTED PRIVATE KEY|bad permissions", "a private key here is readable by others: chmod 600 it"),
)  # fmt: skip


def _reason(target: Target, text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1].rstrip(".") if lines else "ssh gave no reason"
    known = target.host if target.port in {None, 22} else f"[{target.host}]:{target.port}"
    advised = re.search(r"ssh-keygen -f \S+ -R \S+", text)
    port = f"-p {target.port} " if target.port else ""
    plain = port + (f"{target.user}@" if target.user else "") + target.host
    # ssh itself says which file the key is in, and under which name, if it is not the usual one.
    forget = advised[0] if advised else f"ssh-keygen -R {shlex.quote(known)}"
    for pattern, advice in _REASONS:
        if re.search(pattern, text):
            return f"{target}: {advice.format(last=last, forget=forget, plain=plain)}"
    return f"{target}: ssh cannot connect: {last}"
