"""Looks up the texts of the studio: ``catalogue/`` has a file per page, with each text in every language."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LANGUAGES = {"en": "English", "zh-CN": "简体中文"}
"""The languages by their tags (BCP 47), with their own names."""

LANGUAGE_COOKIE = "graft-studio-language"
"""The cookie with the language that a person chose."""

_CATALOGUE = Path(__file__).with_name("catalogue")


@dataclass(frozen=True)
class Texts:
    """The texts in one language.

    Attributes:
        language: one of ``LANGUAGES``.
    """

    language: str = "en"

    def __call__(self, key: str, /, **values: object) -> str:
        """A text, with its places filled in.

        Args:
            key: ``page.name``.
            values: by the names of the places, such as ``{count}``. ``{count}`` also chooses between ``one`` and
                ``other`` where a text has both.

        Raises:
            KeyError: there is no such text, or a value for it is missing.
        """
        page, _, name = key.partition(".")
        text = catalogue()[page][name][self.language]
        if isinstance(text, dict):
            text = text["one" if values.get("count") == 1 else "other"]
        return str(text).format_map({name: _shown(value) for name, value in values.items()})


@functools.cache
def catalogue() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    """All texts by page, name and language; a text that depends on a count is a table of ``one`` and ``other``."""
    return {path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(_CATALOGUE.glob("*.toml"))}


def chosen_language(accepted: str) -> str:
    """The language for a browser.

    Args:
        accepted: its header ``Accept-Language``, such as ``zh-CN,zh;q=0.9,en;q=0.8``.
    """
    weighted = []
    for position, part in enumerate(accepted.split(",")):
        tag, _, quality = part.strip().partition(";q=")
        try:
            weighted.append((-float(quality or 1), position, tag.strip().lower()))
        except ValueError:
            continue
    for quality_below, _, tag in sorted(weighted):
        if quality_below == 0:
            continue
        if tag == "zh" or tag.startswith(("zh-cn", "zh-sg", "zh-hans")):
            return "zh-CN"
        if tag == "en" or tag.startswith("en-"):
            return "en"
    return "en"


def requested_language(headers: Mapping[str, str]) -> str:
    """The language of a page: the one that the person chose in the menu, or else the first known one of the browser.

    Args:
        headers: of the request.
    """
    chosen = re.search(rf"(?:^|;\s*){LANGUAGE_COOKIE}=([A-Za-z-]+)", headers.get("cookie", ""))
    if chosen and chosen[1] in LANGUAGES:
        return chosen[1]
    return chosen_language(headers.get("accept-language", ""))


def _shown(value: object) -> object:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
