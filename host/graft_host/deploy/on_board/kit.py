"""Runs on the board with its system Python and the standard library alone: makes the kit's environment.

``environment.py`` sends it as text. A kit is made under its final name, ``STORE/kits/ID``, since virtual environments
cannot be moved, and is complete once it contains ``kit.json``. ``STORE/venv`` is a link to one of the kits, which
``activate`` replaces by rename. Programs of the kit are started through that link.

Prints one line of JSON: ``{"made": …}``, ``{"activated": …}`` or
``{"error": {"what": …, "remedy": …}, "status": …}``.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITE_ERRORS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EPERM, errno.EDQUOT)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_ROOM, _BUSY = 6, 7
_WAIT_S = 600
_KIT = re.compile(r"[0-9a-f]{12}|\.[0-9a-f]{12}\.broken")
_MARKER = "graftkit-store"
_OF_STORE = {
    *("slots", "staging", "incoming", "kits", "queue", "lost+found", "System Volume Information"),
    *("allowed_signers", "lock", "newest", "switch.json", ".deploy.lock", ".kits.lock"),
    *("current", "previous", "venv", ".venv.new"),
}
_TEMPORARY = re.compile(r"\.(newest|switch\.json)\.[a-z0-9_]{8}\.tmp")
_MAKE_ROOM = "make room there, or name another folder with --store"


class KitError(Exception):
    """The kit cannot be made or used: what is wrong, what to do about it, and an exit status."""

    def __init__(self, what: str, remedy: str = "", status: int = 1) -> None:
        super().__init__(what, remedy, status)
        self.what = what
        self.remedy = remedy
        self.status = status


def make(store: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Makes the kit ``request["id"]`` unless it exists and works.

    Args:
        store: the board's store, which contains the folder ``kits``.
        request: ``id``, ``version``, ``runtime``, ``wheel`` (its SHA-256), ``requirements``, ``system`` (whether the
            environment sees the system's packages) and, if pip must not use its index, ``wheels``, a folder;
            ``rebuild`` to make the kit again even if its files are complete.
    """
    kit = store / "kits" / request["id"]
    with _locked(store):
        if _complete(kit) and not request.get("rebuild") and _works(kit):
            return {"made": False}
        with _aside(kit):
            try:
                _build(store, kit, request)
            except BaseException:
                shutil.rmtree(kit, ignore_errors=True)
                raise
        return {"made": True}


@contextmanager
def _aside(kit: Path) -> Iterator[None]:
    """Moves a broken kit aside, and back if no new one is made: a service may still run from it."""
    broken = kit.with_name(f".{kit.name}.broken")
    for path in (kit, broken):
        if os.path.lexists(path) and not _is_kit(path):
            raise KitError(f"{path} is not a kit that graftkit made", "move it away")
    if not _complete(kit):
        shutil.rmtree(kit, ignore_errors=True)
    else:
        shutil.rmtree(broken, ignore_errors=True)
        kit.rename(broken)
    try:
        yield
    except BaseException:
        if broken.is_dir():
            broken.rename(kit)
        raise
    shutil.rmtree(broken, ignore_errors=True)


