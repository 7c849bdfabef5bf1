"""The plan of the packages: rooms along the photo's way, imports that run forward only, and no circle."""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import graft_device
import graft_host

TESTS = Path(__file__).parent
PACKAGES = {
    package.__name__: Path(package.__file__ or "").parent  # both are regular packages
    for package in (graft_device, graft_host)
}
ORDER = {
    "graft_device": (
        "errors", "failure", "text", "system", "config", "preprocess", "model", "runtime_packages", "runtime",
        "ranking", "classifier", "trial", "graft_device", "sources", "outputs", "mqtt", "actions", "history", "run",
        "capture", "drift", "serve", "camera_page", "board", "store", "learning", "doctor", "bench", "service",
        "usage", "console", "commands", "cli",
    ),
    "graft_host": (
        "support", "photos", "inbox", "networks", "backbones", "heads", "prospects", "samples", "tflite",
        "fine_tuning", "evaluation", "report", "training", "network_search", "diagnosis", "export", "demo",
        "photo_check", "comparison", "library", "graft_host", "deploy", "collecting", "sorting", "studio",
        "commands", "cli",
    ),
}  # fmt: skip
"""Folders and modules on the top sheet of each package, the package itself too: each imports only what is before it."""

MOST_MODULES = 21
"""In one folder; a room with more needs a room inside it."""


def modules_of(package: str) -> dict[str, Path]:
    """All modules of a package by their full names."""
    folder = PACKAGES[package]
    modules = {}
    for path in folder.glob("**/*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        modules[".".join(parts[:-1] if path.stem == "__init__" else parts)] = path
    return modules


def arrows_of(package: str) -> dict[str, set[str]]:
    """What each module imports from its own package anywhere in its file, and what it names in its text.

    Text that names the command line is no import: it is started as a person would start it.
    """
    modules = modules_of(package)
    arrows: dict[str, set[str]] = {}
    for name, path in modules.items():
        arrows[name] = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                arrows[name] |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path} imports relatively"
                targets = {f"{node.module}.{alias.name}" for alias in node.names}
                arrows[name] |= targets & modules.keys() or {node.module or ""}
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value != f"{package}.cli":
                arrows[name] |= {node.value} if "." in node.value else set()
        arrows[name] = (arrows[name] & modules.keys()) - {name}
    return arrows


def room_of(module: str) -> str:
    """The folder or module on the top sheet that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_room_has_a_place_in_the_order(package: str) -> None:
    assert {room_of(module) for module in modules_of(package)} <= set(ORDER[package])
    assert len(set(ORDER[package])) == len(ORDER[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_import_only_from_rooms_before_them(package: str) -> None:
    place = {room: index for index, room in enumerate(ORDER[package])}
    arrows = [(module, target) for module, targets in arrows_of(package).items() for target in targets]
    assert len(arrows) > len(place)
    assert [arrow for arrow in arrows if place[room_of(arrow[1])] > place[room_of(arrow[0])]] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_of_modules(package: str) -> None:
    try:
        TopologicalSorter(arrows_of(package)).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_circle_of_rooms_at_any_depth(package: str) -> None:
    """Inside a room, too, its rooms and the modules beside them have an order in which imports run forward."""
    arrows = arrows_of(package)
    folders = {module.rpartition(".")[0] for module in arrows if "." in module}
    for folder in folders:
        within = {module for module in arrows if module.startswith(f"{folder}.")}
        depth = folder.count(".") + 2
        graph: dict[str, set[str]] = {}
        for module in within:
            part = ".".join(module.split(".")[:depth])
            used = {".".join(target.split(".")[:depth]) for target in arrows[module] & within}
            graph.setdefault(part, set()).update(used - {part})
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_is_crowded(package: str) -> None:
    folders = Counter(path.parent for path in modules_of(package).values() if path.stem != "__init__")
    assert {folder.name: count for folder, count in folders.items() if count > MOST_MODULES} == {}


def test_only_tests_stand_among_the_tests() -> None:
    """What several tests share is in ``support``; what reads hostile inputs for minutes is in ``fuzz``."""
    among = [path for path in TESTS.glob("**/*.py") if not {"support", "fuzz"} & {*path.relative_to(TESTS).parts}]
    assert [path for path in among if not path.name.startswith("test_") and path.name != "conftest.py"] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_tests_have_the_rooms_of_the_package(package: str) -> None:
    folders = {path.parent for path in (TESTS / package.removeprefix("graft_")).glob("**/test_*.py")}
    assert folders
    for folder in folders:
        assert (PACKAGES[package] / folder.relative_to(TESTS / package.removeprefix("graft_"))).is_dir(), folder
