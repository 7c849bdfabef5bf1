"""A progressive JPEG of 350 kB with 2,500 scans of 62 megapixels, which takes minutes to decode."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from graft_host.photos.dataset import scan
from tests.conftest import error_line, graft_device
from tests.support.cases import case_folder
from tests.support.device_models import picture, write_artifact
from tests.support.running import run_device
from tests.support.serving import eventually, in_background, serving
from tests.support.serving import photo as sent

REASON = (
    "takes too long to decode (a JPEG of 7900 x 7900 pixels with more than 24 scans); "
    "save it again as a JPEG that is not progressive"
)


@pytest.fixture(scope="module")
def bomb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bomb") / "x.jpg"
    script = case_folder("hostile") / "jpegbomb.py"
    subprocess.run([sys.executable, script, "7900", "7900", "2500", path], check=True, stdout=subprocess.DEVNULL)
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_artifact(tmp_path_factory.mktemp("model") / "colours.tflite")


def test_it_is_refused_by_every_command_of_the_board(bomb: Path, model: Path) -> None:
    assert error_line(graft_device("classify", model, bomb)) == f"error: {bomb}: {REASON}"
    assert error_line(run_device(model, "--source", bomb)) == f"error: {bomb}: {REASON}"


def test_it_does_not_delay_the_photos_of_others(bomb: Path, model: Path) -> None:
    with serving(model) as server:
        threads = [in_background(server, bomb.read_bytes(), []) for _ in range(3)]
        assert eventually(lambda: server.classify(sent()).status == 200)
        for thread in threads:
            thread.join()
        reply = server.classify(bomb.read_bytes())
        assert (reply.status, reply.detail) == (400, REASON)


def test_it_is_skipped_in_training_with_the_reason(bomb: Path, tmp_path: Path) -> None:
    for colour in ("red", "green"):
        (tmp_path / colour).mkdir()
        picture(colour).save(tmp_path / colour / "photo.png")
    (tmp_path / "red" / "bomb.jpg").write_bytes(bomb.read_bytes())
    dataset = scan(tmp_path, 1)
    assert [(skip.path.name, skip.reason) for skip in dataset.skipped] == [("bomb.jpg", REASON)]
    assert len(dataset.photos) == 2
