"""Shows what a look at a board has found: what runs there, and doctor's table."""

from __future__ import annotations

from nicegui import ui

from graft_device.text import printable
from graft_host.deploy.facts import Unit
from graft_host.studio.board_list.seen import BoardSeen, ModelThere
from graft_host.studio.texts.texts import Texts
from graft_host.studio.ui.boards.parts import facts, table
from graft_host.studio.ui.widgets.durations import moment
from graft_host.studio.ui.widgets.headings import heading

_MOST_LABELS = 30
_STATES = {"ok", "note", "problem"}


def show_running(texts: Texts, seen: BoardSeen) -> None:
    """Adds what runs on the board."""
    heading(3, texts("boards.runs_there"))
    current, running = seen.current, seen.running
    if current is None:
        ui.label(texts("boards.no_model")).classes("quiet")
    else:
        since = seen.facts.current.since if seen.facts.current else 0
        labels = () if running is None else running.labels
        more = "…" if len(labels) > _MOST_LABELS else ""
        facts(
            (
                (texts("boards.model"), _named(texts, current)),
                (texts("boards.since"), moment(since) if since else ""),
                (texts("boards.labels"), ", ".join(labels[:_MOST_LABELS]) + more),
                (texts("boards.digest"), current.id),
                (texts("boards.written_by"), running.written_by if running else ""),
                (texts("boards.signed_by"), current.signer or texts("boards.not_signed")),
                (texts("boards.accuracy"), running.accuracy if running else ""),
                (texts("boards.drift"), running.drift if running else ""),
                (texts("boards.before"), _named(texts, seen.previous) if seen.previous else ""),
            )
        )
    for unit in seen.facts.units:
        facts(((texts("boards.service"), _service(texts, unit)),))
    if current is not None and not seen.facts.units:
        ui.label(texts("boards.no_service")).classes("quiet boards-small")


def show_doctor(texts: Texts, seen: BoardSeen) -> None:
    """Adds doctor's table, closed."""
    problems = sum(line.state == "problem" for line in seen.doctor)
    title = texts("boards.doctor_problems", count=problems) if problems else texts("boards.doctor")
    with ui.expansion(title, icon="medical_services").classes("boards-more"):
        if not seen.doctor:
            ui.label(texts("boards.no_doctor")).classes("quiet")
        rows = [
            (
                texts(f"boards.check_{line.state}") if line.state in _STATES else line.state,
                line.name,
                _with(line.text, line.remedy),
            )
            for line in seen.doctor
        ]
        kit = seen.facts.kit
        kit_text = f"{kit.version}, {kit.runtime}" if kit else texts("boards.no_kit")
        rows.append(("", texts("boards.kit"), printable(kit_text)))
        rows.append(("", texts("boards.disk"), f"{seen.facts.free / 1e9:.1f} GB"))
        table((texts("boards.state"), texts("boards.part"), texts("boards.found")), rows)


def _with(text: str, remedy: str) -> str:
    return f"{text}\n→ {remedy}" if remedy else text


def _named(texts: Texts, model: ModelThere) -> str:
    speed = texts("boards.speed", ms=f"{model.ms:.3g}") if model.ms is not None else ""
    return f"{model.name or model.id}{speed}"


def _service(texts: Texts, unit: Unit) -> str:
    since = texts("boards.running_since", when=moment(unit.since)) if unit.since else ""
    return printable(f"{unit.name}: {unit.active or '?'}{since}")
