"""Sends files to a board: with rsync, which sends only the differences, or else through ssh alone."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from graft_device.store.signatures import signature_file
from graft_device.system.plain import read_plain
from graft_host.deploy.errors import NO_ROOM, DeployError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from graft_host.deploy.facts import BoardFacts
    from graft_host.deploy.ssh import Connection

BLOCK = 4096
"""rsync's block size in bytes: among 1 to 16 KiB and its default this sent least for a new head."""

_TOTAL = re.compile(r"^Total bytes (?:sent|received): ([\d,.]+)", re.MULTILINE)
_FILE_ERROR = 11
"""rsync's exit status for an error of reading or writing a file."""

_RSYNC_LOST = {10, 12, 30, 35, 255}
_LOST_TEXT = re.compile(r"connection unexpectedly closed|error in rsync protocol data stream|Broken pipe|mux_client")
_REMEDIES = {
    "No space left on device": "make room there",
    "Read-only file system": "mount its file system writable",
    "Disk quota exceeded": "make room there",
    "No locks available": "choose a folder on a file system with locks with --store",
    "Permission denied": "choose a folder that you may write in with --store",
}
"""The system's texts for errors of writing, as other programs on the board print them, and what to do."""

_WRITE_TEXT = re.compile("|".join(_REMEDIES))

# Uses what an interrupted transfer left. rsync compares with one file: the part that arrived, followed by the current
# model, or the part alone where there is no room for both and the new model.
_PREPARE = """\
set -e
mkdir -p "$1"
cd "$1"
if [ -f .partial/model.tflite ]; then
    mkdir -p .seed
    free=$(df -Pk . | awk 'NR == 2 { print $4 }')
    if [ -f "$2" ] && [ "$free" -gt $((($(wc -c <.partial/model.tflite) + $(wc -c <"$2") + $3) / 1024)) ] &&
        cat .partial/model.tflite "$2" >.seed/model.tflite 2>/dev/null; then
        rm -f .partial/model.tflite
    else
        mv -f .partial/model.tflite .seed/model.tflite
    fi
    echo seed
fi
"""
_FINISH = """\
set -e
cd "$1"
mv -f model.tflite "$2"
if [ -f model.tflite.sig ]; then mv -f model.tflite.sig "$2.sig"; else rm -f "$2.sig"; fi
cd ..
rm -rf "$1"
"""
_APPEND = """\
set -e
mkdir -p "${1%/*}"
cat >>"$1"
"""
_WRITE = """\
set -e
cat >"$1.new"
mv -f "$1.new" "$1"
"""
_CLEAR = """\
[ ! -L "$1" ] && cd "$1" 2>/dev/null || exit 0
for one in kit-???????????? ????????????????; do
    [ -d "$one" ] && [ ! -L "$one" ] || continue
    case $one in "$2"|"$3") continue ;; esac
    case ${one#kit-} in *[!0-9a-f]*) ;; *) rm -rf "$one" ;; esac
done
"""
_TRY_TO_WRITE = """\
cd "$1" || exit 1
trap 'rm -f .room' EXIT
head -c "$2" /dev/zero >.room
"""
_HEAD = 'if [ -f "$1" ]; then wc -c <"$1"; sha256sum <"$1"; fi'


@dataclass(frozen=True)
class Sent:
    """The bytes of a transfer in both directions, before encryption, as rsync or this module counts them."""

    bytes: int = 0


def send_model(connection: Connection, facts: BoardFacts, model: Path, model_id: str) -> tuple[str, Sent]:
    """Sends a model, and its signature if it has one, to ``STORE/incoming``.

    Sends the difference to the board's current model, and continues where an earlier attempt was interrupted.

    Args:
        connection: the connection to the board.
        facts: the board.
        model: the file on this machine.
        model_id: the beginning of the model's SHA-256, which names the folder of an unfinished transfer.

    Returns:
        The model's path on the board, and the bytes of the transfer.

    Raises:
        DeployError: the board cannot store the model.
        UnreachableError: the connection was lost.
    """
    folder = str(PurePosixPath(facts.store) / "incoming" / model_id)
    # With its suffix no name is that of a folder of an unfinished transfer, which is an id.
    name = f"{model.name.removesuffix('.tflite')}.tflite"
    target = str(PurePosixPath(facts.store) / "incoming" / name)
    signature = signature_file(model)
    with removed_if_failed(connection, folder):
        if has_rsync(facts):
            cost = _rsync_model(connection, facts, model, folder)
        else:
            cost = _cat(connection, model, f"{folder}/model.tflite")
        if signature.is_file():
            cost += _cat(connection, signature, f"{folder}/model.tflite.sig")
        _checked(connection, ["sh", "-c", _FINISH, "sh", folder, target])
    return target, Sent(cost)


@contextlib.contextmanager
def removed_if_failed(connection: Connection, folder: str) -> Iterator[None]:
    """Removes a folder if the block fails: a file that a full disk cut short is useless, and keeps the disk full.

    After a lost connection the folder stays, so that the next deployment can continue.
    """
    try:
        yield
    except UnreachableError:
        raise
    except DeployError:
        with contextlib.suppress(UnreachableError):
            connection.run(["rm", "-rf", folder])
        raise


