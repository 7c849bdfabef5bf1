"""Runs on the board with its system Python and the standard library alone: lists, sends and removes kept photos.

The request is one line of JSON on standard input; the answer is lines of JSON. Links below a folder are never followed:
each name is opened from its open folder. File names travel as text with ``surrogateescape``, so that any byte is kept.

``list``: ``{"folders": [PATH, …] or null, "limit": N}``. For null, the folders of graftkit's services and running
programs are found. ``send``: ``{"files": [[ROOT, PARTS, OFFSET], …]}``; for each file a line with size and SHA-256, and
its bytes from the offset on. ``remove``: ``{"files": [[ROOT, PARTS, SHA256], …]}``; only files with this content go.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CHUNK = 1 << 20
_OPTIONS = {"run": ("--save-uncertain", "--capture"), "capture": ("-o", "--output")}
"""The options of graft-device's commands that name a folder of kept photos."""

_TABLES = ("uncertain", "capture")
"""The tables of a board.toml whose ``folder`` is one."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_READ_TOML = """
import json, sys
try:
    import tomllib
except ImportError:
    try:
        import tomli as tomllib
    except ImportError:
        from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    print(json.dumps(tomllib.load(file), default=str))
"""

_HERE = "/current/model.tflite"
"""The end of the path of a store's current model."""


class Command(NamedTuple):
    """A command line of graftkit.

    Attributes:
        words: its words.
        folder: where it runs; empty if that is not known.
        config: the contents of its board.toml; None if there is none.
    """

    words: list[str]
    folder: str
    config: Any


def list_photos(folders: Sequence[str] | None, limit: int) -> None:
    """Prints each folder with its state, each plain file in it and in the folders in it, and the models' names."""
    commands = list(_commands())
    if folders is None:
        wanted = [folder for command in commands for folder in _folders_of(command)]
    else:
        home = Path.home()
        wanted = [str(home / os.path.expanduser(folder)) for folder in folders]  # noqa: PTH111  never raises
    _answer(rsync=shutil.which("rsync") is not None, root=os.geteuid() == 0, user=_user())
    seen: set[str] = set()
    for folder in wanted:
        root = os.path.realpath(folder)  # Path.resolve raises where it may not look
        if root not in seen:
            seen.add(root)
            limit = _list_root(folder, root, limit)
    _answer(models=_models([text for command in commands for text in (*command.words, *_texts(command.config))]))
    _answer(end=True)


def _list_root(folder: str, root: str, limit: int) -> int:
    """Prints one folder and its files; returns how many files may still be printed."""
    try:
        handle = os.open(root, _FOLDER)
    except OSError as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        denied = isinstance(error, PermissionError)
        _answer(folder=folder, root=root, state="missing" if missing else "denied" if denied else str(error.strerror))
        return limit
    state = "ok"
    files: list[tuple[list[str], os.stat_result]] = []
    try:
        for parts, status in _files_in(handle):
            if len(files) == limit:
                state = "crowded"
                break
            files.append((parts, status))
    except PermissionError:
        state, files = "denied", []
    finally:
        os.close(handle)
    _answer(folder=folder, root=root, state=state)
    for parts, status in files:
        _answer(file=[root, parts, status.st_size, status.st_mtime_ns])
    return limit - len(files)


def _files_in(handle: int) -> Iterator[tuple[list[str], os.stat_result]]:
    """The plain files in an open folder and in the folders in it, without hidden ones, and without following links."""
    for name in sorted(os.listdir(handle)):
        status = _status(name, handle)
        if status is None or name.startswith("."):
            continue
        if stat.S_ISREG(status.st_mode):
            yield [name], status
        elif stat.S_ISDIR(status.st_mode):
            try:
                inner = os.open(name, _FOLDER, dir_fd=handle)
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                for one in sorted(os.listdir(inner)):  # noqa: PTH208  an open folder
                    found = _status(one, inner)
                    if found is not None and stat.S_ISREG(found.st_mode) and not one.startswith("."):
                        yield [name, one], found
            finally:
                os.close(inner)


