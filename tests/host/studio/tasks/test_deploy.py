"""A deployment as a job of the studio, cancelled in the middle."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from graft_host.studio.jobs.queue import Jobs
from graft_host.studio.project.folder import open_project
from tests.support.device_models import KERNEL, write_artifact
from tests.support.remote.board import write_config
from tests.support.remote.kit import WHEELS
from tests.support.remote.park import STORE, Park
from tests.support.remote.proxy import cable
from tests.support.running import eventually
from tests.support.studio_jobs import comes_to, get

pytestmark = pytest.mark.slow


def test_a_cancelled_deployment_leaves_the_board_as_it_was(
    park: Park, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board, project = park.start("kitchen", kit=True), open_project(tmp_path / "pets")
    first = write_artifact(project.models / "first.tflite")
    large = write_artifact(project.models / "large.tflite", kernel=KERNEL * 1.2)
    with zipfile.ZipFile(large, "a") as archive:
        archive.writestr("noise", np.random.default_rng(1).bytes(3_000_000))
    current = board.at(f"{STORE}/current/model.tflite")
    with cable(board.port) as line, Jobs(project, WHEELS) as jobs:
        folder = tmp_path / "cable"
        folder.mkdir()
        config = write_config(folder, board.name, line.port, park.keys.ours, board.host_key)
        monkeypatch.setenv("GRAFT_SSH_CONFIG", str(config))

        def deploying(name: str) -> dict[str, object]:
            return {"board": board.address, "model": f"models/{name}.tflite", "offline": True}

        done = comes_to(jobs, jobs.add("deploy", deploying("first"), "first"), "done")
        assert done.result is not None
        assert done.result["after"]["name"] == "first"
        assert current.read_bytes() == first.read_bytes()

        def arriving() -> bool:
            return bool(list(board.at(f"{STORE}/incoming").glob("*/.*")))

        line.rate = 5e4  # the transfer takes a minute
        job = jobs.add("deploy", deploying("large"), "large")
        eventually(arriving, "nothing came")
        progress = get(jobs, job).progress
        assert progress is not None
        assert progress.stage == "transfer"
        jobs.cancel(job.id)
        comes_to(jobs, job, "cancelled")
        line.rate = None
        assert current.read_bytes() == first.read_bytes()
        comes_to(jobs, jobs.add("deploy", deploying("large"), "again"), "done")
        assert current.read_bytes() == large.read_bytes()
