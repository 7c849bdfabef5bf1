"""The documents: links lead somewhere, commands and options exist, and the site builds without a warning."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from docs.tools.command_pages import commands, page_name
from docs.tools.rooms import REPOSITORY
from graft_device.store.exit_codes import ExitCode

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
PROGRAMS = ("graft", "graft-device")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as Markdown programs make them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip()) for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_to_files_and_headings_of_the_repository(page: Path) -> None:
    text = FENCED.sub("", page.read_text("utf-8"))
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        if re.match(r"https?://", link):
            assert re.fullmatch(r"https://[\w.-]+\.[a-z]+(/[\w.~/-]*)?", link), link
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.is_file(), f"{name_of(page)}: {link}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)}: {link}"


def test_the_readme_is_one_that_a_person_reads_to_its_end() -> None:
    readme = (REPOSITORY / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 150
    for command in ("make demo", "make test", "graft train", "graft deploy", "graft-device classify"):
        assert command in readme


def test_the_pictures_are_small() -> None:
    pictures = ("live-page", "camera-page-light", "camera-page-dark", "camera-page-phone", "sort-light")
    sizes = [(REPOSITORY / "docs" / f"{name}.webp").stat().st_size for name in pictures]
    assert min(sizes) > 10_000
    assert max(sizes) < 150_000


@cache
def options(program: str, command: str) -> frozenset[str]:
    """Every name of every option of a command."""
    parameters: list[Any] = commands(program)[command].params
    listed = [parameter for parameter in parameters if parameter.param_type_name == "option"]
    names = {name for option in listed for name in (*option.opts, *option.secondary_opts)}
    return frozenset(names | {"--help", "--debug"})


def shown() -> list[tuple[str, str]]:
    """Each line that calls one of the programs, with the page that it is on."""
    lines = []
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue
        text = page.read_text("utf-8")
        calls = re.findall(
            r"^(?:.*\$ |.*(?:workstation|board): +| +)?((?:graft|graft-device) [a-z]+\b.*)$", text, re.MULTILINE
        )
        calls += re.findall(r"`((?:graft|graft-device) [a-z]+ [^`…\n]*)`", text)
        lines += [(name_of(page), call) for call in calls]
    return lines


def test_every_command_that_is_shown_exists_with_its_options() -> None:
    calls = shown()
    assert len(calls) > 40
    for page, call in calls:
        program, command, *words = shlex.split(call.partition(" > ")[0], comments=True)
        if command not in commands(program) and words:
            command, *words = f"{command} {words[0]}", *words[1:]
        assert command in commands(program), f"{page}: {call}"
        before_dashes = words[: words.index("--")] if "--" in words else words
        names = {word.partition("=")[0] for word in before_dashes if re.match(r"--?[a-z]", word)}
        assert names <= options(program, command), f"{page}: {call}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as ``make docs`` builds it; a warning is an error."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_reference_has_every_command_with_every_option(site: Path, program: str) -> None:
    index = (site / "reference" / "index.html").read_text("utf-8")
    assert len(commands(program)) > 10
    for command in commands(program):
        folder = page_name(program, command).removesuffix(".md")
        page = (site / "reference" / "commands" / folder / "index.html").read_text("utf-8")
        assert f"commands/{folder}/" in index
        for name in options(program, command):
            assert f"<code>{name}</code>" in page, (command, name)


def test_the_reference_has_every_public_name(site: Path) -> None:
    import graft_device
    import graft_host

    page = (site / "reference" / "python" / "index.html").read_text("utf-8")
    for module in (graft_device, graft_host):
        for name in set(module.__all__) - {"__version__"}:
            assert f'id="{module.__name__}.{name}"' in page, name


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(https?:)?//[^"]*"', text)
        assert loaded == [], page


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """The settings are as strict as we think: a page, a heading and an image that are not there are all refused."""
    settings = (REPOSITORY / "mkdocs.yml").read_text("utf-8")
    validation = settings.partition("\nvalidation:")[2].partition("\n\n")[0]
    (tmp_path / "mkdocs.yml").write_text(f"site_name: broken\nvalidation:{validation}\n")
    (tmp_path / "docs").mkdir()
    for link in ("gone.md", "index.md#gone", "gone.png"):
        (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n[a link]({link})\n")
        command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode != 0, link
        assert "gone" in done.stderr


def test_every_exit_status_is_documented() -> None:
    page = (REPOSITORY / "docs" / "reference" / "exit-statuses.md").read_text("utf-8")
    rows = {int(status) for status in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    from graft_host.deploy.errors import UnhealthyError, UnreachableError, UnsuitableError
    from graft_host.deploy.fleets.fleet import FleetError

    errors = (UnhealthyError, UnreachableError, UnsuitableError, FleetError)
    assert rows == {int(code) for code in ExitCode} | {error.exit_status for error in errors}
