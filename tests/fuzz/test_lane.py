"""The lane finds what it is for: exceptions, crashes, hangs, memory, and harm that shows at the end."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.lane import run_kind
from tests.fuzz.mutation import MAX_BYTES, mutated
from tests.fuzz.target import KINDS, open_target

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("Raising", "RuntimeError in planted.py"),
        ("Dying", "the process ended with status -6"),
        ("Hanging", "one input took over 0.5 s of processor"),
        ("Growing", "MemoryExceededError"),
        ("Unsound", "planted at the end"),
    ],
)
def test_a_planted_fault_is_found_and_its_input_is_kept(fault: str, words: str, tmp_path: Path) -> None:
    tally = run_kind(f"tests.fuzz.planted:{fault}", tmp_path, 1, 600, most=6, hang_seconds=0.5)
    assert any(words in line for line in tally.failures), tally
    kept = [path for path in (tmp_path / "failures").iterdir() if path.suffix != ".txt"]
    assert kept, tally


def test_a_sound_target_has_no_failures_and_every_input_is_counted(tmp_path: Path) -> None:
    tally = run_kind("tests.fuzz.planted:Sound", tmp_path, 1, 600, most=200)
    assert (tally.inputs, tally.failures, dict(tally.results)) == (200, [], {"accepted": 200})


def test_a_worker_that_cannot_start_ends_the_kind_with_a_failure(tmp_path: Path) -> None:
    tally = run_kind("tests.fuzz.planted:Missing", tmp_path, 1, 600)
    assert len(tally.failures) == 1


def test_the_same_seed_gives_the_same_inputs() -> None:
    data = bytes(range(200))
    first, again = ([mutated(data, [b"other"], rng) for _ in range(50)] for rng in (random.Random(7), random.Random(7)))
    assert first == again
    assert len(set(first)) > 40
    assert max(map(len, first)) <= MAX_BYTES


@pytest.mark.parametrize("kind", ["models", "photos", "queues", "caches", "pickles", "boards"])
def test_sound_inputs_are_accepted(kind: str, tmp_path: Path) -> None:
    target = open_target(kind, tmp_path)
    target.sound = target.seeds()
    results = [target.read(data) for data in target.sound]
    assert results.count("accepted") >= len(results) - (2 if kind == "photos" else 0)  # TIFF and ICO are no photos
    target.close()


@pytest.mark.slow
def test_the_command_reads_every_kind_and_prints_its_counts(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--minutes", "0.02", "--inputs", "30", "--seed", "5"]
    done = subprocess.run([*command, "--folder", tmp_path], capture_output=True, text=True, cwd=_ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 5" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == list(KINDS)
