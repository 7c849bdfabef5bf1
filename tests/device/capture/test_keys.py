"""``graft-device capture`` at a terminal: keys take pictures, and the terminal is as before afterwards."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft_device.capture.keys import END, PRESS, keys_in
from tests.support.clips import Camera, clip
from tests.support.device_models import picture
from tests.support.running import PATIENCE_S, eventually, state_of

FAILING = "import graft_device.capture.store as s; s.CaptureStore.save = lambda *_: 1 / 0"
PATIENT = f"import graft_device.capture.capturing as c; c.PATIENCE_S = {PATIENCE_S}"
"""No key is forgotten, however late the camera's frames are."""

STUCK = "import graft_device.capture.capturing as c; c.PATIENCE_S = 0.3"


class Terminal:
    """A command at a terminal of its own, in the foreground of its session as under a shell."""

    def __init__(self, args: list[str], patch: str = "") -> None:
        self._keyboard, self.line = pty.openpty()
        self.before = termios.tcgetattr(self.line)
        self.shown = ""
        program = "\n".join([patch, "from graft_device import cli; cli.main()"])
        self.process = subprocess.Popen(
            [sys.executable, "-c", _FOREGROUND, sys.executable, "-c", program, "capture", *args],
            stdin=self.line, stdout=self.line, stderr=self.line, start_new_session=True,
        )  # fmt: skip

    def press(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def until(self, pattern: str, times: int = 1) -> None:
        """Reads until the screen has shown this so many times."""

        def is_shown() -> bool:
            while select.select([self._keyboard], [], [], 0)[0]:
                self.shown += os.read(self._keyboard, 4096).decode("utf-8", "replace").replace("\r", "")
            return len(re.findall(pattern, self.shown)) >= times

        eventually(is_shown, pattern)

    def end(self) -> int:
        status = self.process.wait(PATIENCE_S)
        self.until("")
        return status

    def is_as_before(self) -> bool:
        return termios.tcgetattr(self.line) == self.before

    def is_raw(self) -> bool:
        return not termios.tcgetattr(self.line)[3] & (termios.ICANON | termios.ECHO)

    def hang_up(self) -> None:
        os.close(self._keyboard)
        self._keyboard = -1

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self._keyboard, self.line):
            if descriptor >= 0:
                os.close(descriptor)


