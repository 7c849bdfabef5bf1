"""Kills an action with SIGKILL before each of its steps in turn; as a program, a change of the store.

It runs as a program that forks for each trial, so it must never open an interpreter itself.
"""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from graft_device.classifier import Classifier
from graft_device.runtime import installed_runtimes
from graft_device.store import switching
from graft_device.store.incoming import ModelSource
from graft_device.store.installation import Request, install, roll_back
from graft_device.store.pictures import render
from graft_device.store.slots import Store
from graft_device.system import durable
from tests.support.host_data import python_environment

STEPS = ("replace", "rename", "symlink", "link", "unlink", "rmdir", "mkdir", "fsync", "chmod", "fchmod")


def main() -> None:
    """Tries ``sys.argv``: a pristine store, a model (copied to its ``incoming``), ``install`` or ``rollback``."""
    assert installed_runtimes()[0] == "litert"
    import_module("ai_edge_litert.interpreter")  # once, not in each fork
    pristine, model, action = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    place = pristine.with_name(f"{pristine.name}-tried")
    store = Store(place)
    incoming = store.incoming / "new.tflite"

    def prepare() -> None:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(pristine, place, symlinks=True)
        store.incoming.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model, incoming)

    for found in kills(place.with_name("step"), prepare, lambda: _act(action, store, incoming)):
        found["left"] = _look(place)
        if not incoming.exists():
            shutil.copyfile(model, incoming)
        found["again"] = forked(lambda: _act(action, store, incoming) if action == "install" else _settle(store))
        found["after"] = _look(place, classify=False)
        sys.stdout.write(json.dumps(found) + "\n")


def _act(action: str, store: Store, incoming: Path) -> None:
    if action == "install":
        install(Request(ModelSource(str(incoming)), store, keep=2))
    else:
        roll_back(store, None, None, "auto", 0)


def _settle(store: Store) -> None:
    with switching.locked(store):
        pass


def tried(program: ModuleType, *args: Path | str) -> list[dict[str, Any]]:
    """Runs a program that kills; returns what it found after each trial, of which the last one ran to its end."""
    command = [sys.executable, "-m", program.__name__, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=python_environment())
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert found[-1]["status"] == 0, done.stderr
    assert {each["status"] for each in found[:-1]} == {-9}
    return found


def kills(
    step: Path,
    prepare: Callable[[], None],
    act: Callable[[], None],
    stop: Callable[[int, Path, Callable[[], None]], None] | None = None,
) -> Iterator[dict[str, Any]]:
    """Kills an action before each of its steps in turn, until it has none left.

    Args:
        step: the file that the name of the step is written to.
        prepare: makes what is there before.
        act: the action, which runs in a process of its own.
        stop: kills the process before the step with a number; ``stopped`` if None.

    Yields:
        The step and the action's exit status, in a dictionary to which more may be added.
    """
    for number in itertools.count(1):
        prepare()
        step.write_text("")
        status = forked(lambda: (stop or stopped)(number, step, act))  # noqa: B023
        yield {"step": step.read_text(), "status": status}
        if status == 0:
            return


def stopped(stop: int, step: Path, act: Callable[[], None]) -> None:
    """Runs the action, and kills this process before the step with that number."""
    count = 0

    def counted(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal count
            if name != "open" or _writes(args, kwargs):
                count += 1
                if count == stop:
                    handle = os.open(step, os.O_WRONLY)
                    os.write(handle, f"{name} {' '.join(map(str, args))}".encode())
                    os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in STEPS:
        setattr(os, name, counted(name, getattr(os, name)))
    io.open = counted("open", io.open)  # what pathlib calls
    act()


def _writes(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    mode = str(args[1] if len(args) > 1 else kwargs.get("mode", "r"))
    return any(letter in mode for letter in "wax+")


def forked(act: Callable[[], None]) -> int:
    """Runs the action in a child process; returns its exit status, or minus the signal that ended it."""
    process = os.fork()
    if process == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001  nothing may get out of the fork
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _look(place: Path, classify: bool = True) -> dict[str, Any]:
    """The store as the next command sees it, and the files in it."""
    store = Store(place)
    current = store.current_id()
    slots = sorted(path.name for path in store.slots_folder.iterdir()) if store.slots_folder.exists() else []
    litter = [path.name for path in place.iterdir() if path.name.startswith(".") or path.name == "switch.json"]
    litter += [path.name for path in store.staging.iterdir()] if store.staging.exists() else []
    litter += [path.name for path in store.incoming.iterdir()] if store.incoming.exists() else []
    link = place / "current" / "model.tflite"
    digest = durable.digest(link) if link.exists() else None
    status = forked(lambda: _classify(link)) if digest and classify else None
    return {
        "current": current, "previous": store.previous_id(), "slots": slots, "litter": litter,
        "sha256": digest, "classify": status,
    }  # fmt: skip


def _classify(model: Path) -> None:
    assert Classifier(model).classify(render(0, 64))


if __name__ == "__main__":
    main()
