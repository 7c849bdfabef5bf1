"""Reads single keys from a terminal, which is as before afterwards, whatever ends the block."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import termios
from collections.abc import Iterator
from types import FrameType
from typing import Any, Union

from graft_device.system.stopping import Stop

PRESS, END = "press", "end"

Key = Union[str, int]
"""``PRESS`` for Enter or any other key, ``END`` for q and Ctrl-D, or the number of a digit, 1 to 9."""

_ESCAPE = 0x1B
_ENDING = frozenset(b"qQ\x04\x1c")  # Ctrl-D and Ctrl-\ too
_CONTINUED = range(0x80, 0xC0)  # the further bytes of a letter in UTF-8
_LOCAL, _CHARACTERS = 3, 6  # places in the list of tcgetattr
_MOST = 4096


def is_asked(descriptor: int) -> bool:
    """Whether a person sits before this: a terminal in whose foreground this process is."""
    try:
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


def keys_in(data: bytes) -> list[Key]:
    """The keys that a terminal's bytes stand for. An arrow or a function key, which sends several, is one."""
    keys: list[Key] = []
    for place, byte in enumerate(data):
        if byte == _ESCAPE:
            return [*keys, PRESS]
        if byte in _ENDING:
            return [*keys, END]
        if byte not in _CONTINUED:
            digit = data[place : place + 1]
            keys.append(int(digit) if digit.isdigit() and digit != b"0" else PRESS)
    return keys


class Keys:
    """While this is entered, a terminal gives each key at once and shows none.

    Ctrl-C interrupts as ever. Ctrl-Z gives the terminal back until the process goes on.
    """

    def __init__(self, descriptor: int, stop: Stop) -> None:
        """Changes nothing until it is entered.

        Args:
            descriptor: of the terminal.
            stop: is set when the terminal is closed.
        """
        self._terminal = descriptor
        self._stop = stop
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Keys:
        self._before = termios.tcgetattr(self._terminal)
        try:
            for number in (signal.SIGTSTP, signal.SIGCONT, signal.SIGHUP):
                self._handlers[number] = signal.signal(number, self._handle)
            self._set()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._reset()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def read(self, timeout: float = 0.0) -> list[Key]:
        """The keys that were pressed since the last call.

        Args:
            timeout: the longest time in seconds to wait for one.
        """
        if not select.select([self._terminal], [], [], timeout)[0]:
            return []
        try:
            data = os.read(self._terminal, _MOST)
        except OSError:  # the terminal was closed
            return [END]
        return keys_in(data) if data else [END]

    def _set(self) -> None:
        mode = [*self._before[:_CHARACTERS], [*self._before[_CHARACTERS]]]
        mode[_LOCAL] &= ~(termios.ECHO | termios.ICANON)
        # Ctrl-\ would end the process at once, and leave the terminal as it is here.
        for name, value in ((termios.VMIN, 1), (termios.VTIME, 0), (termios.VQUIT, b"\0")):
            mode[_CHARACTERS][name] = value
        termios.tcsetattr(self._terminal, termios.TCSADRAIN, mode)

    def _reset(self) -> None:
        with contextlib.suppress(termios.error):  # the terminal was closed
            termios.tcsetattr(self._terminal, termios.TCSADRAIN, self._before)

    def _handle(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._stop.wanted = True
        elif number == signal.SIGTSTP:
            self._reset()
            os.kill(os.getpid(), signal.SIGSTOP)
        elif is_asked(self._terminal):
            self._set()


@contextlib.contextmanager
def keys_of(descriptor: int | None, stop: Stop) -> Iterator[Keys | None]:
    """Gives the keys of a terminal; None for None."""
    if descriptor is None:
        yield None
        return
    with Keys(descriptor, stop) as keys:
        yield keys
