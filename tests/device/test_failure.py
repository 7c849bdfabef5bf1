from __future__ import annotations

import os
from pathlib import Path

from graft_device.errors import ModelError
from graft_device.failure import ENVIRONMENT, Failure
from tests.conftest import error_line, graft_device


def test_an_error_as_a_line_keeps_its_fields() -> None:
    error = ModelError("modèle\n1 is cut short", "copy it again")
    line = Failure.of(error).line()
    assert line.isascii()
    assert "\n" not in line
    failure = Failure.read(f"warning\n{line}\nmore")
    assert failure == Failure("modèle 1 is cut short", "copy it again", "ModelError")
    assert str(failure) == "modèle 1 is cut short; copy it again"


def test_output_without_an_error_holds_none() -> None:
    assert Failure.read("error: no\n") is None
    assert Failure.read("") is None


def test_the_command_line_reports_its_errors_to_a_program_that_asks(tmp_path: Path) -> None:
    model = tmp_path / "none.tflite"
    line = error_line(graft_device("info", model))
    done = graft_device("info", model, env={**os.environ, **ENVIRONMENT})
    assert (done.returncode, done.stdout) == (1, "")
    failure = Failure.read(done.stderr)
    assert failure is not None
    assert failure.kind == "ModelError"
    assert f"error: {failure}" == line
