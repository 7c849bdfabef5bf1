"""The tutorial on the recipe of 2015: its commands run as the page shows them, and print what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from docs.tools.rooms import REPOSITORY
from tests.conftest import SHARED

PAGE = REPOSITORY / "docs" / "tutorial" / "the-recipe-of-2015.md"
_TOOL = SHARED / "tools" / "make_inception_2015_graph.py"
_GRAPH = "classify_image_graph_def.pb"
_TRAINED, _TESTED = 60, 40
_PROGRAMS = {"python": [], "graft": ["-m", "graft_host.cli"], "graft-device": ["-m", "graft_device.cli"]}
_ROOM = 0.05
"""An accuracy on another processor may differ by 4 of the 80 photos."""


def shown() -> list[tuple[str, list[str]]]:
    """Each command of the page's consoles, with the lines of its output that the page shows.

    Lines that go on from the line before are left out: where a line breaks depends on the digits of durations.
    """
    calls: list[tuple[str, list[str]]] = []
    for console in re.findall(r"^```console\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        for line in console.splitlines():
            if line.startswith("$ "):
                calls.append((line[2:], []))
            elif line.strip() not in {"", "…"} and not line.startswith(" "):
                calls[-1][1].append(line)
    return calls


def kind(line: str) -> str:
    """The first three words of a line, with each number replaced."""
    return " ".join(re.sub(r"[\d.]*\d", "N", line).split()[:3])


def accuracy(lines: list[str]) -> float | None:
    """The accuracy that an output states, from 0 to 1."""
    found = re.search(r"^accuracy +([\d.]+)(%?)", "\n".join(lines), re.MULTILINE)
    return float(found[1]) / (100 if found[2] else 1) if found else None


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, cats_and_dogs: Path, weights_file: Path) -> Path:
    """A folder with the graph, the photos and the example, as the page assumes."""
    if not _TOOL.is_file():
        pytest.skip(f"the tool that writes the graph is not at {_TOOL}")
    folder = tmp_path_factory.mktemp("recipe")
    command = [sys.executable, str(_TOOL), str(folder / _GRAPH), "--weights", str(weights_file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    for label in ("cats", "dogs"):
        for number, photo in enumerate(sorted((cats_and_dogs / label).iterdir())[: _TRAINED + _TESTED]):
            place = folder / "photos" / ("train" if number < _TRAINED else "test") / label
            place.mkdir(parents=True, exist_ok=True)
            (place / photo.name).symlink_to(photo)
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    return folder


def test_the_page_shows_both_ways_and_what_each_prints() -> None:
    calls = shown()
    assert [shlex.split(call)[0] for call, _ in calls] == [
        "pip", "python", "pip", "graft", "graft-device", "graft", "graft"
    ]  # fmt: skip
    assert all(lines for call, lines in calls if not call.startswith("pip "))
    assert [accuracy(lines) is not None for call, lines in calls] == [False, True, False, True, False, True, True]


@pytest.mark.slow
def test_the_commands_of_the_page_print_what_it_shows(desk: Path) -> None:
    environment = {**os.environ, "GRAFT_CACHE": str(desk / "cache")}
    for call, expected in shown():
        program, *words = shlex.split(call)
        if program == "pip":
            continue
        command = [sys.executable, *_PROGRAMS[program], *words]
        done = subprocess.run(
            command, cwd=desk, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stderr
        printed = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        assert {kind(line) for line in expected} <= {kind(line) for line in printed}, call
        stated, measured = accuracy(expected), accuracy(printed)
        if stated is not None:
            assert measured == pytest.approx(stated, abs=_ROOM), call
