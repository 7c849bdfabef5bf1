from __future__ import annotations

from pathlib import Path

import pytest

from graft_device.errors import ModelError
from graft_host.evaluation.speed import measure_speed
from tests.support.device_models import write_artifact


@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_the_milliseconds_of_one_inference(kind: str, tmp_path: Path) -> None:
    speed = measure_speed(write_artifact(tmp_path / "m.tflite", kind), threads=1)
    assert speed.ms > 0
    assert speed.threads == 1
    assert speed.runtime in {"litert", "tflite-runtime"}


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"no model")
    with pytest.raises(ModelError):
        measure_speed(tmp_path / "m.tflite")
