"""The style sheets and the script of each page."""

from __future__ import annotations

from nicegui import ui

_STYLES = ("/shared/tokens.css", "/static/studio.css", "/static/jobs.css")


def add_styles(page: str = "") -> None:
    """Has the page that is being built load the studio's style.

    Args:
        page: the name of its own style sheet in ``static``; empty for none.
    """
    own = (f"/static/{page}.css",) if page else ()
    for address in (*_STYLES, *own):
        ui.add_head_html(f'<link rel="stylesheet" href="{address}">')
    ui.add_head_html('<script type="module" src="/static/shell.js"></script>')
