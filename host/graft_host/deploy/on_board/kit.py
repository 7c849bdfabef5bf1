"""Runs on the board with its system Python and the standard library alone: makes the kit's environment.

``environment.py`` sends it as text. A kit is made under its final name, ``STORE/kits/ID``, since virtual environments
cannot be moved, and is complete once it contains ``kit.json``. ``STORE/venv`` is a link to one of the kits, which
``activate`` replaces by rename. Programs of the kit are started through that link.

The board's settings for pip decide where packages come from, and nothing else: where and how they are installed is the
same on every board. What was installed is verified from inside the kit.

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
import tempfile
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

_SOURCES = (
    "index-url", "extra-index-url", "trusted-host", "find-links", "no-index", "proxy", "cert", "client-cert",
    "timeout", "retries",
)  # fmt: skip
"""The settings of the board's pip that hold here, from its files and its environment."""

# Not 'pip config list': a wrong value of any setting ends every command of pip.
_SETTINGS = """
import json, sys
from pip._internal.configuration import Configuration
configuration = Configuration(isolated=False)
try:
    configuration.load()
except Exception as error:
    sys.exit(" ".join(str(error).split()))
print(json.dumps({key: value for key, value in configuration.items() if isinstance(value, str)}))
"""
_VERIFY = """
import json, sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from pip._vendor.packaging.requirements import Requirement
kit, system = Path(sys.prefix).resolve(), sys.argv[1] == "system"
waiting, done, problems = [(Requirement(text), True) for text in json.loads(sys.argv[2])], set(), []
while waiting:
    requirement, ours = waiting.pop()
    key = (requirement.name, frozenset(requirement.extras))
    if key in done:
        continue
    done.add(key)
    try:
        package = distribution(requirement.name)
    except PackageNotFoundError:
        problems.append(f"{requirement.name} is not installed in it")
        continue
    place = Path(package.locate_file("")).resolve()
    if kit not in place.parents and (ours or not system):
        problems.append(f"{requirement.name} is in {place}")
    if not requirement.specifier.contains(package.version, prereleases=True):
        problems.append(f"{requirement.name} {package.version} is not {requirement.specifier}")
    for text in package.requires or ():
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in ("", *requirement.extras)):
            waiting.append((needed, False))
print(json.dumps(problems))
"""


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
            shutil.rmtree(_broken(kit), ignore_errors=True)  # left by an interruption after a new one was made
            return {"made": False}
        with _aside(kit):
            _build(store, kit, request)
        return {"made": True}


@contextmanager
def _aside(kit: Path) -> Iterator[None]:
    """Moves a broken kit aside, and back if no new one is made: a service may still run from it.

    An incomplete one is removed. Whether a new one was made is read from the disk, since Ctrl-C may come at any moment.
    """
    broken = _broken(kit)
    for path in (kit, broken):
        if os.path.lexists(path) and not _is_kit(path):
            raise KitError(f"{path} is not a kit that graftkit made", "move it away")
    try:
        if not _complete(kit):
            shutil.rmtree(kit, ignore_errors=True)
        else:
            shutil.rmtree(broken, ignore_errors=True)
            kit.rename(broken)
        yield
    finally:
        if _complete(kit):
            shutil.rmtree(broken, ignore_errors=True)
        else:
            shutil.rmtree(kit, ignore_errors=True)
            if broken.is_dir():
                broken.rename(kit)


def _broken(kit: Path) -> Path:
    """Where a broken kit is while a new one is made."""
    return kit.with_name(f".{kit.name}.broken")


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
    python = str(kit / "bin" / "python")
    for leftover in kit.parent.glob(".tmp-*"):  # of a run that was interrupted, since the kits are locked
        shutil.rmtree(leftover, ignore_errors=True)
    # The board's folder for temporary files may be small, or in memory.
    with tempfile.TemporaryDirectory(dir=kit.parent, prefix=".tmp-") as scratch:
        environment = {**os.environ, "TMPDIR": scratch}
        venv = [sys.executable, "-I", "-m", "venv", *system, str(kit)]
        _run(venv, "no virtual environment can be made", environment)
        _install(python, request, environment)
    _verify(python, request)
    _lead_through_link(store, kit)
    record = {key: request[key] for key in ("id", "version", "runtime", "wheel")}
    _write(kit / "kit.json", json.dumps({**record, "python": ".".join(map(str, sys.version_info[:3]))}) + "\n")


