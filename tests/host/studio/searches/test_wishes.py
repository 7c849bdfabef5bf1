"""What a person wants of a search, and what boards measured, as they are kept in the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from graft_device.errors import GraftError
from graft_host.network_search.latency.board_latency import LatencyError
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.searches.measured import MOST_BYTES, MeasuredBoard, add_figures, measured_boards
from graft_host.studio.searches.wishes import Wishes, keep_wishes, read_wishes
from tests.host.network_search.latency.test_board_latency import bench

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "project")


def test_wishes_are_there_again_after_a_restart(project: Project) -> None:
    assert read_wishes(project) == Wishes()
    wishes = Wishes(
        backbones=("inception-v3",), latency=("latency/pi.json",), max_ms=40.0, min_accuracy=0.9, sizes=(150, 224)
    )
    keep_wishes(project, wishes)
    assert read_wishes(project) == wishes
    assert "taps" not in wishes.arguments


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'{"max_ms": "x", "sizes": ["a"], "backbones": 3}'])
def test_a_damaged_file_is_as_none(project: Project, content: bytes) -> None:
    (project.work / "search.json").write_bytes(content)
    assert read_wishes(project) == Wishes()


def test_figures_of_a_board_are_kept_once_for_each_network(project: Project, tmp_path: Path) -> None:
    small = bench(tmp_path / "a.json", "mixed5", 150, {("litert", 4): 20.0}).read_bytes()
    large = bench(tmp_path / "b.json", "mixed7", 224, {("litert", 4): 60.0}).read_bytes()
    for name, content in (("../my board?.json", small), ("my board!.json", large), ("again.json", small)):
        add_figures(project, name, content)
    assert measured_boards(project) == (
        MeasuredBoard("Raspberry Pi 5 Model B Rev 1.0", ("latency/my-board-2.json", "latency/my-board.json")),
    )
    assert (project.root / "latency" / "my-board.json").read_bytes() == small
    assert sorted(path.name for path in project.root.glob("**/*.json")) == ["my-board-2.json", "my-board.json"]


def test_files_that_are_no_figures_are_refused_and_left_out(project: Project, tmp_path: Path) -> None:
    with pytest.raises(LatencyError, match=r"^photo\.jpg is not the output of"):
        add_figures(project, "photo.jpg", b"\xff\xd8")
    with pytest.raises(GraftError, match="too large"):
        add_figures(project, "large.json", b" " * (MOST_BYTES + 1))
    assert not (project.root / "latency").exists()
    (project.root / "latency").mkdir()
    (project.root / "latency" / "damaged.json").write_text("{}")
    outside = bench(tmp_path / "a.json", "mixed5", 150, {("litert", 4): 20.0})
    (project.root / "latency" / "link.json").symlink_to(outside)
    assert measured_boards(project) == ()
    add_figures(project, "a.json", outside.read_bytes())
    assert [board.files for board in measured_boards(project)] == [("latency/a.json",)]
