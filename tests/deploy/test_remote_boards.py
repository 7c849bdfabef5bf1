from __future__ import annotations

from pathlib import Path

from tests.support.device_models import write_artifact
from tests.support.remote.park import STORE, Park


def test_a_board_with_the_kit(park: Park, tmp_path: Path) -> None:
    board = park.start("kitchen", kit=True)
    model = write_artifact(tmp_path / "colours.tflite")
    (board.home / "colours.tflite").write_bytes(model.read_bytes())
    assert "colours" in board.run(f"{STORE}/venv/bin/graft-device info colours.tflite").stdout
