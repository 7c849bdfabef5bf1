"""Starts a command on a board for rsync: hands on its input and output, without what the board's login shell prints.

Arguments: the number of ssh's words, ssh's words, the host, and the words of the command for a shell.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from typing import IO

from graft_host.deploy.remote_shell import framed

_CHUNK = 65536


def relay(client: list[str], host: str, command: str) -> int:
    """Runs a command and hands on its input and output.

    Args:
        client: ssh's words before the host.
        host: the host as ssh knows it.
        command: the command, quoted for a POSIX shell.

    Returns:
        ssh's exit status.
    """
    os.set_blocking(1, True)  # rsync makes it non-blocking, and a write of much data would fail
    frame = framed(["/bin/sh", "-c", command], streams=True)
    pipe = subprocess.PIPE
    process = subprocess.Popen([*client, host, frame.line], stdin=pipe, stdout=pipe, stderr=pipe)
    assert process.stdin is not None  # noqa: S101  it was started with pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    threading.Thread(target=_send, args=(frame.script, process.stdin), daemon=True).start()
    notes = threading.Thread(target=_receive, args=(process.stderr, 2, frame.mark))
    notes.start()
    _receive(process.stdout, 1, frame.mark)
    status = process.wait()
    notes.join()
    return status


def _send(script: bytes, sink: IO[bytes]) -> None:
    with contextlib.suppress(OSError), sink:
        sink.write(script)
        sink.flush()
        while data := os.read(0, _CHUNK):
            sink.write(data)
            sink.flush()


def _receive(source: IO[bytes], sink: int, mark: str) -> None:
    """Copies what follows the mark; without a mark everything goes to standard error."""
    start, before = f"\n{mark}\n".encode(), b""
    with contextlib.suppress(OSError):
        while data := os.read(source.fileno(), _CHUNK):
            before += data
            if start in before:
                break
        _, found, rest = before.partition(start)
        _write(sink if found else 2, rest if found else before)
        while data := os.read(source.fileno(), _CHUNK):
            _write(sink, data)


def _write(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]


def main() -> None:
    """Runs as the remote shell of rsync."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a Ctrl-C ends it without a traceback
    count = int(sys.argv[1])
    client, (host, *words) = sys.argv[2 : 2 + count], sys.argv[2 + count :]
    sys.exit(relay(client, host, " ".join(words)))


if __name__ == "__main__":
    main()
