"""The job that exports a model for other software."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

from graft_device.errors import ExportError, GraftError
from graft_host.studio.jobs.queue import Jobs
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.tasks.export import TASK
from tests.conftest import graft
from tests.host.export.test_frigate import write_colours
from tests.support.quiet import QuietReporter
from tests.support.studio_jobs import comes_to


class Quiet(QuietReporter):
    def event(self, name: str, values: Any) -> None:
        raise AssertionError((name, values))

    def step(self, stage: str, done: int, total: int) -> None:
        self.counts.append((stage, done, total))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    found = open_project(tmp_path / "project")
    write_colours(found.models / "colours.tflite")
    return found


def run(project: Project, **arguments: object) -> dict[str, Any]:
    return dict(TASK.run(project, {"model": "models/colours.tflite", **arguments}, None, Quiet()))


def test_exports_are_those_of_the_command(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {"model": "models/colours.tflite", "format": "frigate"}
    with Jobs(project, None) as jobs:
        done = comes_to(jobs, jobs.add("export", arguments, "colours"), "done")
        with pytest.raises(ExportError, match="exists"):
            jobs.add("export", arguments, "colours")
    assert done.result is not None
    assert done.result["download"] == "exports/frigate/colours.zip"
    assert "model_cache/colours" in done.result["next_steps"]
    (tmp_path / "exports" / "frigate").mkdir(parents=True)
    (tmp_path / "models").symlink_to(project.models)
    monkeypatch.chdir(tmp_path)
    made = graft(*done.command.split()[1:])
    assert made.returncode == 0, made.stderr
    with zipfile.ZipFile(project.root / done.result["download"]) as archive:
        assert sorted(archive.namelist()) == ["colours/labelmap.txt", "colours/model.tflite"]
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "exports" / "frigate" / name).read_bytes()


def test_onnx_is_int8_or_float(project: Project) -> None:
    pytest.importorskip("onnx")
    small = run(project, format="onnx")
    large = run(project, format="onnx", float_network=True)
    assert (small["download"], large["download"]) == ("exports/colours.onnx", "exports/colours-float.onnx")
    assert (project.root / small["download"]).read_bytes() != (project.root / large["download"]).read_bytes()


def test_an_export_that_was_interrupted_behind_its_folder_is_made_again(project: Project) -> None:
    """The studio runs a job again that it was killed in."""
    made = run(project, format="frigate")
    (project.root / made["download"]).unlink()
    assert run(project, format="frigate") == made
    assert zipfile.is_zipfile(project.root / made["download"])


def test_an_export_is_replaced_where_that_was_asked_for(project: Project) -> None:
    first = run(project, format="frigate")
    write_colours(project.models / "colours.tflite", known=False)
    asked = {"model": "models/colours.tflite", "format": "frigate", "overwrite": True}
    TASK.check(project, asked)
    assert "--overwrite" in TASK.command(asked)
    again = run(project, format="frigate", overwrite=True)
    assert again["download"] == first["download"]
    with zipfile.ZipFile(project.root / again["download"]) as archive:
        assert archive.read("colours/model.tflite") == (project.models / "colours.tflite").read_bytes()


def test_what_is_no_model_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    outside = write_colours(tmp_path / "outside.tflite")
    (project.models / "link.tflite").symlink_to(outside)
    (project.root / "other.tflite").write_bytes(outside.read_bytes())
    for model in ("models/link.tflite", "other.tflite", "models/../other.tflite", "/etc/passwd", "models/none.tflite"):
        with pytest.raises(GraftError):
            TASK.check(project, {"model": model, "format": "frigate"})
    with pytest.raises(ExportError, match="no such format"):
        TASK.check(project, {"model": "models/colours.tflite", "format": "none"})
    (project.root / "exports").symlink_to(tmp_path)
    with pytest.raises(GraftError, match="leads out"):
        TASK.check(project, {"model": "models/colours.tflite", "format": "frigate"})