def _status(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def send(files: Sequence[Sequence[Any]], sink: BinaryIO) -> None:
    """Writes for each file a line with size and SHA-256, or what is wrong, and then its bytes from an offset on."""
    for root, parts, offset in files:
        try:
            with _opened(root, parts) as (_, handle, status), os.fdopen(os.dup(handle), "rb") as file:
                digest, size = _digest(file), status.st_size
                start = min(int(offset), size)
                sink.write(json.dumps({"size": size, "sha256": digest, "from": start}).encode() + b"\n")
                file.seek(start)
                left = size - start
                while left and (data := file.read(min(_CHUNK, left))):
                    sink.write(data)
                    left -= len(data)
                sink.write(bytes(left))  # one that was cut short meanwhile; its digest will not match
        except OSError as error:
            sink.write(json.dumps({"error": str(error.strerror)}).encode() + b"\n")
        sink.flush()


def remove(files: Sequence[Sequence[Any]]) -> None:
    """Removes each file if it still has its SHA-256, and prints what became of it."""
    for root, parts, sha256 in files:
        try:
            with _opened(root, parts) as (folder, handle, status):
                with os.fdopen(os.dup(handle), "rb") as file:
                    same = _digest(file) == sha256
                now = _status(parts[-1], folder)
                if same and now is not None and (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino):
                    os.unlink(parts[-1], dir_fd=folder)
                    _answer(state="removed")
                else:
                    _answer(state="changed")
        except FileNotFoundError:
            _answer(state="gone")
        except PermissionError as error:
            _answer(state="denied", why=str(error.strerror))
        except OSError as error:
            _answer(state="failed", why=str(error.strerror))


@contextlib.contextmanager
def _opened(root: str, parts: Sequence[str]) -> Iterator[tuple[int, int, os.stat_result]]:
    """Opens the folder of a file, and the plain file in it, without following a link."""
    if not 1 <= len(parts) <= 2 or any(part in {"", ".", ".."} or "/" in part for part in parts):  # noqa: PLR2004
        raise OSError(0, "not the path of a kept photo")
    handles = [os.open(root, _FOLDER)]
    try:
        for part in parts[:-1]:
            handles.append(os.open(part, _FOLDER, dir_fd=handles[-1]))
        handles.append(os.open(parts[-1], _FILE, dir_fd=handles[-1]))
        status = os.fstat(handles[-1])
        if not stat.S_ISREG(status.st_mode):
            raise OSError(0, "not a plain file")
        yield handles[-2], handles[-1], status
    finally:
        for handle in handles:
            os.close(handle)


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while data := file.read(_CHUNK):
        digest.update(data)
    return digest.hexdigest()


def _commands() -> Iterator[Command]:
    """The command lines of graftkit: those of systemd's units, and those of running programs."""
    own = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"
    for folder in (Path("/etc/systemd/system"), own):
        for path in sorted(folder.glob("*.service")):
            words, place = _unit(path)
            if _subcommand(words):
                yield Command(words, place, _config_of(words, place))
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = [os.fsdecode(word) for word in (process / "cmdline").read_bytes().split(b"\0")[:-1]]
            if _subcommand(words):
                place = _link(process / "cwd")
                yield Command(words, place, _config_of(words, place))


def _unit(path: Path) -> tuple[list[str], str]:
    """The words of a unit's command, with its drop-ins, and its working folder."""
    values = {"ExecStart": "", "WorkingDirectory": ""}
    for file in (path, *sorted(Path(f"{path}.d").glob("*.conf"))):
        with contextlib.suppress(OSError):
            for line in file.read_text(errors="surrogateescape").replace("\\\n", " ").splitlines():
                key, equals, value = line.strip().partition("=")
                if equals and key.strip() in values:
                    values[key.strip()] = value.strip() or values[key.strip()]
    try:
        words = shlex.split(values["ExecStart"].replace("%%", "%").replace("$$", "$"))
    except ValueError:
        words = []
    return words, values["WorkingDirectory"].replace("%%", "%")


def _link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def _subcommand(words: Sequence[str]) -> str:
    """The command of graft-device that a command line runs; empty for another program."""
    for before, word in zip(words, words[1:]):
        if word in _OPTIONS and (Path(before).name == "graft-device" or before == "graft_device.cli"):
            return word
    return ""


def _folders_of(command: Command) -> Iterator[str]:
    """The folders of kept photos that a command names."""
    names = _OPTIONS.get(_subcommand(command.words), ())
    found: list[Any] = [value for name in names for value in _values(command.words, name)]
    if isinstance(command.config, dict):
        tables = [command.config.get(name) for name in _TABLES]
        found += [table.get("folder") for table in tables if isinstance(table, dict)]
    for folder in found:
        if isinstance(folder, str) and (path := Path(command.folder) / folder).is_absolute():
            yield str(path)


def _values(words: Sequence[str], name: str) -> Iterator[str]:
    for word, following in zip(words, [*words[1:], ""]):
        if word == name and following:
            yield following
        elif name.startswith("--") and word.startswith(f"{name}="):
            yield word.partition("=")[2]


def _config_of(words: Sequence[str], place: str) -> Any:
    """The contents of a command's board.toml, read by the Python that the command has, too; None if there is none."""
    for value in _values(words, "--config"):
        first = Path(words[0]).parent
        for python in (sys.executable, f"{first}/python", f"{first}/python3"):
            with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
                command = [python, "-I", "-c", _READ_TOML, str(Path(place) / value)]
                done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
                return json.loads(done.stdout)
    return None


def _texts(value: Any) -> Iterator[str]:
    """All texts in the contents of a file."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _models(named: Sequence[str]) -> dict[str, str]:
    """The names of the board's models by their ids, from its stores and from the files that commands name."""
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    found: dict[str, str] = {}
    for text in dict.fromkeys([os.environ.get("GRAFT_STORE", ""), "/var/lib/graftkit", f"{home}/graftkit", *named]):
        store = Path(text.removesuffix(_HERE))
        if not store.is_absolute():
            continue
        with contextlib.suppress(OSError, ValueError):
            for record in sorted(store.glob("slots/*/slot.json")):
                with contextlib.suppress(OSError, ValueError, AttributeError):
                    found[record.parent.name] = str(json.loads(record.read_text()).get("name", ""))
            if store.suffix == ".tflite" and store.is_file():
                with store.open("rb") as file:
                    found.setdefault(_digest(file)[:16], store.stem)
    return found


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _answer(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs as ``python -c TEXT ACTION`` with the request as one line on standard input."""
    request = json.loads(sys.stdin.readline())
    if sys.argv[1] == "list":
        list_photos(request["folders"], request["limit"])
    elif sys.argv[1] == "send":
        send(request["files"], sys.stdout.buffer)
    else:
        remove(request["files"])


if __name__ == "__main__":
    main()
