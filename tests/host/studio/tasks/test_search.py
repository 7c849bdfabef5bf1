"""The job that searches, with the families of a small package."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

import pytest

from graft_device.errors import GraftError
from graft_host.demo.rendering.render import render_dataset
from graft_host.network_search.pareto import Limits
from graft_host.studio.jobs.queue import Jobs
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.searches.networks import networks
from graft_host.studio.tasks.search import TASK
from tests.conftest import graft_json
from tests.host.network_search.latency.test_board_latency import bench
from tests.support.running import eventually
from tests.support.studio_jobs import comes_to, get
from tests.support.tiny_family import install_twins
from tests.support.tiny_models import on_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRIED = {"backbones": ["tiny"], "weights": "random", "sizes": [24, 32]}
COMMAND = "graft search photos --sizes 24,32 --min-accuracy 0.05 --weights random --backbones tiny"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("searched")
    found = open_project(folder / "parts")
    render_dataset(found.photos, 10, 0)
    with on_path(folder / "site", install_twins(folder / "site")):
        yield found


@pytest.mark.slow
def test_networks_appear_before_the_search_ends_as_its_command_finds_them(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Jobs(project, tmp_path / "cache") as jobs:
        job = jobs.add("search", {**TRIED, "min_accuracy": 0.05}, "search")
        eventually(lambda: len(networks(get(jobs, job), Limits()).candidates) >= 2)
        done = comes_to(jobs, job, "done")
    shown = networks(done, Limits(min_accuracy=0.05))
    assert done.result is not None
    assert done.command == COMMAND
    monkeypatch.chdir(project.root)
    found = graft_json(*shlex.split(done.command)[1:], "--cache", tmp_path / "cache")
    figures = {(row["backbone"], row["tap"], row["image_size"]): row["accuracy"] for row in found["candidates"]}
    assert {candidate.shape: candidate.accuracy for candidate in shown.candidates} == figures
    chosen = done.result["chosen"]
    assert shown.chosen is not None
    assert shown.chosen.shape == (chosen["backbone"], chosen["tap"], chosen["image_size"])
    assert networks(done, Limits(max_ms=1e-6)).chosen is None


@pytest.mark.slow
def test_a_search_that_no_network_fits_shows_all_of_them(project: Project, tmp_path: Path) -> None:
    with Jobs(project, tmp_path / "cache") as jobs:
        done = comes_to(jobs, jobs.add("search", {**TRIED, "max_ms": 1e-6}, "search"), "done")
    shown = networks(done, Limits(max_ms=1e-6))
    assert len(shown.candidates) == 4
    assert shown.front
    assert shown.chosen is None


def test_arguments_that_a_search_does_not_take_are_refused(project: Project, tmp_path: Path) -> None:
    outside = bench(tmp_path / "board.json", "mixed7", 224, {("litert", 4): 60.0})
    (project.root / "link.json").symlink_to(outside)
    other = project.root / "board.json"
    other.write_text(json.dumps({}))
    for wrong in (
        {"output": "models/x.tflite"}, {"backbones": ["none"]}, {"sizes": [1]}, {"max_ms": 0}, {"latency": ["../x"]},
        {"latency": ["link.json"]}, {"latency": ["board.json"]},
    ):  # fmt: skip
        with pytest.raises(GraftError):
            TASK.check(project, {**TRIED, **wrong})
