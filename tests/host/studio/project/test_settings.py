"""The settings of a project, which a person may edit too."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.project.settings import change_settings, read_settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_MINE = """# my project
title = "pets"

[train] # what I train with
seed = 7  # lucky
backbone = "efficientnet-lite1"

[boards]
kitchen = "pi@kitchen"
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path)


def test_comments_order_and_other_tables_stay(project: Project) -> None:
    project.settings.write_text(_MINE)
    change_settings(project, "train", {"backbone": None, "seed": 8, "augment": 2})
    assert project.settings.read_text() == _MINE.replace("seed = 7", "seed = 8").replace(
        'backbone = "efficientnet-lite1"\n', "augment = 2\n"
    )
    assert read_settings(project, "train") == {"seed": 8, "augment": 2}
    assert read_settings(project, "check") == {}


def test_a_new_table_is_made_and_nothing_is_written_for_nothing(project: Project) -> None:
    change_settings(project, "train", {"seed": None})
    assert not project.settings.exists()
    change_settings(project, "train", {"source": ["web"], "unknown_rate": 0.1})
    assert read_settings(project, "train") == {"source": ["web"], "unknown_rate": 0.1}


@pytest.mark.parametrize("content", [b"[train\nseed = 1", b"\xff\xfe", b"train = 3"])
def test_a_broken_file_is_an_error_and_stays_as_it_is(project: Project, content: bytes) -> None:
    project.settings.write_bytes(content)
    with pytest.raises(StudioError) as caught:
        change_settings(project, "train", {"seed": 1})
    assert caught.value.remedy
    assert project.settings.read_bytes() == content
    with pytest.raises(StudioError, match=r"studio\.toml"):
        read_settings(project, "train")


def test_changes_at_once_lose_nothing(project: Project) -> None:
    with ThreadPoolExecutor(8) as pool:
        tasks = [pool.submit(change_settings, project, f"page{number % 3}", {f"x{number}": 1}) for number in range(24)]
        for done in tasks:
            done.result()
    assert sum(len(table) for table in tomllib.loads(project.settings.read_text()).values()) == 24


def test_a_link_out_of_the_project_is_refused(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "other.toml"
    outside.write_text("[train]\nseed = 1\n")
    project.settings.symlink_to(outside)
    with pytest.raises(StudioError, match="leads out"):
        change_settings(project, "train", {"seed": 2})
    assert outside.read_text() == "[train]\nseed = 1\n"
