"""The page of the architecture: its tables list every room in an order in which imports run forward."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs.tools.rooms import PACKAGES, REPOSITORY, draw, read_rooms

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")


def listed(package: str) -> list[str]:
    """The rooms in the package's table, from the top."""
    folder = PACKAGES[package].relative_to(REPOSITORY)
    table = PAGE.partition(f"| room of `{folder}` |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_is_listed_once(package: str) -> None:
    assert sorted(listed(package)) == sorted(read_rooms(package).imports)


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_rooms_above_them(package: str) -> None:
    place = {room: index for index, room in enumerate(listed(package))}
    arrows = [(room, used) for room, uses in read_rooms(package).imports.items() for used in uses]
    assert len(arrows) > len(place)
    assert [(room, used) for room, used in arrows if place[used] > place[room]] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_the_drawing_has_a_box_for_each_room_and_an_arrow_for_each_direct_import(package: str) -> None:
    rooms = read_rooms(package)
    drawing = ET.fromstring(draw(package))  # noqa: S314  our own text
    space = "{http://www.w3.org/2000/svg}"
    names = {(text.text or "") for text in drawing.iter(f"{space}text")}
    arrows = [path for path in drawing.iter(f"{space}path") if path.get("marker-end")]
    assert names == set(rooms.imports)
    assert len(arrows) == sum(map(len, rooms.direct().values()))


def test_direct_imports_imply_all_others() -> None:
    rooms = read_rooms("graft_host")
    direct = rooms.direct()
    for room, uses in rooms.imports.items():
        reached: set[str] = set()
        pending = set(direct[room])
        while pending:
            reached |= pending
            pending = {used for other in pending for used in direct[other]} - reached
        assert uses <= reached


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+\.py)`", PAGE))))
def test_every_file_that_the_page_names_exists(name: str) -> None:
    folders = (REPOSITORY, *PACKAGES.values())
    assert any((Path(folder) / name).is_file() for folder in folders)
