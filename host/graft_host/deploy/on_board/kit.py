"""Runs on the board, with its own Python and nothing but the standard library: makes the kit's environment.

It is sent there as text; ``environment.py`` calls it. A kit is made under its final name in ``STORE/kits/ID``, since
virtual environments can't be moved, and is complete once ``kit.json`` is in it. ``STORE/venv`` is a link to one of
them, which ``activate`` replaces by rename. Programs in it are started through that link.

One line of JSON on standard output: ``{"made": …}``, ``{"activated": …}`` or ``{"error": …, "status": …}``.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
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
_ADVICE = "; make room there, or name another folder with --store"


class Failed(Exception):  # noqa: N818  what it is called is not seen
    """Says why, with an exit status."""


def make(store: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Makes the kit ``request["id"]`` unless it is there and works.

    Args:
        store: the folder of kits.
        request: ``id``, ``version``, ``runtime``, ``wheel`` (its SHA-256), ``requirements``, ``system`` and, if pip
            shall not ask its index, ``wheels``, a folder; ``mend`` if it shall be made anew even so.
    """
    kit = store / "kits" / request["id"]
    with _locked(store):
        if _complete(kit) and not request.get("mend") and _works(kit):
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
    """Puts a broken kit out of the way, and back where no other is made: a service may still run from it."""
    broken = kit.with_name(f".{kit.name}.broken")
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
    """Makes ``STORE/venv`` lead to a kit, and removes kits that are neither this one nor ``request["keep"]``."""
    with _locked(store):
        kits, link = store / "kits", store / "venv"
        if not _complete(kits / request["id"]):
            raise Failed(f"the kit {request['id']} is not complete", 1)
        before = link.readlink().name if link.is_symlink() else None
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
                if path.name not in kept:
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
    said = {key: request[key] for key in ("id", "version", "runtime", "wheel")}
    _write(kit / "kit.json", json.dumps({**said, "python": ".".join(map(str, sys.version_info[:3]))}) + "\n")


def _lead_through_link(store: Path, kit: Path) -> None:
    """Has the programs start ``STORE/venv/bin/python``, which is what they are called by and what outlives this kit."""
    inside, outside = str(kit / "bin").encode(), str(store / "venv" / "bin").encode()
    for path in (kit / "bin").iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes()
        # Where a path has a blank or is long, a shell is what the first line names, and Python follows in the second.
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
        told = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") or "Error:" in line]
        said = told[-1] if told else lines[-1] if lines else "no reason given"
        full = "No space left on device" in text or "Disk quota exceeded" in text
        raise Failed(f"{what}: {said}{_ADVICE if full else ''}", _NO_ROOM if full else 1)


def _complete(kit: Path) -> bool:
    return (kit / "kit.json").is_file()


def _works(kit: Path) -> bool:
    """Whether its program starts, which imports every command."""
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
    os.sync()  # the environment's thousands of files, before the one that says that they are there
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
    """One at a time. Another may be what a lost connection left behind, which ends by itself."""
    (store / "kits").mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _WAIT_S
    # For its owner alone: whoever may read a file may lock it.
    with open(store / ".kits.lock", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as lock:
        os.fchmod(lock.fileno(), 0o600)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > until:
                    raise Failed("another deployment is installing the kit: try again later", _BUSY) from None
                time.sleep(0.2)
        yield


def main() -> None:
    """``python - ACTION STORE REQUEST`` with this text on standard input."""
    action, store, request = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    os.umask(0o022)
    try:
        answer = {"make": make, "activate": activate}[action](store, request)
    except Failed as error:
        answer = {"error": str(error.args[0]), "status": error.args[1]}
    except OSError as error:
        status = _NO_ROOM if error.errno in _WRITE_ERRORS else 1
        advice = _ADVICE if error.errno in _FULL else ""
        answer = {"error": f"{error.strerror}: {error.filename or store}{advice}", "status": status}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
