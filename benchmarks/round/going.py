"""Goes once round with two boards."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.round.person import UNKNOWN, Effort, Sorter
from benchmarks.round.pictures import ALL, FIRST, STRANGER, Rendered, camera_roll, class_folders, digest
from graft_host.inbox.collected import read_collected
from tests.support.browser import chromium, visit
from tests.support.remote.board import HOME, UID, Board
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE, Park, opened_in

_BOARDS = ("kitchen", "hall")
_NETWORK = ["--backbone", "efficientnet-lite0"]
_DEVICE = f"{STORE}/venv/bin/graft-device"
_CAPTURED = 4
_PATIENCE_S = 300


@dataclass(frozen=True)
class Step:
    """A step of the round: its name, what a person types for it, and how long it takes."""

    name: str
    typed: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Round:
    """What a round took, and what it gave.

    Attributes:
        steps: in their order.
        boards: number of boards.
        collected: number of pictures that came.
        sorted: how many of them were put into each place.
        keys: pressed while sorting.
        clicks: while sorting.
        letters: typed while sorting.
        tested: number of new pictures that the boards classified before and after, of all kinds.
        right_before: how many of them the first model named, or called unknown, as they are.
        right_after: how many of them the second model did.
    """

    steps: tuple[Step, ...]
    boards: int
    collected: int
    sorted: dict[str, int]
    keys: int
    clicks: int
    letters: int
    tested: int
    right_before: int
    right_after: int

    def to_json(self) -> dict[str, Any]:
        """The round as plain values."""
        return asdict(self)


@dataclass
class _Log:
    effort: Effort = field(default_factory=Effort)
    steps: list[Step] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, name: str, typed: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.steps.append(Step(name, f"`{typed}`" if typed else "", time.perf_counter() - start))


def go_round(folder: Path, seed: int, each: int, new: int) -> Round:
    """Goes once round.

    Args:
        folder: an empty folder.
        seed: of the pictures.
        each: number of photos of each class to begin with.
        new: number of pictures of each thing that each board sees.
    """
    log = _Log()
    photos, model, inbox = folder / "photos", folder / "parts.tflite", folder / "inbox"
    class_folders(photos, FIRST, each, seed)
    tests = camera_roll(folder / "tests", (*ALL, STRANGER), new, seed + 100)
    with opened_in(folder / "boards") as park:
        boards = [park.start(name, kit=True) for name in _BOARDS]
        with log.step("train", "graft train photos/ -o parts.tflite --backbone efficientnet-lite0"):
            _graft(folder, "train", photos, "-o", model, *_NETWORK)
        _deploy(folder, log, park, boards, model)
        before = _right(boards[0], tests)
        seen = [_looks(log, board, new, folder, seed + number) for number, board in enumerate(boards, 1)]
        with log.step("collect", "graft collect pi@kitchen pi@hall -o inbox/ --from uncertain --from captured"):
            kept = ["--from", f"{HOME}/uncertain", "--from", f"{HOME}/captured"]
            _graft(folder, "collect", *(board.address for board in boards), "-F", park.config, "-o", inbox, *kept)
        shows = _shown(inbox, seen)
        put = _sort(folder, log, inbox, photos, shows)
        again = ["--overwrite", "--not-worse-than"]
        typed = f"graft train photos/ -o parts.tflite {' '.join([*again, 'parts.tflite', *_NETWORK])}"
        with log.step("train again", typed):
            _graft(folder, "train", photos, "-o", model, *again, model, *_NETWORK)
        _deploy(folder, log, park, boards, model)
        after = _right(boards[1], tests)
    effort = log.effort
    return Round(
        steps=tuple(log.steps), boards=len(boards), collected=len(shows), sorted=put, keys=effort.keys,
        clicks=effort.clicks, letters=effort.letters, tested=len(tests.shows), right_before=before, right_after=after,
    )  # fmt: skip


def _deploy(folder: Path, log: _Log, park: Park, boards: Sequence[Board], model: Path) -> None:
    for board in boards:
        with log.step(f"deploy to {board.name}", f"graft deploy parts.tflite {board.address}"):
            _graft(folder, "deploy", model, board.address, "-F", park.config, "--offline", "--cache", WHEELS)


def _looks(log: _Log, board: Board, new: int, folder: Path, seed: int) -> Rendered:
    """Lets a board see pictures and keep what its model is uncertain about, and captures a few washers on it."""
    seen = camera_roll(folder / f"seen-{board.name}", (*ALL, STRANGER), new, seed)
    known = camera_roll(folder / f"washers-{board.name}", ("washer",), _CAPTURED, seed + 50)
    _copy(seen.folder, board, "camera")
    _copy(known.folder, board, "washers")
    run = f"{_DEVICE} run {STORE} --source camera --existing --once --save-uncertain uncertain --uncertain-below 0.999"
    with log.step(f"{board.name} runs", ""):
        board.run(f"cd {HOME} && {run} >/dev/null")
    capture = "graft-device capture --label washer --source washers --once -o captured"
    with log.step(f"{board.name} captures", capture):
        board.run(f"cd {HOME} && {capture.replace('graft-device', _DEVICE, 1)}")
    return seen


def _copy(source: Path, board: Board, name: str) -> None:
    target = board.home / name
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        shutil.chown(path, UID, UID)


def _shown(inbox: Path, seen: Sequence[Rendered]) -> dict[str, str]:
    """What each collected picture shows, by its digest; of captured ones the label that they were captured for."""
    known = {one: thing for rendered in seen for one, thing in rendered.shows.items()}
    shows = {one: known.get(one) or photo.said or "" for one, photo in read_collected(inbox).items()}
    return {one: UNKNOWN if thing == STRANGER else thing for one, thing in shows.items()}


def _sort(folder: Path, log: _Log, inbox: Path, photos: Path, shows: dict[str, str]) -> dict[str, int]:
    """Sorts on the page, in a browser."""
    command = [sys.executable, "-m", "graft_host.cli", "sort", str(inbox), str(photos), "--no-browser"]
    with (
        log.step("sort", "graft sort inbox/ photos/"),
        subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process,
    ):
        try:
            with chromium() as browser, visit(browser, _address(process)) as seen:
                put = Sorter(seen.page, shows, log.effort).sort()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=_PATIENCE_S)
        finally:
            process.kill()
    return dict(put)


def _address(process: subprocess.Popen[str]) -> str:
    """The address that ``graft sort`` prints."""
    assert process.stdout is not None  # noqa: S101  it was started with a pipe
    for line in process.stdout:
        for word in line.split():
            if word.startswith("http://"):
                return word
    raise AssertionError("graft sort ended without a page")


def _right(board: Board, tests: Rendered) -> int:
    """How many new pictures a board names as they are; leaves are to be unknown."""
    if not (board.home / "tests").exists():
        _copy(tests.folder, board, "tests")
    done = board.run(f"cd {HOME} && {_DEVICE} classify {STORE}/current/model.tflite tests --json")
    right = 0
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        name = UNKNOWN if answer["unknown"] else answer["predictions"][0]["label"]
        truth = tests.shows[digest(tests.folder / Path(answer["image"]).name)]
        right += name == (UNKNOWN if truth == STRANGER else truth)
    return right


def _graft(folder: Path, *words: object) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "graft_host.cli", *map(str, words)],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, (words, done.stdout, done.stderr)  # noqa: S101  the round has failed
