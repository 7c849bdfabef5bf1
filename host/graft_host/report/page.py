"""Builds a self-contained HTML page: escaped text, tables, cards, and the frame around them."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import graft_device
from graft_device import __version__
from graft_host.support.destination import OutputKind, first_bytes

GENERATOR = '<meta name="generator" content="graftkit'
"""Marks a page that graftkit wrote, within its first kilobyte."""

REPORT = OutputKind(
    "report", "report.html", "a page that graft wrote", lambda path: GENERATOR.encode() in first_bytes(path)
)

_STYLES = (Path(graft_device.__file__).parent / "serve/page/shared/tokens.css", Path(__file__).with_name("report.css"))
"""The colours, which the pages of boards share, and what is made of them."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
_UNPRINTABLE = {"Cc", "Cs", "Cn"}  # control characters, bytes that are not text, and code points that are not assigned
_KEPT = "\n\t"


def text(value: object) -> str:
    """Escapes a value as the text of an element; characters that no font can show are spelled out."""
    return html.escape(_visible(str(value)), quote=False)


def attribute(value: object) -> str:
    """Escapes a value as an attribute between double quotes."""
    return html.escape(_visible(str(value)))


def name(value: object, limit: int | None = None) -> str:
    """Marks up a label or file name, which keeps its own writing direction and may be broken anywhere.

    Args:
        value: the name.
        limit: number of letters to show; the whole name is a tooltip. None to show all.
    """
    whole = str(value)
    shown = whole if limit is None else shorten(whole, limit)
    title = "" if shown == whole else f' title="{attribute(whole)}"'
    return f'<bdi class="name"{title}>{text(shown)}</bdi>'


def columns(value: str) -> int:
    """Returns the width of a text in letters; East Asian letters and most emoji count twice."""
    return sum(_letter_columns(letter) for letter in value)


def shorten(value: str, limit: int) -> str:
    """Shortens a text to a width in letters, with an ellipsis."""
    if columns(value) <= limit:
        return value
    kept, width = "", 1
    for letter in value:
        width += _letter_columns(letter)
        if width > limit:
            break
        kept += letter
    return f"{kept}…"


def percent(share: float) -> str:
    """Formats a share to a tenth of a percent; only 1 gives 100% and only 0 gives 0%."""
    shown = f"{share:.1%}"
    if shown == "100.0%":
        return "100%" if share >= 1 else "over 99.9%"
    if shown == "0.0%":
        return "0%" if share <= 0 else "under 0.1%"
    return shown


def count(number: int, singular: str, plural: str | None = None) -> str:
    """Formats a number with its noun, as in ``1 photo`` and ``1,200 photos``."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], caption: str, kind: str = "") -> str:
    """Makes a table from cells that are HTML already; the first cell of a row is its heading."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>{"".join(f"<td>{cell}</td>" for cell in row[1:])}</tr>' for row in rows
    )
    return scrolling(
        f'<table class="{kind}"><caption>{text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>",
        caption,
    )


def scrolling(inner: str, label: str) -> str:
    """Makes a box that scrolls sideways, by keyboard as well, if its contents are too wide."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{attribute(label)}">{inner}</div>'


def figure(drawing: str, caption: str) -> str:
    """Makes a figure from a drawing and a caption that is HTML already."""
    return f"<figure>{scrolling(drawing, 'Plot')}<figcaption>{caption}</figcaption></figure>"


def bar(share: float, kind: str = "right") -> str:
    """Makes a thin bar for a share of 0 to 1, hidden from screen readers because the number is next to it."""
    width = 100 * min(max(share, 0.0), 1.0)
    return f'<span class="bar {kind}" aria-hidden="true"><i style="width:{width:.1f}%"></i></span>'


def facts(pairs: Iterable[tuple[str, str]], kind: str = "facts") -> str:
    """Makes a list of terms with their values, which are HTML already."""
    return f'<dl class="{kind}">{"".join(f"<div><dt>{text(k)}</dt><dd>{v}</dd></div>" for k, v in pairs)}</dl>'


def section(identity: str, heading: str, term: str, body: str) -> str:
    """Makes a section; ``heading`` is in plain words, ``term`` is the technical term for it."""
    return (
        f'<section id="{identity}" aria-labelledby="{identity}-h"><h2 id="{identity}-h">{text(heading)} '
        f"<small>{text(term)}</small></h2>{body}</section>"
    )


def page(title: str, body: str) -> str:
    """Makes the whole document; its policy forbids the browser to load or run anything."""
    style = "".join(path.read_text("utf-8") for path in _STYLES)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{GENERATOR} {attribute(__version__)}">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{text(title)}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _visible(value: str) -> str:
    return "".join(
        ascii(letter)[1:-1] if letter not in _KEPT and unicodedata.category(letter) in _UNPRINTABLE else letter
        for letter in value
    )


def _letter_columns(letter: str) -> int:
    if unicodedata.combining(letter) or unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