def _install(python: str, request: dict[str, Any], environment: dict[str, str]) -> None:
    pip = [
        python,
        "-I",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-warn-script-location",
        "--no-cache-dir",
    ]
    wheels = request.get("wheels")
    sources = {} if wheels else _sources(python)
    given = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in sources.items()}
    environment = {**_without(environment, "PIP_"), **given, "PIP_CONFIG_FILE": os.devnull}
    source = ["--no-index", "--find-links", wheels] if wheels else []
    _run([*pip, *source, *request["requirements"]], "pip can't install the kit", environment, _advice(wheels, sources))


def _advice(wheels: str | None, sources: dict[str, str]) -> str:
    if wheels:
        return ""
    send = "send the wheels from here ('graft deploy --offline', 'graftkit_wheels' of the Ansible role)"
    if "no-index" in sources:
        return f"pip's settings there forbid its index (no-index): {send}"
    return f"check the board's network and the index in pip's settings there, or {send}"


def _sources(python: str) -> dict[str, str]:
    """Where the board's pip takes packages from, by the names of pip's options."""
    command = [python, "-I", "-c", _SETTINGS]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise KitError(f"pip's settings there cannot be read ({reason})", "correct them, or deploy with --offline")
    settings: dict[str, str] = json.loads(done.stdout)
    found = {}
    for name in _SOURCES:
        values = [settings[key] for key in (f":env:.{name}", f"install.{name}", f"global.{name}") if key in settings]
        if values and not (name == "no-index" and values[0].lower() in {"0", "no", "off", "false", ""}):
            found[name] = " ".join(values[0].split())
    return found


def _verify(python: str, request: dict[str, Any]) -> None:
    """Raises KitError unless every package that is needed is in the kit, or in the system where that is allowed."""
    system = "system" if request["system"] else "own"
    command = [python, "-I", "-c", _VERIFY, system, json.dumps(request["requirements"])]
    problems = json.loads(_run(command, "the kit cannot be verified", dict(os.environ)))
    if problems:
        remedy = "look for what redirects pip on the board, such as sitecustomize.py or a wrapper of python3"
        raise KitError(f"pip did not install the kit into {Path(python).parents[1]}: {problems[0]}", remedy)


def _lead_through_link(store: Path, kit: Path) -> None:
    """Has the kit's programs start ``STORE/venv/bin/python``, a path that outlives this kit.

    They start it isolated, so that the settings of a session for Python do not change what they import.
    """
    inside, outside = re.escape(str(kit / "bin").encode()), str(store / "venv" / "bin").encode()
    # For a path that is long or has a blank, the first line names a shell, and the second starts Python.
    start = re.compile(rb"\A(#!|[^\n]*\n[^\n]*\")" + inside + rb"(/[\w.]+\"?)")
    for path in (kit / "bin").iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes()
        if text.startswith(b"#!") and (found := start.match(text)):
            path.write_bytes(found[1] + outside + found[2] + b" -I" + text[found.end() :])


def _run(command: list[str], what: str, environment: dict[str, str] | None = None, remedy: str = "") -> str:
    """Runs a program; returns its standard output.

    Raises:
        KitError: the program failed.
    """
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env=environment,
    )
    if done.returncode:
        text = f"{done.stdout}\n{done.stderr}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        # pip and venv report errors only as text.
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ") or "Error:" in line]
        reason = errors[-1] if errors else lines[-1] if lines else "no reason given"
        if "No space left on device" in text or "Disk quota exceeded" in text:
            raise KitError(f"{what}: {reason}", _MAKE_ROOM, _NO_ROOM)
        raise KitError(f"{what}: {reason}", remedy)
    return done.stdout


def _without(environment: dict[str, str], *prefixes: str) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(prefixes)}


def _complete(kit: Path) -> bool:
    return not kit.is_symlink() and (kit / "kit.json").is_file()


def _is_kit(path: Path) -> bool:
    """Whether a path in ``kits`` is a folder, not a link to one, that this program made, complete or not."""
    return path.is_dir() and not path.is_symlink() and (_complete(path) or bool(_KIT.fullmatch(path.name)))


def _works(kit: Path) -> bool:
    """Whether the kit's program starts, which imports every command."""
    command = [str(kit / "bin" / "python"), "-I", str(kit / "bin" / "graft-device"), "--version"]
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
            except OSError as error:
                if not isinstance(error, BlockingIOError):
                    what = f"the store cannot be in {store}, because its file system has no locks"
                    raise KitError(what, "name another folder with --store", _NO_ROOM) from None
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
    for name in set(os.environ) - set(_without(dict(os.environ), "PYTHON", "LD_", "LANGUAGE")):
        del os.environ[name]
    os.environ["LC_ALL"] = "C.UTF-8"  # errors of the system are recognised by their English text
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
