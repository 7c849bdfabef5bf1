"""The emulated boards, built once and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.arm.board import Board, Unavailable, prepare

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def arm64() -> Board:
    return board("arm64")


@pytest.fixture(scope="session")
def armhf() -> Board:
    return board("armhf")


def board(arch: str) -> Board:
    try:
        return prepare(ROOT / ".arm", arch)
    except Unavailable as reason:
        pytest.skip(f"no emulated {arch} board: {reason}")
