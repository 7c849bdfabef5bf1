"""Brings files of a board into a working folder, with rsync or through ssh alone; both go on where they stopped."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from graft_device.errors import GraftError
from graft_device.preprocess.limits import MAX_BYTES
from graft_device.system.durable import digest
from graft_host.collecting.looking import KeptFile, program_words
from graft_host.deploy.errors import DeployError
from graft_host.deploy.ssh import LOST
from graft_host.deploy.transfer import rsync_lost

if TYPE_CHECKING:
    from graft_host.deploy.ssh import Connection

_PARTIAL_STATUSES = {0, 23, 24}
"""rsync's statuses when it is done, also without files that vanished or that it may not read."""

_NO_ROOM = ("No space left on device", "Disk quota exceeded", "Read-only file system", "File too large")
_CHUNK = 1 << 16


def place_of(photo: KeptFile, work: Path) -> Path:
    """Where a file of a board arrives.

    Args:
        photo: the file.
        work: the board's working folder.
    """
    return folder_of(photo.folder.path, work).joinpath(*photo.parts)


def folder_of(folder: str, work: Path) -> Path:
    """Where the files of a board's folder arrive."""
    return work / hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]


def fetch(
    connection: Connection, photos: Sequence[KeptFile], work: Path, rsync: bool, arrived: Callable[[int], None]
) -> int:
    """Brings files of one folder of a board into its working folder; those that are gone by now do not arrive.

    Args:
        connection: the connection to the board.
        photos: the files, all of one folder.
        work: the board's working folder.
        rsync: whether the board has rsync.
        arrived: called with the bytes of each file that has arrived.

    Returns:
        The bytes that were sent.

    Raises:
        UnreachableError: the connection was lost.
        DeployError: the board does not send them.
        GraftError: they cannot be written here.
    """
    target = folder_of(photos[0].folder.path, work)
    target.mkdir(parents=True, exist_ok=True)
    if rsync and shutil.which("rsync") is not None:
        return _with_rsync(connection, photos, target, arrived)
    return _through_ssh(connection, photos, work, arrived)


def _with_rsync(
    connection: Connection, photos: Sequence[KeptFile], target: Path, arrived: Callable[[int], None]
) -> int:
    folder = photos[0].folder
    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile() as names:
        # With ./ in front, no name looks like a comment or an option.
        names.write(b"".join(b"./" + os.fsencode("/".join(photo.parts)) + b"\0" for photo in photos))
        names.flush()
        command = [
            "rsync", "--times", "--protect-args", "--chmod=F644,D755", f"--files-from={names.name}", "--from0",
            # What a killed run left is compared, not believed.
            "--ignore-times", "--no-whole-file", "--partial-dir=.partial", f"--max-size={MAX_BYTES}",
            "--out-format=%l %b", "--outbuf=L", f"--rsh={shlex.join(connection.relay())}",
            *(["--rsync-path=sudo -n rsync"] if folder.by_root else []),
            "--", f"board:{folder.path.rstrip('/')}/", f"{target}/",
        ]  # fmt: skip
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment
        ) as process:
            try:
                assert process.stdout is not None  # noqa: S101  it was started with a pipe
                sent = _counted(process.stdout, arrived)
                status = process.wait()
            except BaseException:
                process.terminate()
                raise
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if status in _PARTIAL_STATUSES and not any(reason in text for reason in _NO_ROOM):
        return sent
    raise _rsync_error(connection, status, text)


def _counted(lines: IO[bytes], arrived: Callable[[int], None]) -> int:
    """Reads what rsync prints about each file, its size and the bytes that were sent."""
    total = 0
    for line in lines:
        with contextlib.suppress(ValueError):
            size, sent = map(int, line.split())
            total += sent
            arrived(size)
    return total


def _rsync_error(connection: Connection, status: int, text: str) -> GraftError:
    lines = [line for line in text.splitlines() if line.startswith("rsync")] or text.splitlines()
    for line in lines:
        for reason in _NO_ROOM:
            if reason in line:
                return GraftError(f"the photos cannot be written here ({reason.lower()})", "make room, collect again")
    if rsync_lost(status, text):
        return connection.lost()
    return DeployError(f"rsync failed: {lines[0] if lines else f'exit status {status}'}", board=connection.target)


def _through_ssh(connection: Connection, photos: Sequence[KeptFile], work: Path, arrived: Callable[[int], None]) -> int:
    wanted = [(photo, place_of(photo, work)) for photo in photos if photo.bytes <= MAX_BYTES]
    for _, path in wanted:
        if _size(path):  # a killed run left it; it is compared, not believed
            path.replace(_part(path))
    files = [[photo.folder.path, list(photo.parts), _size(_part(path))] for photo, path in wanted]
    process = connection.start(program_words("send", photos[0].folder.by_root))
    assert process.stdin is not None  # noqa: S101  it was started with pipes
    assert process.stdout is not None  # noqa: S101
    total = 0
    try:
        with contextlib.suppress(OSError):
            process.stdin.write(json.dumps({"files": files}).encode() + b"\n")
            process.stdin.flush()
        for _, path in wanted:
            head = _head(connection, process)
            if "error" in head:
                continue
            total += _receive(connection, process, path, head)
            arrived(int(head["size"]))
    finally:
        _end(process)
    return total


def _head(connection: Connection, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None  # noqa: S101
    line = process.stdout.readline()
    try:
        head = json.loads(line)
    except ValueError as error:
        raise _broken(connection, process) from error
    return head if isinstance(head, dict) else {"error": "unexpected"}


def _receive(connection: Connection, process: subprocess.Popen[bytes], path: Path, head: dict[str, Any]) -> int:
    """Writes the rest of a file behind its part, and gives it its name if its SHA-256 is right."""
    assert process.stdout is not None  # noqa: S101
    size, start = int(head["size"]), int(head["from"])
    if not 0 <= start <= size <= MAX_BYTES:
        raise DeployError("it sends something else than was asked for", board=connection.target)
    part = _part(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("ab") as file:
            file.truncate(start)
            left = size - start
            while left:
                data = process.stdout.read(min(_CHUNK, left))
                if not data:
                    raise _broken(connection, process)
                file.write(data)
                left -= len(data)
        if digest(part) == head["sha256"]:
            part.replace(path)
        else:
            part.unlink()
    except OSError as error:
        what = f"the photos cannot be written here ({(error.strerror or str(error)).lower()})"
        raise GraftError(what, "make room, collect again") from error
    return size - start


def _broken(connection: Connection, process: subprocess.Popen[bytes]) -> DeployError:
    _, errors = process.communicate()
    if process.returncode in {0, LOST}:
        return connection.lost()
    lines = errors.decode(errors="replace").strip().splitlines()
    return DeployError(
        f"it does not send its photos ({lines[-1] if lines else 'no reason given'})", board=connection.target
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _part(path: Path) -> Path:
    return path.with_name(f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]}.part")


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0
