"""Opens one connection to a board with the system's ``ssh``, which everything goes through.

The user's configuration, keys and jump hosts decide how it is made. Later commands use the connection's socket alone:
no second connection is ever opened, so a lost connection is an error and not a new prompt. ``remote_shell`` frames each
command.
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
from typing import TYPE_CHECKING

from graft_device.console import say
from graft_host.deploy.errors import DeployError, LoginRefusedError, UnknownKeyError, UnreachableError
from graft_host.deploy.remote_shell import framed, unframed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from graft_host.deploy.target import Target

_CONNECT_S, _ALIVE_S, _ALIVE_COUNT, _IDLE_S = 10, 5, 3, 60
LOST = 255
"""ssh's exit status for an error of its own, rather than of the command."""

_DEFAULTS = (f"ConnectTimeout={_CONNECT_S}", f"ServerAliveInterval={_ALIVE_S}", f"ServerAliveCountMax={_ALIVE_COUNT}")
_OPTIONS = (
    f"ControlPersist={_IDLE_S}",  # if this program is killed, the connection ends by itself
    "ControlMaster=yes",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "LogLevel=INFO",  # a quieter level in the user's configuration would hide the errors that are recognised below
)
# Without the user's configuration, which may set a terminal or a command; and by the socket alone.
_CLIENT = ("-F", "/dev/null", "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "LogLevel=ERROR", "-T")
_HOST = "board"
_REFUSED_SESSION = "Session open refused by peer"


@dataclass(frozen=True)
class SshOptions:
    """How to reach boards.

    Attributes:
        config: a configuration file in place of the user's.
        options: what ``-o`` takes.
        asks: whether ssh may ask for passwords and passphrases where there is a terminal.
    """

    config: Path | None = None
    options: tuple[str, ...] = ()
    asks: bool = True

    def args(self) -> list[str]:
        """The options as words of ssh's command line."""
        config = [] if self.config is None else ["-F", str(self.config)]
        return [*config, *_flags(self.options)]


@dataclass(frozen=True)
class Done:
    """The exit status and the output of a command on the board."""

    status: int
    output: str
    errors: str


@dataclass(frozen=True)
class Connection:
    """An open connection; ``connected`` makes it."""

    target: Target
    socket: Path

    def client(self) -> list[str]:
        """The first words of a command over this connection; a host and a command follow."""
        return ["ssh", *_CLIENT, "-o", f"ControlPath={self.socket}"]

    def relay(self) -> list[str]:
        """The command that rsync starts in place of ``ssh``; a host and a command follow."""
        client = self.client()
        return [sys.executable, "-I", "-m", "graft_host.deploy.relay", str(len(client)), *client]

    def run(
        self,
        command: Sequence[str],
        stdin: bytes = b"",
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Done:
        """Runs a command on the board.

        Args:
            command: the words of the command.
            stdin: the command's standard input.
            timeout: seconds after which to give up.
            environment: variables for the command.

        Raises:
            UnreachableError: the connection was lost, or the command took too long.
            DeployError: the board does not start commands.
        """
        frame = framed(command, environment)
        words = [*self.client(), _HOST, frame.line]
        try:
            done = subprocess.run(
                words, input=frame.script + stdin, capture_output=True, timeout=timeout, check=False, env=_environment()
            )
        except subprocess.TimeoutExpired as error:
            what = f"no answer within {timeout:.0f} s"
            raise UnreachableError(what, "check whether it is overloaded", board=self.target) from error
        output, errors = unframed(done.stdout, frame.mark), unframed(done.stderr, frame.mark)
        if output is None:
            raise self.not_started(done.returncode, done.stdout + done.stderr)
        text, status = output
        if status is None and done.returncode == LOST:
            raise self.lost()
        given = done.stderr if errors is None else errors[0]
        status = done.returncode if status is None else status
        return Done(status, text.decode(errors="replace"), given.decode(errors="replace"))

    def start(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Starts a command on the board that runs until its standard input or the connection ends.

        A Ctrl-C at the terminal does not reach it.

        Raises:
            UnreachableError: the connection was lost.
            DeployError: the board does not start commands.
        """
        frame = framed(command, streams=True)
        words, pipe = [*self.client(), _HOST, frame.line], subprocess.PIPE
        process = subprocess.Popen(
            words, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment(), start_new_session=True
        )  # fmt: skip
        assert process.stdin is not None  # noqa: S101  it was started with pipes
        assert process.stdout is not None  # noqa: S101
        with contextlib.suppress(OSError):
            process.stdin.write(frame.script)
            process.stdin.flush()
        before = b""
        while (line := process.stdout.readline()) != f"{frame.mark}\n".encode():
            if not line:
                output, errors = process.communicate()
                raise self.not_started(process.returncode, before + output + errors)
            before += line
        return process

    def lost(self) -> UnreachableError:
        """The error to raise where ssh reports that the connection is gone."""
        what = "the connection was lost, and the board keeps what it had"
        return UnreachableError(what, "deploy again", board=self.target)

    def not_started(self, status: int, printed: bytes) -> DeployError:
        """The error to raise where a command was not started.

        Args:
            status: ssh's exit status.
            printed: what ssh and the board's login shell printed.
        """
        text = printed.decode(errors="replace")
        if _REFUSED_SESSION in text:
            what = "its sshd allows too few sessions in one connection"
            remedy = "set MaxSessions to 10 in /etc/ssh/sshd_config there, and reload sshd"
            return DeployError(what, remedy, board=self.target)
        if status == LOST:
            return self.lost()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        reason = lines[-1] if lines else f"exit status {status} and no output"
        what = f"its login shell does not start commands ({reason})"
        return DeployError(
            what, f"check what this prints: ssh {self.target.plain()} /bin/sh -c date", board=self.target
        )


@contextlib.contextmanager
def connected(target: Target, options: SshOptions) -> Iterator[Connection]:
    """Opens a connection for the duration of the block.

    ssh asks for passwords and passphrases at a terminal; without a terminal a key must be enough.

    Raises:
        UnreachableError: the board cannot be reached or refuses the login.
    """
    if shutil.which("ssh") is None:
        raise UnreachableError("ssh is not installed on this machine", "run: sudo apt install openssh-client")
    with tempfile.TemporaryDirectory(prefix="graft-", dir=_short_folder()) as folder:
        connection = Connection(target, Path(folder) / "s")
        try:
            _open(connection, options)
            yield connection
        finally:
            _close(connection)


def _open(connection: Connection, options: SshOptions) -> None:
    interactive = options.asks and sys.stdin.isatty() and sys.stderr.isatty()
    fixed = [f"ControlPath={connection.socket}", *_OPTIONS, f"BatchMode={'no' if interactive else 'yes'}"]
    # ssh uses the first value of an option: first ours that must hold, then the user's, then ours that may be changed.
    words = ["ssh", "-N", "-f", "-T", *_flags(fixed), *options.args(), *_flags(_DEFAULTS)]
    # ssh goes to the background after the login and keeps its standard error open: reading a pipe would not end.
    with tempfile.TemporaryFile("w+", errors="replace") as log:
        command = [*words, *connection.target.ssh_args()]
        stdin = None if interactive else subprocess.DEVNULL
        status = subprocess.run(
            command, stdin=stdin, stdout=log, stderr=log, check=False, env=_environment()
        ).returncode
        log.seek(0)
        text = log.read()
    if status or not connection.socket.exists():
        raise _refused(connection.target, text)
    if interactive and text.strip():
        say(text.strip())


def _flags(options: Sequence[str]) -> list[str]:
    return [part for option in options for part in ("-o", option)]


def _close(connection: Connection) -> None:
    words = [*connection.client(), "-O", "exit", _HOST]
    with contextlib.suppress(subprocess.TimeoutExpired):  # then it ends by itself, and is not the error to report
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=_CONNECT_S)


def _short_folder() -> str | None:
    """The folder for the socket, whose path may have some 104 characters, including a suffix that ssh adds.

    A blank or a ``%`` has another meaning in ssh's ``-o``.
    """
    folder = tempfile.gettempdir()
    return folder if re.fullmatch(r"[\w./-]{1,59}", folder) else "/tmp"  # noqa: S108  we make a folder of our own in it


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


_REASONS = (
    (
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key has changed",
        "if it was set up again, forget the old key with: {forget}; if not, somebody may be intercepting you",
        UnreachableError,
    ),
    (
        r"No .* host key is known|Host key verification failed",
        "its host key is not known here yet",
        "run ssh {plain} once, and compare the key",
        UnknownKeyError,
    ),
    (
        r"Permission denied|Too many authentication failures",
        "it refuses the login ({last})",
        "copy your key there with: ssh-copy-id {plain}",
        LoginRefusedError,
    ),
    (
        r"Could not resolve hostname",
        "there is no such name in the network",
        "check its spelling, or use the board's address",
        UnreachableError,
    ),
    (
        r"Connection refused",
        "nothing listens there (connection refused)",
        "check that the board is on, that ssh is enabled, and the port",
        UnreachableError,
    ),
    (
        r"timed out|No route to host|Network is unreachable",
        "it does not answer ({last})",
        "check that the board is on and in this network",
        UnreachableError,
    ),
    (
        r"UNPROTECTED PRIVATE KEY|bad permissions",
        "others can read a private key on this machine",
        "make the key readable by you alone: chmod 600 KEY",
        UnreachableError,
    ),
)
"""Texts of OpenSSH, which has one exit status for all errors; what each means, what to do, and the error to raise."""


def _refused(target: Target, text: str) -> UnreachableError:
    """The error to raise for what ssh wrote when it could not connect."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1].rstrip(".") if lines else "ssh gave no reason"
    known = target.host if target.port in {None, 22} else f"[{target.host}]:{target.port}"
    advised = re.search(r"ssh-keygen -f \S+ -R \S+", text)
    # ssh itself prints the file and the name of the key, if they are not the usual ones.
    forget = advised[0] if advised else f"ssh-keygen -R {shlex.quote(known)}"
    for pattern, what, remedy, kind in _REASONS:
        if re.search(pattern, text):
            return kind(what.format(last=last), remedy.format(forget=forget, plain=target.plain()), board=target)
    return UnreachableError(f"ssh cannot connect: {last}", board=target)
