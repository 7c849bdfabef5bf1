"""The map as it is kept on the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft_host.studio.maps.photo_map import PhotoMap, map_path, read_map, scaled, write_map
from graft_host.studio.project.folder import Project, open_project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "pets")


def _made() -> PhotoMap:
    points = np.array([[0.5, -1], [1, 0.25]], np.float32)
    return PhotoMap(
        method="pca", ids=("cat/ü<b>.jpg", "dog/b.jpg"), digests=("1" * 64, "2" * 64), points=points,
        explained=(0.4, 0.1), left_out=frozenset({"cat/broken"}),
    )  # fmt: skip


def test_a_map_is_read_as_it_was_written(project: Project) -> None:
    assert read_map(project, "pca") is None
    write_map(project, _made())
    found = read_map(project, "pca")
    assert found is not None
    assert (found.ids, found.digests, found.explained) == (_made().ids, _made().digests, _made().explained)
    np.testing.assert_array_equal(found.points, _made().points)
    assert found.left_out == {"cat/broken"}
    assert read_map(project, "umap") is None


def test_a_damaged_map_is_as_good_as_none(project: Project) -> None:
    write_map(project, _made())
    whole = map_path(project, "pca").read_bytes()
    for damaged in (b"", whole[:-9], b"[]", b"null", whole.replace(b'"form": 1', b'"form": 2'), b'{"form": 1}',
                    whole.replace(b"dog/b.jpg", b'dog/b.jpg", "x'), b"\xff\xfe"):  # fmt: skip
        map_path(project, "pca").write_bytes(damaged)
        assert read_map(project, "pca") is None


def test_the_map_fills_the_square_without_being_stretched() -> None:
    found = scaled(np.array([[0, 0], [4, 1], [2, 1]], np.float32))
    np.testing.assert_allclose(found, [[-1, -0.25], [1, 0.25], [0, 0.25]])
    assert scaled(np.zeros((3, 2), np.float32)).tolist() == [[0, 0]] * 3