def activate(store: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Links ``STORE/venv`` to a kit; if ``request["prune"]``, removes kits that are not in ``request["keep"]``."""
    with _locked(store):
        kits, link = store / "kits", store / "venv"
        if not _complete(kits / request["id"]):
            raise KitError(f"the kit {request['id']} is not complete")
        before = link.readlink().name if link.is_symlink() else None
        if before is None and os.path.lexists(link):
            raise KitError(f"{link} is not a link that graftkit made", "move it away")
        if before != request["id"]:
            fresh = store / ".venv.new"
            if fresh.is_symlink():
                fresh.unlink()
            fresh.symlink_to(Path("kits") / request["id"])
            fresh.replace(link)
            _sync(store)
        kept = {request["id"], *request.get("keep", ())}
        if request.get("prune"):
            for path in kits.iterdir():
                if path.name not in kept and _is_kit(path):
                    shutil.rmtree(path, ignore_errors=True)
        return {"activated": before != request["id"], "before": before}


def _build(store: Path, kit: Path, request: dict[str, Any]) -> None:
    kit.parent.mkdir(parents=True, exist_ok=True)
    system = ["--system-site-packages"] if request["system"] else []
    _run([sys.executable, "-m", "venv", *system, str(kit)], "no virtual environment can be made")
    python = kit / "bin" / "python"
    pip = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-warn-script-location",
    ]
    source = ["--no-index", "--find-links", request["wheels"]] if request.get("wheels") else []
    _run([*pip, *source, *request["requirements"]], "pip can't install the kit")
    _lead_through_link(store, kit)
    record = {key: request[key] for key in ("id", "version", "runtime", "wheel")}
    _write(kit / "kit.json", json.dumps({**record, "python": ".".join(map(str, sys.version_info[:3]))}) + "\n")


def _lead_through_link(store: Path, kit: Path) -> None:
    """Has the kit's programs start ``STORE/venv/bin/python``, a path that outlives this kit."""
    inside, outside = str(kit / "bin").encode(), str(store / "venv" / "bin").encode()
    for path in (kit / "bin").iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes()
        # For a path that is long or has a blank, the first line names a shell, and the second starts Python.
        first, second, *_ = [*text.split(b"\n", 2), b""]
        if text.startswith(b"#!") and inside in first + second:
            path.write_bytes(text.replace(inside, outside, 1))


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        text = f"{done.stdout}\n{done.stderr}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        # pip and venv report errors only as text.
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") or "Error:" in line]
        reason = errors[-1] if errors else lines[-1] if lines else "no reason given"
        if "No space left on device" in text or "Disk quota exceeded" in text:
            raise KitError(f"{what}: {reason}", _MAKE_ROOM, _NO_ROOM)
        raise KitError(f"{what}: {reason}")


def _complete(kit: Path) -> bool:
    return not kit.is_symlink() and (kit / "kit.json").is_file()


def _is_kit(path: Path) -> bool:
    """Whether a path in ``kits`` is a folder, not a link to one, that this program made, complete or not."""
    return path.is_dir() and not path.is_symlink() and (_complete(path) or bool(_KIT.fullmatch(path.name)))


def _works(kit: Path) -> bool:
    """Whether the kit's program starts, which imports every command."""
    command = [str(kit / "bin" / "python"), str(kit / "bin" / "graft-device"), "--version"]
    try:
        return not subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode
    except OSError:
        return False


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.sync()  # the environment's thousands of files, before the file that declares it complete
    partial.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(store: Path) -> Iterator[None]:
    """Locks the kits. Another holder may be left from a lost connection, and ends by itself."""
    _check_store(store)
    (store / "kits").mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _WAIT_S
    # For the owner alone: anybody who can read a file can lock it.
    with open(store / ".kits.lock", "w", opener=_open_lock) as lock:
        os.fchmod(lock.fileno(), 0o600)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise KitError("another deployment is installing the kit", "try again later", _BUSY) from None
                time.sleep(0.2)
        yield


def _open_lock(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _check_store(store: Path) -> None:
    """Checks that a folder is a store or may become one; ``graft_device.store.ownership`` has the same list."""
    if (store / "kits").is_symlink():
        raise KitError(f"{store / 'kits'} is a link, not a folder", "remove it", _NO_ROOM)
    if (store / _MARKER).is_file() or not store.is_dir():
        return
    names = sorted(path.name for path in store.iterdir())
    foreign = [name for name in names if name not in _OF_STORE and not _TEMPORARY.fullmatch(name)]
    if foreign:
        what = f"{store} is not a store: it contains {foreign[0]}, which is not graftkit's"
        raise KitError(what, "name a new or empty folder with --store", _NO_ROOM)


def main() -> None:
    """Runs as ``python - ACTION STORE REQUEST`` with this text on standard input."""
    action, store, request = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    os.umask(0o022)
    try:
        answer = {"make": make, "activate": activate}[action](store, request)
    except KitError as error:
        answer = {"error": {"what": error.what, "remedy": error.remedy}, "status": error.status}
    except OSError as error:
        status = _NO_ROOM if error.errno in _WRITE_ERRORS else 1
        remedy = _MAKE_ROOM if error.errno in _FULL else ""
        failure = {"what": f"{error.strerror}: {error.filename or store}", "remedy": remedy}
        answer = {"error": failure, "status": status}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
