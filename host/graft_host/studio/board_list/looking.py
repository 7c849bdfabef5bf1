"""Looks at a board, and changes nothing there: what a deployment would find, doctor's table, and what runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from graft_device.model.card import ModelCard
from graft_device.text import printable
from graft_host.deploy.facts import BoardFacts, Unit
from graft_host.deploy.kit import build_wheel
from graft_host.deploy.probe import look
from graft_host.deploy.ssh import Connection, SshOptions, connected
from graft_host.deploy.target import parse_target
from graft_host.studio.board_list.seen import BoardSeen, DoctorLine, ModelThere, Running

_TIMEOUT_S = 180  # a Raspberry Pi Zero tries its runtimes, each in a process of its own
_NO_MODEL = "0" * 16
_MOST_TEXT = 2000
_MOST_LINES = 60
_BEFORE = {"board", "system", "memory", "python", "camera", "heat"}
"""The lines of doctor's table that matter before graftkit is there: a deployment installs the rest."""

_ORDER = {"current": 0, "previous": 1, "kept": 2}

_DOCTOR = """\
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cat >"$folder/graftkit.zip"
"$1" -I -c '
import json, sys
sys.path.insert(0, sys.argv[1])
from graft_device.doctor.doctor import examine
print()
print(json.dumps(examine().to_json()))
' "$folder/graftkit.zip"
"""
"""Runs doctor from a wheel in a temporary folder, for a board that has no graftkit yet."""


def look_at(address: str, ssh: SshOptions, store: str | None = None) -> BoardSeen:
    """Looks at a board.

    Args:
        address: as ``graft deploy`` takes it.
        ssh: how to reach it.
        store: the store's folder on the board; the board's default when None.

    Raises:
        DeployError: it is not an address, or the board cannot be looked at.
        UnreachableError: the board cannot be reached or refuses the login.
    """
    with connected(parse_target(address), ssh) as connection:
        facts = look(connection, store, _NO_MODEL, None)
        works = facts.kit is not None and facts.kit.works
        report = _doctor(connection, facts)
        return BoardSeen(
            facts=facts,
            doctor=_lines(report, works),
            runs=bool(report["runs"]) if works and "runs" in report else None,
            models=_models(connection, facts) if works else _current(facts),
            running=_running(connection, facts) if works and facts.current is not None else None,
        )


def _doctor(connection: Connection, facts: BoardFacts) -> Mapping[str, Any]:
    if facts.kit is not None and facts.kit.works:
        return _asked(connection, facts, ["doctor", *([facts.store] if facts.current else []), "--json"])
    if not facts.pythons:
        return {}
    words = ["sh", "-c", _DOCTOR, "sh", facts.pythons[0].path]
    return _object(connection.run(words, stdin=build_wheel().data, timeout=_TIMEOUT_S).output)


def _models(connection: Connection, facts: BoardFacts) -> tuple[ModelThere, ...]:
    listing = _asked(connection, facts, ["models", "--store", facts.store, "--json"])
    found = (_model(slot) for slot in _objects(listing.get("slots")))
    return tuple(sorted(found, key=lambda model: _ORDER.get(model.state, len(_ORDER)))[:_MOST_LINES])


def _current(facts: BoardFacts) -> tuple[ModelThere, ...]:
    """The current model of a board whose graftkit does not start, as its slot describes it."""
    return () if facts.current is None else (_model({**facts.current.slot, "state": "current"}),)


def _model(slot: Mapping[str, Any]) -> ModelThere:
    ms = slot.get("ms")
    return ModelThere(
        id=_text(slot.get("id")),
        name=_text(slot.get("name")),
        state=_text(slot.get("state")),
        signer=_text(slot.get("signer")),
        ms=float(ms) if isinstance(ms, (int, float)) else None,
    )


def _running(connection: Connection, facts: BoardFacts) -> Running | None:
    path = f"{facts.store}/current/model.tflite"
    info = _asked(connection, facts, ["info", path, "--json"])
    if not info:
        return None
    card = _card(info.get("card"))
    labels = info.get("labels")
    drift = _drift(connection, facts, path)
    return Running(
        labels=tuple(map(_text, labels[:_MOST_TEXT])) if isinstance(labels, list) else (),
        written_by="" if card is None else _text(card.kit_version),
        accuracy="" if card is None else _text(card.accuracy_text),
        drift=_text(drift.get("verdict")) if drift.get("days") else "",
    )


def _card(raw: object) -> ModelCard | None:
    try:
        return ModelCard.from_json(json.dumps(raw))
    except ValueError:
        return None


def _drift(connection: Connection, facts: BoardFacts, path: str) -> Mapping[str, Any]:
    """The drift of the first service that kept scores, or of the login's own runs."""
    for folder in (*map(_state_folder, facts.units), None):
        where = [] if folder is None else ["--state", folder]
        found = _asked(connection, facts, ["drift", path, *where, "--json"])
        if found.get("days"):
            return found
    return {}


def _state_folder(unit: Unit) -> str:
    """Where systemd puts the state of a unit that ``graft-device service`` wrote; a command starts in the home."""
    name = unit.name.removesuffix(".service")
    return f"{'.local/state' if unit.user else '/var/lib'}/{name}/drift"


def _asked(connection: Connection, facts: BoardFacts, words: Sequence[str]) -> Mapping[str, Any]:
    """What a command of the board's kit answers; empty if it fails."""
    python = f"{facts.store}/venv/bin/python"
    done = connection.run([python, "-I", "-m", "graft_device.cli", *words], timeout=_TIMEOUT_S)
    return _object(done.output)


def _lines(report: Mapping[str, Any], works: bool) -> tuple[DoctorLine, ...]:
    lines = (
        DoctorLine(_text(one.get("name")), _text(one.get("state")), _text(one.get("text")), _text(one.get("mend")))
        for one in _objects(report.get("checks"))[:_MOST_LINES]
    )
    if works:
        return tuple(lines)
    # What a deployment does by itself is no problem, and nobody has to make an environment for it.
    return tuple(
        replace(line, state="ok", remedy="") if line.name == "python" else line
        for line in lines
        if line.name in _BEFORE
    )


def _object(output: str) -> Mapping[str, Any]:
    """The object in the last line of an output; empty if there is none."""
    try:
        found = json.loads(output.strip().rpartition("\n")[2])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    """A text of the board on one line of bearable length; empty for nothing."""
    return "" if value is None else printable(value)[:_MOST_TEXT]
