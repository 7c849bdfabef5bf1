"""Kills ``graft collect`` at random moments, and counts what is lost or doubled afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graft_host.inbox.collected import read_collected
from tests.support.kept_photos import FOLDER, MARKS, collected, keep_some, photos_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.remote.board import Board


@dataclass(frozen=True)
class Trial:
    """One collect that was killed, and continued.

    Attributes:
        move: whether it removes photos from the board.
        kills: how often it was killed while it ran.
        here: how many photos were in the inbox at the last kill.
        lost: the photos that are nowhere afterwards.
        doubled: the photos that are in the inbox and the sorted photos more than once.
        wrong: what else is wrong, in a few words.
    """

    move: bool
    kills: int
    here: int
    lost: int
    doubled: int
    wrong: tuple[str, ...]

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong."""
        lost = [f"{self.lost} lost"] if self.lost else []
        return [*lost, *([f"{self.doubled} doubled"] if self.doubled else []), *self.wrong]


def trials(board: Board, folder: Path, count: int, seed: int, photos: int = 450) -> Iterator[Trial]:
    """Kills collects in turn without and with ``--move``, one to three times each, and continues them.

    At half of the kills, only the program itself is killed: what it started goes on by itself. After some kills a
    person sorts what is in the inbox, and corrects a photo that is still on the board.

    Args:
        board: the board; its photos are replaced.
        folder: where the inboxes are made.
        count: the number of trials.
        seed: of the moments.
        photos: how many photos there are on the board.
    """
    draw = random.Random(seed)
    limit = _duration(board, folder / "first", photos)
    for number in range(count):
        yield _trial(board, folder / str(number), number % 2 == 1, draw, limit, photos)


def _duration(board: Board, folder: Path, photos: int) -> float:
    """The seconds of a collect that nobody kills."""
    _fresh(board, photos)
    start = time.monotonic()
    collected(folder, board)
    return time.monotonic() - start


def _fresh(board: Board, photos: int) -> dict[str, bytes]:
    shutil.rmtree(board.home / FOLDER, ignore_errors=True)
    return keep_some(board, photos)


def _trial(board: Board, folder: Path, move: bool, draw: random.Random, limit: float, photos: int) -> Trial:
    kept = _fresh(board, photos)
    inbox, done = folder / "inbox", folder / "sorted"
    done.mkdir(parents=True)
    kills = here = 0
    for _ in range(draw.randint(1, 3)):
        killed = _killed(inbox, board, move, draw.uniform(0.2, 1.0) * limit, whole=draw.random() < 0.5)
        kills += killed
        if killed:
            here = len(photos_in(inbox))
        if draw.random() < 0.4:
            for name in photos_in(inbox):
                (inbox / name).rename(done / f"{hashlib.sha256(name.encode()).hexdigest()}.jpg")
        if draw.random() < 0.4:
            _correct_one(board)
    collected(inbox, board, *(["--move"] if move else []))
    wrong = []
    again = collected(inbox, board, *(["--move"] if move else []))
    if again["new"] or again["updated"] or again["removed"]:
        wrong.append(f"the run after the last one still did something: {again}")
    left = [path for path in (board.home / FOLDER).rglob("*") if path.is_file()]
    if len(left) != (0 if move else photos):
        wrong.append(f"on the board: {sorted(path.name for path in left)}, {again['refused']}, {again['kept']}")
    found = Counter([*photos_in(inbox).values(), *(path.read_bytes() for path in done.iterdir())])
    digests = {hashlib.sha256(data).hexdigest() for data in kept.values()}
    if read_collected(inbox).keys() != digests:
        wrong.append("the ledger has other photos")
    if found.keys() - {*kept.values()}:
        wrong.append("there is something that was never on the board")
    lost = sum(data not in found for data in kept.values())
    return Trial(move, kills, here, lost, sum(found.values()) - len(found), tuple(wrong))


def _killed(inbox: Path, board: Board, move: bool, after: float, whole: bool) -> bool:
    """Starts a collect and kills it after some seconds; returns whether it was still running.

    Args:
        inbox: where it collects into.
        board: the board.
        move: whether it removes photos there.
        after: the seconds.
        whole: whether what it started is killed, too.
    """
    words = ["collect", board.address, "-F", board.config, "-o", inbox, "--from", FOLDER, *(["--move"] if move else [])]
    process = subprocess.Popen(
        [sys.executable, "-m", "graft_host.cli", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(after)
        return False
    if whole:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    return True


def _correct_one(board: Board) -> None:
    """What a board does when a person corrects a photo: it gets another name in another folder."""
    for path in sorted((board.home / FOLDER / "cats").glob(f"*Z{MARKS['uncertain']}.jpg"))[:1]:
        with contextlib.suppress(FileNotFoundError):  # what goes on by itself removed it
            path.rename(board.home / FOLDER / "dogs" / path.name.replace(MARKS["uncertain"], MARKS["labelled"]))
