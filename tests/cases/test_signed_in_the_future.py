"""A model that was signed by a machine whose clock is ahead does not lock a board."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.cases import needs_programs, run_case

if TYPE_CHECKING:
    import pytest


def test_signed_in_the_future(tmp_path_factory: pytest.TempPathFactory) -> None:
    needs_programs("ssh-keygen", "faketime")
    done = run_case("signed-in-the-future", tmp_path_factory)
    assert "a.tflite was signed 2099-01-01T" in done.stderr
    assert "or use --allow-downgrade" in done.stderr
    assert done.stdout.splitlines().count("status 0") == 2, (done.stdout, done.stderr)
    assert len([line for line in done.stdout.splitlines() if line.startswith("current    ")]) == 2
