"""Interrupts an action at each of its moments in turn, because Ctrl-C can come between any two lines of Python.

A moment is the beginning of a line of graftkit's code, or the end of a call in which the system changed a file.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import shutil
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any

import graft_device
import graft_host

CODE = tuple(f"{Path(package.__path__[0])}{os.sep}" for package in (graft_device, graft_host))
"""Where graftkit's code is."""

_CHANGES = frozenset({
    os.chmod, os.fchmod, os.ftruncate, os.link, os.mkdir, os.pwrite, os.remove, os.rename, os.replace, os.rmdir,
    os.symlink, os.truncate, os.unlink, os.write,
})  # fmt: skip
"""The system's functions that change a file."""

_UNAVOIDABLE = 1
"""Descriptors that may stay open: Python has no way to protect the moment between ``os.open`` and the block that closes
what was opened."""


def ctrl_c() -> None:
    """Raises KeyboardInterrupt, as Python's handler of SIGINT does."""
    raise KeyboardInterrupt


class Moments:
    """Counts the moments of its block, in the thread that entered it, and interrupts one of them.

    Attributes:
        count: the number of moments so far; it may be set.
        where: the moment that was interrupted; empty if it was not reached.
    """

    def __init__(
        self,
        place: int,
        interrupt: Callable[[], None] = ctrl_c,
        code: tuple[str, ...] = CODE,
        *,
        changes: bool = True,
    ) -> None:
        """Interrupts nothing until its block is entered.

        Args:
            place: the number of the moment to interrupt, from 1.
            interrupt: called at that moment.
            code: how the paths of the source files begin whose lines are moments.
            changes: whether the ends of calls that change a file are moments, and a line is one only once between two
                of them; otherwise each line is one each time.
        """
        self.count = 0
        self.where = ""
        self._place = place
        self._interrupt = interrupt
        self._code = code
        self._changes = changes
        self._passed: set[tuple[str, int]] = set()

    def __enter__(self) -> Moments:
        self._before = sys.gettrace(), sys.getprofile()
        if self._changes:
            sys.setprofile(self._call)
        sys.settrace(self._function)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self._before[0])
        sys.setprofile(self._before[1])

    def _function(self, frame: FrameType, _event: str, _arg: object) -> Callable[..., Any] | None:
        return self._line if frame.f_code.co_filename.startswith(self._code) else None

    def _line(self, frame: FrameType, event: str, _arg: object) -> Callable[..., Any]:
        place = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and not (self._changes and place in self._passed):
            self._passed.add(place)
            self._moment(f"before {place[0]}:{place[1]}")
        return self._line

    def _call(self, frame: FrameType, event: str, function: Any) -> None:
        if event == "c_return" and (
            function in _CHANGES or isinstance(getattr(function, "__self__", None), sqlite3.Connection)
        ):
            self._passed.clear()
            self._moment(f"after {function.__name__} in {frame.f_code.co_filename}:{frame.f_lineno}")

    def _moment(self, where: str) -> None:
        self.count += 1
        if self.count == self._place:
            self.where = where
            self._interrupt()


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that can be interrupted, in a folder of its own.

    Attributes:
        act: does it. It is called again in the same folder after each interruption, and must then reach its end.
        prepare: makes what is there before.
        interrupted: asserts what holds in the folder after an interruption.
        finished: asserts what holds in the folder after ``act`` has reached its end.
    """

    act: Callable[[Path], object]
    prepare: Callable[[Path], object] = lambda _: None
    interrupted: Callable[[Path], object] = lambda _: None
    finished: Callable[[Path], object]


def names(folder: Path) -> list[str]:
    """The names in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())


def code_of(*modules: ModuleType) -> tuple[str, ...]:
    """The source files of modules, and for a package all in it, as ``interrupt_everywhere`` takes them."""
    return tuple(str(module.__file__).removesuffix("__init__.py") for module in modules)


def interrupt_everywhere(action: Action, parent: Path, code: tuple[str, ...] = CODE, stride: int = 1) -> int:
    """Interrupts an action at each of its moments, each time in a fresh folder, and does it again to its end.

    Args:
        action: what to interrupt.
        parent: where the folders are made.
        code: how the paths of the source files begin whose lines are moments.
        stride: the distance between two moments that are interrupted.

    Returns:
        The number of interruptions.

    Raises:
        AssertionError: an assertion failed, the action failed afterwards, Ctrl-C was ignored, a file stayed open or
            locked, or the umask was changed; names the moments.
    """
    faults: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # such files are closed with their last reference
        for place in itertools.count(1, stride):
            moments = Moments(place, code=code)
            folder = parent / f"moment-{place}"
            folder.mkdir()
            action.prepare(folder)
            try:
                trouble = _interrupted(action, folder, moments)
            except Exception as error:  # noqa: BLE001  whatever fails, the moment is needed
                trouble = f"{type(error).__name__}: {error}".partition("\n")[0]
            if trouble:
                faults.append(f"{moments.where or 'without an interruption'}: {trouble}")
            shutil.rmtree(folder)
            if not moments.where:
                break
        gc.collect()
    assert not faults, "\n".join(faults)
    return (place - 1) // stride


def _interrupted(action: Action, folder: Path, moments: Moments) -> str:
    """Interrupts an action once; returns what is wrong, or nothing."""
    before, mask = _descriptors(), _umask()
    ended = False
    try:
        next(_isolated(action, folder, moments))
        ended = True
    except KeyboardInterrupt:
        pass
    if not ended:
        if _descriptors() - before:
            gc.collect()  # a connection of sqlite3 refers to itself
        action.interrupted(folder)
        action.act(folder)
    action.finished(folder)
    opened = {number: path for number, path in (_descriptors() - before) if _is_named(path)}
    locked = [path for number, path in opened.items() if _is_locked(number)]
    if len(opened) > _UNAVOIDABLE or locked:
        return f"open: {sorted(opened.values())}, locked: {locked}"
    if (left := _umask()) != mask:
        os.umask(mask)
        return f"umask {left:03o}"
    return "Ctrl-C was ignored" if ended and moments.where else ""


def _isolated(action: Action, folder: Path, moments: Moments) -> Iterator[None]:
    """Acts in a generator, which has its own exception that is being handled.

    If a trace function raises in the last line of an ``except`` block, Python goes on to handle that block's exception,
    and so keeps alive what it refers to.
    """
    with moments:
        action.act(folder)
    yield


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _descriptors() -> set[tuple[str, str]]:
    """The numbers of this process's descriptors, and where each leads."""
    found = set()
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # of the folder itself
            found.add((path.name, str(path.readlink())))
    return found


def _is_named(path: str) -> bool:
    """Whether a descriptor leads to a file that still has a name; the sockets are those of a test's server."""
    return path.startswith("/") and not path.endswith(" (deleted)")


def _is_locked(number: str) -> bool:
    return "lock:" in (Path("/proc/self/fdinfo") / number).read_text()
