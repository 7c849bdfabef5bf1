"""Writes the reference of ``board.toml`` from the keys that its settings declare, as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from graft_device.config.kinds import ListOf, Number, Parsed, PathText, Switch, SwitchOrNumber
from graft_device.config.tables import all_tables, board

if TYPE_CHECKING:
    from graft_device.config.declared import FileKey
    from graft_device.config.kinds import Kind
    from graft_device.config.tables import Table

_HEAD = "| Key | Meaning | Values | Default |\n| --- | --- | --- | --- |"


def describe() -> str:
    """All tables of the file, each with a heading, its summary and its keys."""
    return "\n\n".join(_section(table) for table in all_tables())


def _section(table: Table) -> str:
    shared = board().keys if table.title else {}
    keys = [key for name, key in table.keys.items() if name not in shared]
    more = (
        "\n\nThe keys at the top of the file may be here, too." if shared and shared.keys() <= table.keys.keys() else ""
    )
    rows = "\n".join(_row(key) for key in keys if key.name != "kind")
    return f"## {_title(table)}\n\n{table.summary}{more}\n\n{_HEAD}\n{rows}"


def _title(table: Table) -> str:
    kinds = [name for name, each in board().arrays["sink"].variants.items() if each is table]
    if kinds:
        return f"[[sink]] of kind {kinds[0]}"
    return table.title or "Top of the file"


def _row(key: FileKey) -> str:
    cells = (f"`{key.name}`", key.key.help, _values(key.kind), _default(key))
    return f"| {' | '.join(cell.replace('|', '&#124;').replace('<', '&lt;') for cell in cells)} |"


def _values(kind: Kind) -> str:
    if isinstance(kind, ListOf):
        return f"list: {_values(kind.inner)}"
    if isinstance(kind, Switch):
        return "`true`, `false`"
    if isinstance(kind, SwitchOrNumber):
        return f"`true`, `false`, {_range(kind.key.low, kind.key.high)}"
    if isinstance(kind, Number):
        return _range(kind.key.low, kind.key.high)
    if isinstance(kind, Parsed) and kind.numbers:
        return "text or number"
    return "path" if isinstance(kind, PathText) else _texts(kind)


def _texts(kind: Kind) -> str:
    choices = kind.schema.get("enum")
    return ", ".join(f"`{choice}`" for choice in choices) if choices else "text"


def _range(low: float | None, high: float | None) -> str:
    if high is None:
        return "number" if low is None else f"{low:g} or more"
    return f"{low:g} to {high:.0f}" if high >= 1 and low is not None else f"up to {high:g}"


def _default(key: FileKey) -> str:
    if key.required:
        return f"required, such as `{key.key.example}`" if key.key.example else "required"
    if key.default in (None, ()):
        return ""
    if isinstance(key.default, tuple):
        return f'`"{"x".join(map(str, key.default))}"`'
    return f"`{key.default:g}`" if isinstance(key.default, float) else f"`{json.dumps(key.default)}`"
