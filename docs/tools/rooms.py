"""Draws the rooms of a package, and which of them import which, from the imports in its source."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from html import escape
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = {"graft_host": REPOSITORY / "host" / "graft_host", "graft_device": REPOSITORY / "device" / "graft_device"}

_BOX_WIDTH, _BOX_HEIGHT = 132, 32
_COLUMN, _ROW, _MARGIN = 148, 70, 10


@dataclass(frozen=True)
class Rooms:
    """The rooms of a package: its folders, and the modules that are in none.

    Attributes:
        imports: for each room, the other rooms of the package that its modules import.
        modules: for each room, the number of its Python modules; ``__init__`` is not counted.
    """

    imports: dict[str, frozenset[str]]
    modules: dict[str, int]

    def levels(self) -> dict[str, int]:
        """For each room, the length of the longest chain of imports below it.

        Raises:
            ValueError: rooms import each other in a circle; the message names them.
        """
        levels: dict[str, int] = {}
        pending = set(self.imports)
        while pending:
            ready = {room for room in pending if not self.imports[room] & pending}
            if not ready:
                raise ValueError(f"rooms import each other in a circle: {', '.join(sorted(pending))}")
            for room in ready:
                levels[room] = 1 + max((levels[used] for used in self.imports[room]), default=-1)
            pending -= ready
        return levels

    def direct(self) -> dict[str, frozenset[str]]:
        """The imports that no chain of other imports implies (the transitive reduction)."""
        reach: dict[str, set[str]] = {}
        for room in sorted(self.levels(), key=self.levels().__getitem__):
            reach[room] = set(self.imports[room]).union(*(reach[used] for used in self.imports[room]))
        return {
            room: frozenset(used for used in uses if not any(used in reach[other] for other in uses))
            for room, uses in self.imports.items()
        }


def read_rooms(package: str) -> Rooms:
    """Reads the rooms of ``graft_host`` or ``graft_device`` from the source tree."""
    folder = PACKAGES[package]
    imports: dict[str, set[str]] = {}
    modules: dict[str, int] = {}
    for path in sorted(folder.rglob("*.py")):
        room = _room(path.relative_to(folder).with_suffix("").parts)
        if room is None:
            continue
        modules[room] = modules.get(room, 0) + (path.stem != "__init__")
        used = {_room(name.split(".")[1:]) for name in _imported(path, package)}
        imports.setdefault(room, set()).update(name for name in used if name not in {None, room})
    return Rooms({room: frozenset(used & imports.keys()) for room, used in imports.items()}, modules)


def _room(parts: tuple[str, ...] | list[str]) -> str | None:
    """The first folder or module of a path; None for the package itself."""
    return None if not parts or parts[0] == "__init__" else parts[0]


def _imported(path: Path, package: str) -> set[str]:
    """The full names of the package's modules that a source file imports, also inside functions.

    Text such as ``graft_device.commands.``, to which a name is added at run time, counts as an import.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.endswith("."):
            names.add(node.value.rstrip("."))
    return {name for name in names if name.startswith(f"{package}.")}


def draw(package: str) -> str:
    """The drawing as SVG, in the colour of the text around it: what a room imports is above it."""
    rooms = read_rooms(package)
    places = _places(rooms)
    width = max(x for x, _ in places.values()) + _BOX_WIDTH + _MARGIN
    height = max(y for _, y in places.values()) + _BOX_HEIGHT + _MARGIN
    lines = [
        _arrow(places[used], places[room], package)
        for room, uses in sorted(rooms.direct().items())
        for used in sorted(uses)
    ]
    boxes = [_box(room, rooms.modules[room], place) for room, place in sorted(places.items())]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="The rooms of {package}, and which import which" font-family="sans-serif" font-size="13">'
        f'<defs><marker id="{package}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>' + "".join(lines + boxes) + "</svg>"
    )


def _places(rooms: Rooms) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box: a row for each level, ordered by what its rooms import."""
    levels, direct = rooms.levels(), rooms.direct()
    places: dict[str, tuple[int, int]] = {}
    widest = max(list(levels.values()).count(level) for level in set(levels.values()))
    for level in range(max(levels.values()) + 1):
        row = [room for room in sorted(levels) if levels[room] == level]
        row.sort(key=lambda room: _mean([places[used][0] for used in direct[room]]))
        left = _MARGIN + (widest - len(row)) * _COLUMN // 2
        for index, room in enumerate(row):
            places[room] = (left + index * _COLUMN, _MARGIN + level * _ROW)
    return places


def _mean(numbers: list[int]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _box(room: str, modules: int, place: tuple[int, int]) -> str:
    x, y = place
    note = "" if modules == 1 else f'<tspan opacity="0.6" font-size="11"> {modules}</tspan>'
    shape = f'<rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" rx="6"'
    return (
        f'{shape} fill="var(--md-default-bg-color, white)"/>'
        f'{shape} fill="#4051b5" fill-opacity="0.15" stroke="currentColor" stroke-opacity="0.55"/>'
        f'<text x="{x + _BOX_WIDTH / 2:g}" y="{y + 21}" text-anchor="middle" fill="currentColor">'
        f"{escape(room)}{note}</text>"
    )


def _arrow(start: tuple[int, int], end: tuple[int, int], package: str) -> str:
    """From the lower edge of the imported room to the upper edge of the one that imports it."""
    x1, y1 = start[0] + _BOX_WIDTH // 2, start[1] + _BOX_HEIGHT
    x2, y2 = end[0] + _BOX_WIDTH // 2, end[1] - 3
    bend = (_ROW - _BOX_HEIGHT) * 0.8
    return (
        f'<path d="M{x1} {y1}C{x1} {y1 + bend:g} {x2} {y2 - bend:g} {x2} {y2}" fill="none" stroke="currentColor" '
        f'stroke-opacity="0.5" marker-end="url(#{package}-tip)"/>'
    )
