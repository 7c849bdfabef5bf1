"""What MkDocs calls while it builds the site: pages are added, and markers and links in pages are replaced.

Markers stand alone in a line: ``<!-- command: graft train -->`` becomes that command's usage, arguments and options;
``<!-- commands: graft -->`` becomes a list of the program's commands with links; ``<!-- keys: board -->`` becomes the
reference of ``board.toml``; ``<!-- rooms: graft_host -->`` becomes the drawing of that package's rooms;
``<!-- figure: features -->`` becomes that figure of ``charts.py``.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

_REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(_REPOSITORY))

from docs.tools.board_keys import describe as keys  # noqa: E402
from docs.tools.charts import draw as chart  # noqa: E402
from docs.tools.command_pages import commands, describe, page_name  # noqa: E402
from docs.tools.rooms import draw  # noqa: E402

_PROGRAMS = ("graft", "graft-device")
_COMMAND_PAGES = "reference/commands"
_FROM_ELSEWHERE = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/security.md",
    "benchmarks/RESULTS.md": "explanation/benchmarks.md",
}
"""Files outside this folder that the site has as pages, too, and the page of each."""

_MARKER = re.compile(r"^<!-- (?P<kind>commands|command|keys|rooms|figure): (?P<name>[a-z_ -]+) -->$", re.MULTILINE)
_FILE = rf"(?P<file>{'|'.join(map(re.escape, _FROM_ELSEWHERE))})(?=[)#])"
_LINK_OUT = re.compile(rf"\]\((?P<up>(?:\.\./)+){_FILE}")
_LINK_BESIDE = re.compile(rf"\]\({_FILE}")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages of the commands to the navigation."""
    sections = {title: pages for entry in config.nav or [] if isinstance(entry, dict) for title, pages in entry.items()}
    for program in _PROGRAMS:
        paths = [f"{_COMMAND_PAGES}/{page_name(program, command)}" for command in commands(program)]
        sections["Reference"].append({f"{program} …": paths})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages that come from outside this folder, and a page for each command that has none here."""
    for source, path in _FROM_ELSEWHERE.items():
        text = re.sub(r"\]\((?:\.\./)?docs/", "](../", (_REPOSITORY / source).read_text("utf-8"))
        text = _LINK_BESIDE.sub(lambda match: f"](../{_FROM_ELSEWHERE[match['file']]}", text)
        files.append(File.generated(config, path, content=text))
    for program in _PROGRAMS:
        for command in commands(program):
            path = f"{_COMMAND_PAGES}/{page_name(program, command)}"
            if files.get_file_from_path(path) is None:
                text = f"# {program} {command}\n\n<!-- command: {program} {command} -->\n"
                files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replaces the markers of a page, and links to files outside this folder by links to their pages."""
    markdown = _MARKER.sub(lambda match: _replacement(match["kind"], match["name"]), markdown)
    return _LINK_OUT.sub(lambda match: f"]({match['up'][3:]}{_FROM_ELSEWHERE[match['file']]}", markdown)


def _replacement(kind: str, name: str) -> str:
    if kind == "command":
        program, _, command = name.partition(" ")
        return describe(program, command)
    if kind == "keys":
        return keys()
    if kind == "figure":
        return f'<figure class="chart">{chart(name)}</figure>'
    if kind == "rooms":
        return f'<figure class="rooms">{draw(name)}</figure>'
    return "\n".join(
        f"- [`{name} {command}`](commands/{page_name(name, command)}): {entry.help.strip().splitlines()[0]}"
        for command, entry in commands(name).items()
    )
