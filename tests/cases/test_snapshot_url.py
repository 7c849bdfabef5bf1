"""A still picture at a URL is fetched at a steady rate, without a note for each picture."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.cases import run_case_in_time


@pytest.mark.slow
def test_a_picture_every_second_and_no_notes(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = run_case_in_time("snapshot-url", tmp_path_factory, lambda done: _enough(done) and not _notes(done))
    assert _enough(done), "one a second for 45 seconds, less the start"
    assert all(line.partition(" ")[2] for line in done.stdout.splitlines())
    assert _notes(done) == []


def _enough(done: subprocess.CompletedProcess[str]) -> bool:
    return len(done.stdout.splitlines()) >= 35


def _notes(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The notes and errors; there is one if the case's server takes over a second to start."""
    return [line for line in done.stderr.splitlines() if line.startswith(("note", "error"))]
