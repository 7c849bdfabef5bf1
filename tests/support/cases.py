"""Runs the cases from public reports in ``../shared/cases``; their pictures and model are made once per test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.arm.kept import once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"


def case_folder(name: str) -> Path:
    """The folder of a case; skips the test where it is missing.

    Args:
        name: a folder in ``../shared/cases``.
    """
    folder = CASES / name
    if not folder.is_dir():
        pytest.skip(f"the case is not at {folder}")
    return folder


def run_case(
    name: str, factory: pytest.TempPathFactory, timeout: float = 300, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a case's ``run.sh`` as it is, with this environment's ``graft`` and ``graft-device``.

    Args:
        name: the case's folder.
        factory: pytest's ``tmp_path_factory``; all workers of a run share the pictures and the model.
        timeout: how long the case may take, in seconds.
        env: environment variables to add.
    """
    script = case_folder(name) / "run.sh"
    shared = _shared_folder(factory)
    return subprocess.run(
        ["bash", str(script)], capture_output=True, text=True, check=False, timeout=timeout,
        env={**_environment(shared), **(env or {})},
    )  # fmt: skip


def run_case_in_time(
    name: str, factory: pytest.TempPathFactory, in_time: Callable[[subprocess.CompletedProcess[str]], bool]
) -> subprocess.CompletedProcess[str]:
    """Runs a case that lasts a fixed time, and runs it again, at most twice, if it has not done enough by then.

    A machine that stops for some seconds leaves less time than the case counts on; it does not do so each time.

    Args:
        name: the case's folder.
        factory: pytest's ``tmp_path_factory``.
        in_time: whether a run did as much as its time allows.
    """
    for _ in range(2):
        done = run_case(name, factory)
        if in_time(done):
            return done
    return run_case(name, factory)


def needs_programs(*names: str) -> None:
    """Skips the test unless all programs are installed."""
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    own = factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cases"
    return once(shared, _make_pictures_and_model)


def _make_pictures_and_model(folder: Path) -> None:
    """Lets ``env.sh`` make what all cases share. It runs from a folder, which it copies to a scratch one."""
    script = f'. "{CASES / "env.sh"}"'
    caller = CASES / "jpeg-no-eoi" / "run.sh"  # env.sh asks where the script that reads it is
    command = ["bash", "-c", script, str(caller)]
    environment = _environment(folder)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert (folder / "graftkit-cases" / "base.tflite").is_file(), done.stderr


def _environment(folder: Path) -> dict[str, str]:
    programs = Path(sys.executable).parent
    return {**os.environ, "TMPDIR": str(folder), "PATH": f"{programs}:{os.environ['PATH']}"}
