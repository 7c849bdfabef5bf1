"""The tasks that look at the photos, on a network that needs no download."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from graft_device.errors import GraftError
from graft_host.studio.maps.photo_map import read_map
from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.remedies.standing import findings_of
from graft_host.studio.tasks.registry import TASKS
from tests.support.host_data import image_bytes, write_photos
from tests.support.quiet import QuietReporter

NETWORK = {"weights": "random", "tap": "expand3", "image_size": 64}


class Quiet(QuietReporter):
    """Receives what a task says."""

    def step(self, stage: str, done: int, total: int) -> None:
        self.counts.append((stage, done, total))

    def event(self, name: str, values: Any) -> None:
        self.notes.append(f"{name} {values}")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = open_project(tmp_path / "pets")
    write_photos(project.photos, ("cat", "dog"), count=4)
    shutil.copy(project.photos / "cat" / "0000.png", project.photos / "cat" / "again.png")
    (project.photos / "dog" / "broken.jpg").write_bytes(image_bytes(4, "JPEG", width=200, height=200)[:-600])
    return project


def test_a_check_gives_the_photos_of_each_finding_as_the_album_has_them(project: Project, tmp_path: Path) -> None:
    result = TASKS.task("check").run(project, NETWORK, tmp_path / "cache", Quiet())
    found = {finding.kind: finding for finding in findings_of(result)}
    assert {photo.id for photo in found["identical"].photos} == {"cat/0000.png", "cat/again.png"}
    assert {photo.digest for photo in found["identical"].photos} != {""}
    (broken,) = found["unreadable"].photos
    assert (broken.id, broken.label, len(broken.digest)) == ("dog/broken.jpg", "dog", 64)
    assert found["few"].labels in {("cat",), ("dog",)}
    assert result["photos"] == 9


@pytest.mark.parametrize("kind", ["check", "map", "search", "train"])
def test_photos_outside_the_project_are_not_read_through_links(project: Project, tmp_path: Path, kind: str) -> None:
    task, outside = TASKS.task(kind), tmp_path / "outside"
    arguments = {"output": "models/x.tflite"} if kind == "train" else {}
    write_photos(outside, ("bird",), count=1)
    (project.photos / "cat" / "within").symlink_to(project.inbox)
    (project.photos / "cat" / "round").symlink_to(project.photos / "cat")
    (project.photos / "cat" / "circle").symlink_to("circle")
    task.check(project, arguments)
    for link in ("bird", "cat/secret.png", "dog/one/deep"):
        path = project.photos / link
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(outside / "bird" / ("0000.png" if link.endswith("png") else ""))
        for act in (lambda: task.check(project, arguments), lambda: task.run(project, arguments, tmp_path, Quiet())):
            with pytest.raises(StudioError, match=f"'photos/{link}' is a link that leads out of the project"):
                act()
        path.unlink()


def test_a_map_has_every_photo_that_can_be_read(project: Project, tmp_path: Path) -> None:
    result = TASKS.task("map").run(project, NETWORK, tmp_path / "cache", Quiet())
    made = read_map(project, "pca")
    assert made is not None
    assert set(made.ids) == {
        "cat/again.png", *(f"{label}/{number:04}.png" for label in ("cat", "dog") for number in range(4)),
    }  # fmt: skip
    assert made.explained == tuple(result["explained"])
    assert 0 < made.explained[1] <= made.explained[0] <= 1
    copies = [made.ids.index(name) for name in ("cat/0000.png", "cat/again.png")]
    assert made.points[copies[0]].tolist() == made.points[copies[1]].tolist()


def test_a_task_names_its_command_and_refuses_what_it_does_not_know(project: Project) -> None:
    task = TASKS.task("check")
    assert task.command({}) == "graft check photos --backbone efficientnet-lite0"
    assert task.command({"tap": "expand3"}) == "graft check photos --backbone efficientnet-lite0 --tap expand3"
    for kind in ("check", "map"):
        with pytest.raises(GraftError):
            TASKS.task(kind).check(project, {"folder": "/etc"})
        with pytest.raises(GraftError):
            TASKS.task(kind).check(project, {"backbone": "none"})
    with pytest.raises(GraftError, match="there is no map 'tsne'"):
        TASKS.task("map").check(project, {"method": "tsne"})
