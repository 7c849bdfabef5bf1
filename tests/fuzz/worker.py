"""The process that reads the inputs of one kind. The lane starts it, watches it, and starts another where it dies."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import random
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fuzz.journal import BROKEN, MOST_FAILURES, Journal, Tally
from tests.fuzz.target import GUIDED, KINDS, open_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fuzz.target import Target

_SAVE_SECONDS = 0.5


class MemoryExceededError(Exception):
    """An input took more memory than its kind allows."""


class Reader:
    """Reads inputs one after the other, and counts what comes of them."""

    def __init__(self, target: Target, journal: Journal, engine: str, seconds: float, most: int) -> None:
        self.tally = Tally(engine=engine)
        self._target, self._journal = target, journal
        self._end = time.monotonic() + seconds
        self._most = most
        self._saved = 0.0

    @property
    def over(self) -> bool:
        """Whether time, inputs or failures are used up."""
        done = self.tally.inputs >= self._most or len(self.tally.failures) >= MOST_FAILURES
        return done or time.monotonic() >= self._end

    def read(self, data: bytes) -> None:
        """Reads an input; an exception is kept as a failure."""
        self._journal.begin(data)
        _reset_peak()
        memory, before = _peak(), time.process_time()
        try:
            self.tally.results[self._target.read(data)] += 1
            self._check_memory(_peak() - memory)
        except Exception as error:  # noqa: BLE001  any exception is what we look for
            self._journal.failed(self.tally, data, error)
        self.tally.inputs += 1
        self.tally.slowest = max(self.tally.slowest, round(time.process_time() - before, 3))
        if time.monotonic() - self._saved > _SAVE_SECONDS:
            self.save()

    def save(self) -> None:
        self._journal.save(self.tally)
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Ends the target; one that is not sound at the end is a failure."""
        try:
            self._target.close()
        except Exception as error:  # noqa: BLE001
            self._journal.failed(self.tally, b"", error)
        self.save()

    def _check_memory(self, added: int) -> None:
        """Checks what one input added to the memory; libFuzzer keeps inputs in the same process, so that it grows."""
        self.tally.peak = max(self.tally.peak, added)
        if added > self._target.memory:
            raise MemoryExceededError(f"{added >> 20} MB for one input, over {self._target.memory >> 20} MB")


def main() -> None:
    """Reads inputs until the time is over."""
    options = _options()
    folder: Path = options.folder
    with _instrumenting(options.kind) as engine:
        target = open_target(options.kind, _made(folder / "target"))
    reader = Reader(target, Journal(folder), engine, options.seconds, options.inputs)
    if options.replay is not None:
        print(target.read(options.replay.read_bytes()))  # noqa: T201  for the person who looks for the fault
        return
    target.sound = target.seeds()
    for seed in target.sound:
        reader.read(seed)
    if engine == "atheris":
        _guided(reader, target, options.seed, folder)
    rng = random.Random(options.seed)
    while not reader.over:
        reader.read(target.mutate(rng.choice(target.sound), rng))
    reader.finish()


def _guided(reader: Reader, target: Target, seed: int, folder: Path) -> None:
    """Lets libFuzzer choose inputs by the branches that they reach; ends the process."""
    atheris: Any = importlib.import_module("atheris")
    corpus = _made(folder / "corpus")
    for number, data in enumerate(target.sound):
        (corpus / f"seed-{number}").write_bytes(data)

    def mutate(data: bytes, most: int, number: int) -> bytes:
        return target.mutate(bytes(data), random.Random(number))[:most]

    def one(data: bytes) -> None:
        reader.read(data)
        if reader.over:
            reader.finish()
            sys.stdout.flush()
            os._exit(0)

    flags = [
        "-max_len=1048576",
        f"-seed={seed % 2**32 or 1}",
        "-rss_limit_mb=0",
        "-timeout=3600",
        "-print_final_stats=0",
    ]
    atheris.Setup([sys.argv[0], *flags, "-verbosity=0", str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()


@contextlib.contextmanager
def _instrumenting(kind: str) -> Iterator[str]:
    """Imports the code of a target so that atheris sees its branches, where atheris is installed; yields the engine."""
    atheris: Any = None
    if kind in GUIDED:
        with contextlib.suppress(ImportError):
            atheris = importlib.import_module("atheris")
    if atheris is None:
        yield "mutation"
        return
    with atheris.instrument_imports(include=["graft_device", "graft_host"], enable_loader_override=False):
        yield "atheris"


def _reset_peak() -> None:
    """Makes the highest resident memory so far the present one (proc(5), ``clear_refs``)."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")


def _peak() -> int:
    """The highest resident memory since ``_reset_peak``, in bytes."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", help=f"one of {', '.join(KINDS)}, or module:Class")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--inputs", type=int, default=10**9)
    parser.add_argument("--replay", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except BaseException:  # noqa: BLE001  nothing may keep a broken worker alive: threads of an interpreter, a server
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(BROKEN)
