"""What is around each page: the header with the links to the others, the language, and the style."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable
from pathlib import Path

from nicegui import Client, app, ui
from nicegui.language import Language
from starlette.requests import Request

from graft_host.studio.studio import Studio
from graft_host.studio.texts.texts import LANGUAGE_COOKIE, LANGUAGES, Texts, requested_language
from graft_host.studio.ui.failures import build_failure, report_failure
from graft_host.studio.ui.pages import PAGES, Page
from graft_host.studio.ui.styles import add_styles

_FRAMEWORK_LANGUAGES: dict[str, Language] = {"en": "en-US", "zh-CN": "zh-CN"}

STATIC = Path(__file__).with_name("static")
"""The folder of style sheets and scripts, served at ``/static/``."""


def register(studio: Studio, say: Callable[[str], None]) -> None:
    """Registers all pages with the web framework.

    Args:
        studio: what the pages work with.
        say: called with a line about each error in a page.
    """
    for field in (ui.input, ui.number, ui.select, ui.textarea):
        field.default_props("outlined")
    app.on_exception(lambda error: report_failure(error, say))
    app.on_page_exception(build_failure)
    for page in PAGES:
        _register(studio, page)


def _register(studio: Studio, page: Page) -> None:
    @ui.page(page.path, title=f"{Texts()('shell.' + page.key)} - graft studio")
    def _build(request: Request) -> None:
        texts = Texts(requested_language(request.headers))
        _speak(ui.context.client, texts)
        ui.page_title(f"{texts('shell.' + page.key)} - {studio.project.root.name} - graft studio")
        add_styles(page.key)
        _away(studio, texts)
        _header(studio, texts, page)
        with ui.element("div").props("id=content tabindex=-1"):
            page.build(studio, texts)


def _speak(client: Client, texts: Texts) -> None:
    """Sends the page in a language, and what the framework says by itself, which has one for all requests of a page."""
    client.page = copy.copy(client.page)
    client.page.language = _FRAMEWORK_LANGUAGES[texts.language]


def _header(studio: Studio, texts: Texts, current: Page) -> None:
    with ui.header(fixed=False).classes(replace="studio-header"):
        ui.link(texts("shell.skip"), "#content").classes("screen-reader skip")
        ui.label(studio.project.root.name).classes("studio-name")
        with ui.element("nav").props(f'aria-label="{texts("shell.pages")}"'):
            for page in PAGES:
                _link(texts, page, page is current)
        _language_menu(texts)


def _away(studio: Studio, texts: Texts) -> None:
    """Adds what the style shows while there is no connection."""
    with ui.element("div").props("id=studio-away role=alert"):
        ui.label(texts("shell.away")).classes("studio-away-what")
        ui.label(texts("shell.away_remedy"))
        ui.label(f"graft studio {shlex.quote(str(studio.project.root))}").classes("studio-code")


def _link(texts: Texts, page: Page, current: bool) -> None:
    with ui.link(target=page.path).classes("studio-link") as link:
        ui.icon(page.icon).props("aria-hidden=true")
        ui.label(texts("shell." + page.key))
    if current:
        link.props('aria-current="page"')


def _language_menu(texts: Texts) -> None:
    with ui.element("select").props(f'aria-label="{texts("shell.language")}"').classes("studio-language") as select:
        for tag, name in LANGUAGES.items():
            option = ui.element("option").props(f'value="{tag}" lang="{tag}"')
            if tag == texts.language:
                option.props("selected")
            with option:
                ui.html(name, sanitize=False, tag="span")
    select.on(
        "change",
        js_handler=f"(event) => {{ document.cookie = '{LANGUAGE_COOKIE}=' + event.target.value + "
        "'; path=/; max-age=31536000; samesite=strict'; location.reload(); }",
    )
