"""Writes a ``board.toml`` to begin with: what was found, and every other key as a comment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graft_device.config.declared import FileKey
from graft_device.config.tables import Table, board

_COLUMN = 40
"""Where the help behind a key begins."""

_HEAD = """\
#:schema {schema}
# What this board does. Start it with:  graft-device run --config {file}
# After each change, check it with:     graft-device config check {file}
#
# A line that begins with # is not in use. Remove the # to use it; the value there is an example.
# What is read (models, photos, secrets, programs) is beside this file; folders that are written into are in the
# working directory. An absolute path is what it is.
"""


@dataclass(frozen=True)
class Start:
    """What a new file has in use.

    Attributes:
        model: the name of the model.
        model_file: its file, or its store.
        source: the name of the source.
        place: what ``--source`` would take.
    """

    model: str
    model_file: str
    source: str
    place: str


def template(start: Start, file: str, schema: str) -> str:
    """The text of a new file.

    Args:
        start: what it has in use.
        file: its name, for the comment at its top.
        schema: the URL of the JSON Schema, for editors.
    """
    top = board()
    model, source = json_text(start.model), json_text(start.source)
    names = {"model": model, "models": f"[{model}]", "sources": f"[{source}]"}
    lines = [*_HEAD.format(schema=schema, file=file).splitlines(), "", *_block(top, {}, names)]
    used = {
        "model": {"name": model, "file": json_text(start.model_file)},
        "source": {"name": source, "place": json_text(start.place)},
    }
    for name in ("model", "source"):
        lines += ["", *_block(top.arrays[name], used[name], names)]
    for table in _optional(top):
        summary, *rest = _block(table, _required(table), names)
        lines += ["", summary, *(f"# {line}" for line in rest)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def json_text(text: str) -> str:
    """A text in quotes, as JSON and TOML both write it."""
    return json.dumps(text, ensure_ascii=False)


def _optional(top: Table) -> Iterator[Table]:
    """The tables that a new file has as comments, in the order in which they may stand below each other."""
    yield top.arrays["source"].arrays["region"]
    yield from top.arrays["sink"].variants.values()
    yield top.arrays["rule"]
    yield from top.tables.values()


def _required(table: Table) -> dict[str, str]:
    used = {name: key.key.example for name, key in table.keys.items() if key.required}
    kind = next((name for name, each in board().arrays["sink"].variants.items() if each is table), "")
    return {**used, **({"kind": json_text(kind)} if kind else {})}


def _block(table: Table, used: Mapping[str, str], names: Mapping[str, str]) -> list[str]:
    """The lines of a table: its summary, its header, and its keys; those not in use are comments."""
    lines = [f"# {table.summary}", *([table.title] if table.title else [])]
    shared = board().keys if table.title else {}
    for name, key in table.keys.items():
        if name in shared:
            continue
        active = name in used
        value = used[name] if active else names.get(name) or _written(key)
        line = f"{'' if active else '# '}{name} = {value}"
        lines.append(f"{line:<{_COLUMN}} # {key.key.help}{_choices(key)}")
    if shared and set(shared) <= set(table.keys):
        lines.append("# Keys of answers, such as confirm, may be here, too.")
    return lines


def _choices(key: FileKey) -> str:
    return f" One of {', '.join(key.key.choices)}." if key.key.choices and key.name != "kind" else ""


def _written(key: FileKey) -> str:
    """The value of a key that is not in use: its example, its default, or what turns it on."""
    if key.key.example:
        return key.key.example
    if isinstance(key.default, bool):
        return "false" if key.default else "true"
    return f"{key.default:g}" if isinstance(key.default, float) else json.dumps(key.default)