def remove_leftovers(connection: Connection, facts: BoardFacts, model_id: str, kit_id: str) -> None:
    """Removes what interrupted attempts left of other models and kits.

    What cannot be removed stays: the deployment may not need its room.
    """
    folder = str(PurePosixPath(facts.store) / "incoming")
    connection.run(["sh", "-c", _CLEAR, "sh", folder, model_id, f"kit-{kit_id}"])


def send_files(connection: Connection, facts: BoardFacts, paths: Sequence[Path], folder: str) -> Sent:
    """Sends files into a folder on the board; rsync does not send those again that are already there."""
    if has_rsync(facts):
        _checked(connection, ["mkdir", "-p", folder])
        options = ["--checksum", "--partial-dir=.partial"]
        return Sent(_rsync(connection, options, paths, folder))
    return Sent(sum(_cat(connection, path, f"{folder}/{path.name}") for path in paths))


def send_small(connection: Connection, source: Path, target: str) -> None:
    """Writes a small file on the board in one step, so that no half of it is ever read."""
    sent = connection.run(["sh", "-c", _WRITE, "sh", target], stdin=read_plain(source))
    if sent.status:
        raise unwritable(connection, sent.errors)


def has_rsync(facts: BoardFacts) -> bool:
    """Whether the board and this machine have rsync."""
    return facts.rsync and shutil.which("rsync") is not None


def _rsync_model(connection: Connection, facts: BoardFacts, model: Path, folder: str) -> int:
    current = str(PurePosixPath(facts.store) / "current" / "model.tflite")
    prepared = _checked(connection, ["sh", "-c", _PREPARE, "sh", folder, current, str(model.stat().st_size)])
    basis = f"{folder}/.seed" if prepared.strip() == "seed" else str(PurePosixPath(current).parent)
    options = [
        "--compress",
        "--ignore-times",
        "--partial-dir=.partial",
        f"--copy-dest={basis}",
        f"--block-size={BLOCK}",
    ]
    return _rsync(connection, options, [model], folder, "model.tflite")


def _rsync(connection: Connection, options: Sequence[str], sources: Sequence[Path], folder: str, name: str = "") -> int:
    """Sends files into a folder on the board, or one file to a name there; returns the bytes of the transfer."""
    shell = shlex.join(connection.relay())
    fixed = ["--times", "--chmod=F644,D755", "--protect-args", "--no-whole-file", "--stats", f"--rsh={shell}"]
    files = [str(each.absolute()) for each in sources]
    command = ["rsync", *fixed, *options, "--", *files, f"board:{folder}/{name}"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 0:
        return sum(int(re.sub(r"\D", "", total)) for total in _TOTAL.findall(done.stdout))
    if _WRITE_TEXT.search(done.stderr):
        raise unwritable(connection, done.stderr)
    lost = rsync_lost(done.returncode, done.stderr)
    if (lost or done.returncode == _FILE_ERROR) and (
        errors := _writing_errors(connection, folder, sum(each.stat().st_size for each in sources))
    ):
        raise unwritable(connection, errors)
    if lost:
        raise connection.lost()
    lines = [line for line in done.stderr.splitlines() if line.startswith("rsync:")] or done.stderr.splitlines()
    reason = lines[0] if lines else f"exit status {done.returncode}"
    raise DeployError(f"rsync failed: {reason}", board=connection.target)


def rsync_lost(status: int, errors: str) -> bool:
    """Whether rsync ended because the connection was lost.

    Args:
        status: its exit status.
        errors: what it wrote on standard error.
    """
    return status in _RSYNC_LOST or _LOST_TEXT.search(errors) is not None


def _writing_errors(connection: Connection, folder: str, size: int) -> str:
    """Tries to write as many bytes into a folder on the board, and returns what is printed if it is a known error.

    rsync loses the reason of the board if it ends before it has read it.
    """
    errors = connection.run(["sh", "-c", _TRY_TO_WRITE, "sh", folder, str(size)]).errors
    return errors if _WRITE_TEXT.search(errors) else ""


def _cat(connection: Connection, source: Path, target: str) -> int:
    """Sends a file through ssh alone; continues an interrupted attempt whose part is the same as the file's."""
    part = f"{target}.part"
    data = read_plain(source)
    size_and_digest = _checked(connection, ["sh", "-c", _HEAD, "sh", part]).split()
    done = int(size_and_digest[0]) if len(size_and_digest) > 1 else 0
    if not done or done > len(data) or hashlib.sha256(data[:done]).hexdigest() != size_and_digest[1]:
        _checked(connection, ["rm", "-f", part])
        done = 0
    sent = connection.run(["sh", "-c", _APPEND, "sh", part], stdin=data[done:])
    if sent.status:
        raise unwritable(connection, sent.errors)
    _checked(connection, ["mv", "-f", part, target])
    return len(data) - done


def _checked(connection: Connection, command: Sequence[str]) -> str:
    done = connection.run(command)
    if done.status:
        raise unwritable(connection, done.errors)
    return done.output


def unwritable(connection: Connection, errors: str) -> DeployError:
    """The error to raise for the output of a command on the board that failed to write something."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    reason = next((line for line in lines if _WRITE_TEXT.search(line)), lines[-1] if lines else "no reason given")
    remedy = next((_REMEDIES[text] for text in _REMEDIES if text in reason), None)
    if remedy is None:
        return DeployError(f"the files cannot be put in place there ({reason})", board=connection.target)
    return DeployError(f"cannot write there ({reason})", remedy, board=connection.target, exit_status=NO_ROOM)
