"""Photos on a map that was made before some were moved, deleted and added."""

from __future__ import annotations

import numpy as np

from graft_host.studio.album.state import AlbumClass, AlbumState, Photo
from graft_host.studio.maps.photo_map import PhotoMap
from graft_host.studio.maps.placed import placed

MADE = PhotoMap(
    method="pca",
    ids=("cat/a", "cat/b", "dog/c"),
    digests=("A", "B", "C"),
    points=np.array([[0, 0], [1, 0], [0, 1]], np.float32),
    left_out=frozenset({"cat/broken"}),
)


def _state(unknown: tuple[str, ...] | None = None, **classes: tuple[str, ...]) -> AlbumState:
    def group(label: str, names: tuple[str, ...]) -> AlbumClass:
        return AlbumClass(label, tuple(Photo(f"{label}/{name}", "v") for name in names))

    return AlbumState(
        revision="1", classes=tuple(group(*one) for one in classes.items()), binned=0, undo=None, redo=None,
        unknown=None if unknown is None else group("unknown", unknown),
    )  # fmt: skip


def test_a_photo_keeps_its_place_in_another_class_and_under_another_name() -> None:
    asked = []

    def digest(name: str, _: str) -> str:
        asked.append(name)
        return {"dog/renamed": "A", "unknown/c": "C", "cat/new": "X"}[name]

    found = placed(MADE, _state(("c",), cat=("b", "new"), dog=("renamed",)), digest)
    assert found.ids == ("cat/b", "dog/renamed", "unknown/c")
    assert found.points.tolist() == [[1, 0], [0, 0], [0, 1]]
    assert (found.labels, found.unknown, found.classes) == (("cat", "dog", "unknown"), True, (0, 1, 2))
    assert found.missing == 1
    assert sorted(asked) == ["cat/new", "dog/renamed", "unknown/c"]


def test_no_file_is_read_while_nothing_is_gone_from_the_map() -> None:
    def digest(name: str, _: str) -> str:
        raise AssertionError(name)

    found = placed(MADE, _state(cat=("a", "b", "new", "broken"), dog=("c",)), digest)
    assert found.missing == 1
    assert len(found.ids) == 3
