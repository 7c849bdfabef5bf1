"""Switches a pin: on for some seconds after an event, or for as long as a state lasts."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from typing import TYPE_CHECKING, Any

from graft_device.actions.action_error import ActionError
from graft_device.errors import why
from graft_device.outputs.events import ENTER, LEAVE
from graft_device.outputs.sink import Sink

if TYPE_CHECKING:
    from graft_device.outputs.events import Event

INSTALL = 'python3 -m pip install "graftkit[gpio]"'


class Pulse(Sink):
    """A pin that is on for some seconds after each event; another event in this time starts them again."""

    def __init__(self, name: str, pin: int, active_low: bool, seconds: float) -> None:
        """Takes the pin, and switches it off.

        Args:
            name: what notes call the sink.
            pin: its number by Broadcom.
            active_low: whether the pin is low when it is on.
            seconds: how long it stays on.

        Raises:
            ActionError: gpiozero is missing, or the pin cannot be used.
        """
        self.name = f"{name}"
        self._seconds = seconds
        self._changed = threading.Condition()
        self._off_at: float | None = None
        self._closed = False
        self._output = _open(name, pin, active_low)
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def put(self, event: Event) -> None:  # noqa: ARG002  any event will do; rules choose them
        """Switches the pin on.

        Raises:
            Exception: what gpiozero raises.
        """
        with self._changed:
            self._off_at = time.monotonic() + self._seconds
            _switch(self._output, on=True)
            self._changed.notify_all()

    def close(self) -> None:
        """Switches the pin off and gives it back."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        self._output.off()
        self._output.close()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                left = None if self._off_at is None else self._off_at - time.monotonic()
                if left is None or left > 0:
                    self._changed.wait(left)
                    continue
                self._off_at = None
                with contextlib.suppress(Exception):
                    self._output.off()


class Level(Sink):
    """A pin that is on from ``enter`` to ``leave``; with several views, as long as one of them has its state."""

    def __init__(self, name: str, pin: int, active_low: bool) -> None:
        """Takes the pin, and switches it off; see ``Pulse``."""
        self.name = f"{name}"
        self._states: set[tuple[str, str]] = set()
        self._output = _open(name, pin, active_low)

    def put(self, event: Event) -> None:
        """Counts a state, and switches the pin; events of other kinds change nothing.

        Raises:
            Exception: what gpiozero raises.
        """
        view = (event.source, event.view)
        if event.kind == ENTER:
            self._states.add(view)
        elif event.kind == LEAVE:
            self._states.discard(view)
        else:
            return
        _switch(self._output, on=bool(self._states))

    def close(self) -> None:
        """Switches the pin off and gives it back."""
        self._output.off()
        self._output.close()


def _switch(output: Any, on: bool) -> None:
    """Switches a pin; one that cannot be switched is left off, if that still works."""
    try:
        if on:
            output.on()
        else:
            output.off()
    except Exception:
        with contextlib.suppress(Exception):
            output.off()
        raise


def _open(name: str, pin: int, active_low: bool) -> Any:
    """The output, switched off.

    Raises:
        ActionError: gpiozero is missing, this machine has no pins, or another program uses this one.
    """
    try:
        import gpiozero
    except ImportError as error:
        raise ActionError(f"{name} needs gpiozero, which is not installed", f"run: {INSTALL}") from error
    try:
        with warnings.catch_warnings():  # it warns of each kind of access that it tries
            warnings.simplefilter("ignore")
            return gpiozero.DigitalOutputDevice(pin, active_high=not active_low, initial_value=False)
    except Exception as error:  # what gives access to the pins raises errors of its own
        if isinstance(error, gpiozero.GPIOZeroError) and not isinstance(error, gpiozero.BadPinFactory):
            raise ActionError(f"{name}: pin {pin} cannot be used ({why(error)})", "give another pin") from error
        raise ActionError(
            f"{name}: this machine has no pins that gpiozero can reach",
            "on a Raspberry Pi, install lgpio and add the user to the group gpio",
        ) from error
