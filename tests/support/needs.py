"""Finds out what a test needs from what it uses, so that nobody has to keep a list."""

from __future__ import annotations

import inspect
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_STARTERS = (
    "background",
    "broker",
    "browser",
    "camera_page",
    "cases",
    "file_server",
    "fleets",
    "killing",
    "remote",
    "running",
    "serving",
    "sorting_page",
    "studio",
)
SERVICES = tuple(f"tests.support.{name}" for name in _STARTERS)
"""Helpers that start servers, brokers, browsers, boards behind SSH, and runs that race or are stopped."""

STARTS = ("http.client", "playwright.sync_api", "socket", "subprocess")
"""With what those helpers do so; their functions that use none of them only wait or write files."""


def needs_service(item: pytest.Function) -> bool:
    """Whether a test, one of its fixtures, or a function that these call uses something of those helpers."""
    functions = [item.function]
    functions += [definition.func for name in item.fixturenames for definition in _definitions(item, name)]
    seen: set[CodeType] = set()
    return any(_uses_service(function, seen) for function in functions)


def _definitions(item: pytest.Function, name: str) -> Iterator[Any]:
    yield from item._fixtureinfo.name2fixturedefs.get(name, ())


def _uses_service(function: Any, seen: set[CodeType]) -> bool:
    function = inspect.unwrap(function)
    if not isinstance(function, FunctionType) or function.__code__ in seen:
        return False
    seen.add(function.__code__)
    return any(_is_service(name, function, seen) for name in _names(function.__code__))


def _is_service(name: str, function: FunctionType, seen: set[CodeType]) -> bool:
    """Whether a name that a function uses is a service, or something that uses one."""
    if name.startswith(SERVICES):  # imported inside the function
        return True
    value = function.__globals__.get(name)
    if function.__module__.startswith(SERVICES) and isinstance(value, ModuleType):
        return value.__name__ in STARTS
    home = getattr(value, "__module__", None)
    if not isinstance(home, str) or not home.startswith("tests."):
        return False
    return (inspect.isclass(value) and home.startswith(SERVICES)) or _uses_service(value, seen)


def _names(code: CodeType) -> Iterator[str]:
    """The global names that code uses, with what is defined inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
