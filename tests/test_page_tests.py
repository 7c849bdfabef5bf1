"""Tests of the studio expect what is to come, and do not look once: a page shows its elements piece by piece."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = sorted((Path(__file__).parent / "host" / "studio").rglob("test_*.py"))
LOOKS = {
    "all_inner_texts", "all_text_contents", "bounding_box", "count", "get_attribute", "inner_text", "input_value",
    "is_checked", "is_disabled", "is_enabled", "is_hidden", "is_visible", "text_content",
}  # fmt: skip
"""Methods of Playwright that return at once what is there now."""


def looks_once(source: str) -> list[int]:
    """The lines that assert what a single look at a page returns, or that look and do nothing with it."""
    return [
        statement.lineno
        for statement in ast.walk(ast.parse(source))
        if (isinstance(statement, ast.Assert) and any(map(_is_look, _at_once(statement.test))))
        or (isinstance(statement, ast.Expr) and _is_look(statement.value))
    ]


def _at_once(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of an expression that are evaluated where it stands; ``eventually`` calls a lambda again and again."""
    if not isinstance(node, ast.Lambda):
        yield node
        for part in ast.iter_child_nodes(node):
            yield from _at_once(part)


def _is_look(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or node.func.attr not in LOOKS:
        return False
    return node.func.attr != "count" or not node.args  # that of a list takes an argument


def test_a_single_look_is_found() -> None:
    source = """
assert page.locator("li").count() == 2
assert not page.get_by_text("a").is_visible(), "why"
assert [one.get_attribute("title") for one in rows.all()] == ["a"]
page.get_by_role("button").is_enabled()
eventually(lambda: page.locator("li").count() == 2)
expect(page.locator("li")).to_have_count(2)
assert names.count("a") == 1
many = page.locator("li").count()
"""
    assert sorted(looks_once(source)) == [2, 3, 4, 5]


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_no_test_of_a_page_looks_once(path: Path) -> None:
    assert looks_once(path.read_text("utf-8")) == []
