"""HTML for notebooks: tables of results, without scripts or styles of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from graft_device.text import printable


def html_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a header.

    Args:
        header: the names of the columns.
        rows: as many cells each; any characters in them are shown as text.
    """
    head = "".join(f"<th>{_text(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_facts(facts: Iterable[tuple[str, object]]) -> str:
    """A table of names and values, a row each."""
    rows = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in facts)
    return f"<table><tbody>{rows}</tbody></table>"


def html_line(text: object) -> str:
    """A paragraph."""
    return f"<p>{_text(text)}</p>"


def _text(value: object) -> str:
    return escape(printable(value))
