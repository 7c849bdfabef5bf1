"""All that the studio says is in the catalogue, in each language, and is used."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path
from typing import Any

import pytest

import graft_host
from graft_device.serve import pages
from graft_host.studio.texts.texts import LANGUAGES, Texts, catalogue, chosen_language, requested_language

HOST = Path(graft_host.__file__).parent
KEYS = {f"{page}.{name}" for page, texts in catalogue().items() for name in texts}
TREES = [ast.parse(path.read_text("utf-8")) for path in sorted((HOST / "studio").glob("**/*.py"))]
SOURCES = "\n".join(path.read_text("utf-8") for path in sorted(HOST.glob("**/*.py")))
NAMES = {*re.findall(r"\w+", SOURCES)}
SCRIPTS = "\n".join(
    path.read_text("utf-8")
    for folder in (HOST / "studio" / "ui", Path(pages.__file__).parent / "page" / "shared")
    for path in sorted(folder.glob("**/*.js"))
)
IN_SCRIPTS = {*re.findall(r"\w+", SCRIPTS)}
SCRIPTED = {path.parent.name for path in (HOST / "studio" / "ui").glob("*/*.js")}
"""The pages whose scripts get texts, and put some of their names together."""

SPACED = re.sub(r"\W+", " ", SOURCES)


def _forms(text: Any) -> list[str]:
    return [*text.values()] if isinstance(text, dict) else [text]


def _places(text: Any) -> set[str]:
    return {name for form in _forms(text) for _, name, _, _ in string.Formatter().parse(form) if name is not None}


def _constants() -> set[str]:
    return {
        node.value
        for tree in TREES
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _patterns() -> list[re.Pattern[str]]:
    """Of the keys that code puts together, such as ``f"train.{name}_help"``."""
    found = []
    for tree in TREES:
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = [re.escape(str(one.value)) if isinstance(one, ast.Constant) else "(.+)" for one in node.values]
            elif isinstance(node, ast.BinOp) and isinstance(node.left, ast.Constant):
                parts = [re.escape(str(node.left.value)), "(.+)"]
            else:
                continue
            if re.match(r"[a-z_]+\\\.", parts[0]):
                found.append(re.compile("".join(parts)))
    return found


@pytest.mark.parametrize("key", sorted(KEYS))
def test_each_text_is_in_all_languages_with_the_same_places(key: str) -> None:
    page, _, name = key.partition(".")
    text = catalogue()[page][name]
    assert set(text) == {*LANGUAGES}
    assert all(form.strip() for language in LANGUAGES for form in _forms(text[language]))
    assert len({frozenset(_places(text[language])) for language in LANGUAGES}) == 1
    for language in LANGUAGES:
        if isinstance(text[language], dict):
            assert set(text[language]) == {"one", "other"}


def test_the_chinese_texts_are_chinese() -> None:
    chinese = {key: catalogue()[key.partition(".")[0]][key.partition(".")[2]]["zh-CN"] for key in KEYS}
    latin = {key for key, text in chinese.items() if not any(re.search("[\u4e00-\u9fff]", one) for one in _forms(text))}
    words = {
        key for key in latin if any(re.search(r"[A-Za-z]{2,} [a-z]{2,} [a-z]{2,}", one) for one in _forms(chinese[key]))
    }
    assert words == set()


def test_each_text_that_the_code_names_exists() -> None:
    pages = "|".join(catalogue())
    named = {text for text in _constants() if re.fullmatch(rf"({pages})\.[a-z][a-z0-9_]*", text)}
    assert len(named) > 20
    files = (".css", ".js", ".toml", ".py", "_")  # the start of a key that is put together ends with _
    assert {text for text in named if not text.endswith(files)} - KEYS == set()


def test_each_text_is_used() -> None:
    constants, patterns = _constants(), _patterns()

    def used(key: str) -> bool:
        if key in constants:
            return True
        page, _, name = key.partition(".")
        if page in SCRIPTED and (name in IN_SCRIPTS or all(part in IN_SCRIPTS | NAMES for part in name.split("_"))):
            return True
        made = (pattern.fullmatch(key) for pattern in patterns)
        return any(match is not None and all(map(_is_said, match.groups())) for match in made)

    assert sorted(key for key in KEYS if not used(key)) == []


def _is_said(part: str) -> bool:
    """Whether the code has the part of a key that it puts together, as a name, or with spaces in place of ``_``."""
    kind, _, name = part.partition("_")  # such as stage_ with what the library calls the stage
    return part in NAMES or any(re.sub(r"\W|_", " ", one) in SPACED for one in (part, name if kind in NAMES else part))


def test_numbers_and_counts_are_written_as_the_language_does() -> None:
    assert Texts("en")("shell.what_to_do", remedy="wait") == "What to do: wait"
    assert Texts("zh-CN")("shell.what_to_do", remedy="等待").endswith("等待")
    with pytest.raises(KeyError):
        Texts()("shell.what_to_do")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("zh", "zh-CN"),
        ("zh-Hans-SG", "zh-CN"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-CN"),  # Chinese of another kind is nearer than English
        ("zh-TW,en;q=0.8", "en"),
        ("en-GB,zh-CN;q=0.5", "en"),
        ("de,fr;q=0.5", "en"),
        ("en;q=0,zh-CN;q=0.1", "zh-CN"),
        ("de;q=x, zh-CN;q=0.3", "zh-CN"),
        ("", "en"),
    ],
)
def test_the_language_is_that_of_the_browser(accepted: str, language: str) -> None:
    assert chosen_language(accepted) == language


@pytest.mark.parametrize(
    ("cookie", "language"),
    [
        ("graft-studio-language=en", "en"),
        ("a=b; graft-studio-language=zh-CN; c=d", "zh-CN"),
        ("graft-studio-language=xx", "zh-CN"),
        ("other-graft-studio-language=en", "zh-CN"),
    ],
)
def test_the_menu_decides_over_the_browser(cookie: str, language: str) -> None:
    assert requested_language({"cookie": cookie, "accept-language": "zh-CN"}) == language
