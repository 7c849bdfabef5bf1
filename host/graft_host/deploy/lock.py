"""One deployment to a board at a time: it holds a lock there for as long as it goes on."""

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
_WAIT_S = SILENCE_S + 15  # longer than one whose connection was lost seems to be alive
_END_S = 5


@contextlib.contextmanager
def locked(
    connection: Connection, facts: BoardFacts, python: str, note: Callable[[str], None], wait: float = _WAIT_S
) -> Iterator[bool]:
    """Keeps other deployments away from a board's store for the length of the block.

    Args:
        connection: to the board.
        facts: of it.
        python: of its system.
        note: hears that another is waited for.
        wait: seconds to wait.

    Yields:
        Whether another was waited for, so that what was found before need not hold any more.

    Raises:
        DeployError: another one goes on, or the store can't be written.
        UnreachableError: the connection was lost.
    """
    program = (files(on_board) / "lock.py").read_text(encoding="utf-8")
    process = connection.start([python, "-I", "-c", program, facts.store, str(wait)])
    try:
        yield _taken(connection, process, note)
    finally:
        _end(process)


def _taken(connection: Connection, process: subprocess.Popen[bytes], note: Callable[[str], None]) -> bool:
    said = _said(process)
    if waited := said == "waiting":
        note(f"{connection.target}: waiting for another deployment to it")
        said = _said(process)
    if said == "held":
        threading.Thread(target=_beat, args=(process,), daemon=True).start()
        return waited
    if said == "busy":
        raise DeployError(
            f"{connection.target}: another deployment to it is under way: try again later", int(ExitCode.BUSY)
        )
    errors = process.communicate()[1].decode(errors="replace")
    raise connection.lost() if process.returncode == LOST else unwritable(connection, errors)


def _said(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None  # noqa: S101  it was started with pipes
    return process.stdout.readline().decode(errors="replace").strip()


def _beat(process: subprocess.Popen[bytes]) -> None:
    """Shows that we are alive, until the process has ended."""
    assert process.stdin is not None  # noqa: S101  likewise
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
    except subprocess.TimeoutExpired:  # the connection is gone, and so is the lock before long
        process.kill()
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