_FOREGROUND = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal the one that controls the session, as a login does."""


@contextmanager
def terminal(*args: object, patch: str = "") -> Iterator[Terminal]:
    opened = Terminal([*map(str, args)], patch)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def photos(tmp_path: Path) -> list[object]:
    """A source that waits for keys: photos."""
    places: list[object] = []
    for number, colour in enumerate(("red", "green", "blue", "red", "green", "blue")):
        picture(colour, (16 + number, 16)).save(tmp_path / f"{number}.png")
        places += ["--source", tmp_path / f"{number}.png"]
    return places


def kept(folder: Path) -> dict[str, int]:
    return {path.name: len(list(path.iterdir())) for path in sorted(folder.iterdir())} if folder.exists() else {}


def test_keys_take_pictures_digits_choose_the_label_and_q_ends(photos: list[object], tmp_path: Path) -> None:
    labels = ("--label", "cats", "--label", "dogs")
    with terminal(*labels, *photos, "-o", tmp_path / "o") as keyboard:
        keyboard.until("1 cats, 2 dogs; Enter or any other key takes a picture of cats, q ends\n")
        assert keyboard.is_raw()
        keyboard.press("\n")
        keyboard.until("cats 1: .*captured.png\n")
        keyboard.press("2")
        keyboard.until("note: the next pictures are of dogs\n")
        keyboard.press(" \x1b[A")
        keyboard.until("dogs 2: .*captured.png\n")
        keyboard.press("7")
        keyboard.until("note: there is no label 7; there are 2\n")
        keyboard.press("1x")
        keyboard.until("cats 2: .*captured.png\n")
        assert not re.search("xx|\\^\\[", keyboard.shown), "keys are shown"
        keyboard.press("q")
        assert keyboard.end() == 0
        assert keyboard.shown.endswith(f"captured: 2 of cats, 2 of dogs in {tmp_path}/o\n")
        assert keyboard.is_as_before()
    assert kept(tmp_path / "o") == {"cats": 2, "dogs": 2}


def test_a_burst_of_a_camera_s_frames_for_each_key(tmp_path: Path) -> None:
    colours = ["red", "green", "blue"] * 50
    with Camera(clip(colours, "mpegts", "mpeg2video", numbered=True), 0.002) as camera:  # none is kept twice in a row
        args = ("--label", "a", "--source", camera.url, "-o", tmp_path / "o", "--burst", 3, "--limit", 5)
        with terminal(*args, patch=PATIENT) as keyboard:
            keyboard.until("q ends\n")
            keyboard.press("\n")
            keyboard.until("a 1:")
            keyboard.press("\n")
            assert keyboard.end() == 0
            assert keyboard.is_as_before()
    assert kept(tmp_path / "o") == {"a": 5}


def test_a_key_while_the_camera_is_away_is_answered_and_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with terminal("--label", "a", "--source", folder, "-o", tmp_path / "o", patch=STUCK) as keyboard:
        keyboard.until("q ends\n")
        keyboard.press("\n")
        keyboard.until(f"note: no picture: {folder} gives no frame\n")
        keyboard.press("q")
        assert keyboard.end() == 0


@pytest.mark.parametrize(
    ("key", "status"), [("\x03", 130), ("\x04", 0), ("\x1c", 0)], ids=["Ctrl-C", "Ctrl-D", "Ctrl-\\"]
)
def test_other_ways_to_end(key: str, status: int, photos: list[object], tmp_path: Path) -> None:
    with terminal("--label", "a", *photos, "-o", tmp_path / "o") as keyboard:
        keyboard.until("q ends\n")
        keyboard.press("\n")
        keyboard.until("a 1: ")
        keyboard.press(key)
        assert keyboard.end() == status
        assert keyboard.is_as_before()
        assert "Traceback" not in keyboard.shown
    assert kept(tmp_path / "o") == {"a": 1}


def test_a_crash_gives_the_terminal_back(photos: list[object], tmp_path: Path) -> None:
    with terminal("--label", "a", *photos, "-o", tmp_path / "o", patch=FAILING) as keyboard:
        keyboard.until("q ends\n")
        keyboard.press("\n")
        assert keyboard.end() == 1
        keyboard.until("error: unexpected ZeroDivisionError: division by zero; --debug shows where\n")
        assert keyboard.is_as_before()


def test_terminated_from_elsewhere_it_gives_the_terminal_back(photos: list[object], tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        with terminal("--label", "a", *photos, "-o", tmp_path / "o") as keyboard:
            keyboard.until("q ends\n")
            keyboard.process.send_signal(number)
            assert keyboard.end() == 0
            assert keyboard.is_as_before()


def test_ctrl_z_gives_the_terminal_back_until_it_goes_on(photos: list[object], tmp_path: Path) -> None:
    with terminal("--label", "a", *photos, "-o", tmp_path / "o") as keyboard:
        keyboard.until("q ends\n")
        os.kill(keyboard.process.pid, signal.SIGTSTP)
        eventually(lambda: keyboard.is_as_before() and state_of(keyboard.process.pid) == "T")
        keyboard.process.send_signal(signal.SIGCONT)
        eventually(keyboard.is_raw)
        keyboard.press("\nq")
        assert keyboard.end() == 0
    assert kept(tmp_path / "o") == {"a": 1}


def test_a_label_that_is_given_once_leaves_the_digits_to_pictures() -> None:
    assert keys_in(b"1\r\x1b[24~") == [1, PRESS, PRESS]
    assert keys_in("ä0".encode()) == [PRESS, PRESS]
    assert keys_in(b"aQb") == [PRESS, END]


@given(st.binary(max_size=20))
def test_any_bytes_of_a_terminal_are_keys(data: bytes) -> None:
    keys: list[Any] = keys_in(data)
    assert len(keys) <= len(data)
    assert set(keys) <= {PRESS, END, *range(1, 10)}
