"""Holds a lock on the board during a deployment, so that there is one deployment to a board at a time."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from importlib.resources import files
from typing import TYPE_CHECKING

from graft_device.store.exit_codes import ExitCode
from graft_host.deploy import on_board
from graft_host.deploy.errors import DeployError
from graft_host.deploy.on_board.lock import SILENCE_S
from graft_host.deploy.ssh import LOST
from graft_host.deploy.transfer import unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.ssh import Connection

_BEAT_S = 5
_WAIT_S = SILENCE_S + 15  # longer than a deployment with a lost connection looks alive
_END_S = 5


@contextlib.contextmanager
def locked(
    connection: Connection, facts: BoardFacts, python: str, note: Callable[[str], None], wait: float = _WAIT_S
) -> Iterator[bool]:
    """Locks other deployments out of a board's store during the block.

    Args:
        connection: the connection to the board.
        facts: the board.
        python: the path of the board's system Python.
        note: called with a line if another deployment has to finish first.
        wait: seconds to wait for another deployment.

    Yields:
        Whether it waited for another deployment, so that earlier facts about the board may be out of date.

    Raises:
        DeployError: another deployment is in progress, or the store cannot be written.
        UnreachableError: the connection was lost.
    """
    program = (files(on_board) / "lock.py").read_text(encoding="utf-8")
    process = connection.start([python, "-I", "-c", program, "hold", facts.store, str(wait)])
    try:
        yield _taken(connection, process, note)
    finally:
        _end(process)


def _taken(connection: Connection, process: subprocess.Popen[bytes], note: Callable[[str], None]) -> bool:
    state = _read_line(process)
    if waited := state == "waiting":
        note(f"{connection.target}: waiting for another deployment to it")
        state = _read_line(process)
    if state == "held":
        threading.Thread(target=_beat, args=(process,), daemon=True).start()
        return waited
    if state == "busy":
        what, status = "another deployment to it is in progress", int(ExitCode.BUSY)
        raise DeployError(what, "try again later", board=connection.target, exit_status=status)
    errors = process.communicate()[1].decode(errors="replace")
    raise connection.lost() if process.returncode == LOST else unwritable(connection, errors)


def _read_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None  # noqa: S101  it was started with pipes
    return process.stdout.readline().decode(errors="replace").strip()


def _beat(process: subprocess.Popen[bytes]) -> None:
    """Sends signs of life until the process has ended."""
    assert process.stdin is not None  # noqa: S101  it was started with pipes
    with contextlib.suppress(OSError, ValueError):
        while True:
            try:
                process.wait(_BEAT_S)
            except subprocess.TimeoutExpired:
                process.stdin.write(b".")
                process.stdin.flush()
            else:
                return


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if process.stdin is not None:
            process.stdin.close()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:  # the connection is gone, and the lock will be soon
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
