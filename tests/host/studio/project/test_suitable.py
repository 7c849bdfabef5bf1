"""Folders that people give by mistake do not become projects."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest

from graft_host.studio.project.errors import StudioError
from graft_host.studio.project.folder import open_project
from tests.support.device_models import picture
from tests.support.host_data import without_privileges


def _photo(path: Path) -> None:
    path.parent.mkdir(parents=True)
    picture("red").save(path)


def test_the_folder_of_photos_itself_is_answered_with_the_one_above(tmp_path: Path) -> None:
    _photo(tmp_path / "my pets" / "photos" / "cat" / "a.png")
    with pytest.raises(StudioError) as refused:
        open_project(tmp_path / "my pets" / "photos")
    assert refused.value.remedy == f"give the folder above it: graft studio '{tmp_path / 'my pets'}'"
    assert [path.name for path in (tmp_path / "my pets" / "photos").iterdir()] == ["cat"]
    open_project(tmp_path / "my pets")


def test_class_folders_of_another_name_are_to_be_moved(tmp_path: Path) -> None:
    _photo(tmp_path / "pets" / "cat" / "a.png")
    with pytest.raises(StudioError, match="has folders of photos itself, such as cat") as refused:
        open_project(tmp_path / "pets")
    assert f"move them into {tmp_path / 'pets' / 'photos'}" in refused.value.remedy


def test_a_project_may_have_other_folders_of_pictures(tmp_path: Path) -> None:
    open_project(tmp_path)
    _photo(tmp_path / "slides" / "a.png")
    assert open_project(tmp_path).root == tmp_path


@pytest.mark.parametrize(("name", "what"), [("/", "the root of the file system"), ("~", "your home folder")])
def test_the_root_and_the_home_folder_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, what: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StudioError, match=re.escape(what)):
        open_project(Path(name).expanduser())
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_a_folder_that_cannot_be_made_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StudioError, match="is a file"):
        open_project(tmp_path / "file")
    with pytest.raises(StudioError, match="cannot use"):
        open_project(tmp_path / "file" / "below")


def test_a_project_that_cannot_be_written_to_is_refused_before_it_opens() -> None:
    with tempfile.TemporaryDirectory() as name:  # other users may not see what is in the folder of a test
        folder = Path(name)
        folder.chmod(0o755)
        open_project(folder)
        (folder / "models").chmod(0o555)
        with without_privileges(), pytest.raises(StudioError, match="cannot be written to"):
            open_project(folder)
        (folder / "models").chmod(0o755)
