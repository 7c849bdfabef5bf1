"""A file system without locks is named as such, and not as another run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.cases import needs_programs, run_case

if TYPE_CHECKING:
    import pytest


def test_nolocks(tmp_path_factory: pytest.TempPathFactory) -> None:
    needs_programs("gcc")
    done = run_case("nolocks", tmp_path_factory)
    queue, store = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert queue.endswith("because its file system has no locks; name another folder with --queue")
    assert store.endswith("because its file system has no locks; name another folder with --store")
    assert "another run" not in done.stderr
