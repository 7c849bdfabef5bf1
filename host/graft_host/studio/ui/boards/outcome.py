"""Shows what came of a deployment or of a way back."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from nicegui import ui

from graft_device.text import printable
from graft_host.studio.jobs.job import Job
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.parts import facts
from graft_host.studio.ui.widgets.command import copied_line


def show_outcome(texts: Texts, job: Job) -> None:
    """Adds the result of a job that is done."""
    result = job.result or {}
    if job.kind == "way_back":
        facts([(texts("boards.now"), _text(result.get("now"))), *_service(texts, result)])
        return
    if not result.get("changed"):
        ui.label(texts("boards.step_nothing", model=job.arguments.get("model", "")))
        return
    facts(_rows(texts, result))
    if not result.get("service"):
        _next_step(texts, result)


def _rows(texts: Texts, result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    before, after, test = (_mapping(result.get(name)) for name in ("before", "after", "selftest"))
    yield texts("boards.now"), _text(after.get("name"))
    if test.get("passed"):
        yield texts("boards.selftest"), texts("boards.selftest_passed", runtime=_text(test.get("runtime")))
    yield from _service(texts, result)
    name = _text(before.get("name")) if before else ""
    yield texts("boards.before"), texts("boards.kept", model=name) if name else texts("boards.nothing_before")
    seconds = _mapping(result.get("seconds")).get("total")
    if isinstance(seconds, (int, float)):
        yield texts("boards.seconds"), f"{seconds:.1f}"


def _service(texts: Texts, result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    service = _mapping(result.get("service"))
    if service:
        yield texts("boards.service"), f"{_text(service.get('unit'))}: {_text(service.get('state'))}"


def _next_step(texts: Texts, result: Mapping[str, Any]) -> None:
    """What makes the model answer there, where no service uses it yet."""
    store = str(result.get("store", ""))
    ui.label(texts("boards.next_step"))
    copied_line(texts, shlex.join([f"{store}/venv/bin/graft-device", "serve", store]))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return "" if value is None else printable(value)
