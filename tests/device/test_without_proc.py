"""A system without ``/proc``, as some containers and rescue systems: figures are missing, and nothing fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.device_models import picture
from tests.support.host_data import python_environment
from tests.support.stores import write_model

SCRIPT = 'mount -t tmpfs tmpfs /proc && echo mounted && exec "$@"'


def without_proc(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "graft_device.cli", *map(str, args)]
    try:
        done = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "sh", "-c", SCRIPT, "sh", *command],
            capture_output=True, text=True, timeout=120, check=False, env=python_environment(),
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs unshare to hide /proc")
    mounted, _, done.stdout = done.stdout.partition("\n")
    if mounted != "mounted":
        pytest.skip(f"/proc cannot be hidden here: {done.stderr.strip()}")
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr
    return done


def answer(*args: object) -> Any:
    done = without_proc(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_command_works(tmp_path: Path) -> None:
    model, photo = write_model(tmp_path / "m.tflite"), tmp_path / "red.png"
    picture("red").save(photo)
    assert answer("classify", model, photo)["predictions"][0]["label"] == "red"
    assert answer("run", model, "--source", photo)["label"] == "red"
    assert answer("install", model, "--store", tmp_path / "store")["changed"]
    rows = answer("bench", model, "--photo", photo, "--rounds", 3)["rows"]
    assert all(row["invoke_ms"] is not None for row in rows)
    done = without_proc("doctor", model)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "models run here" in done.stdout
