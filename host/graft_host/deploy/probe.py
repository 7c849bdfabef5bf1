"""Looks at a board in one round trip and changes nothing on it, by running ``probe.sh`` there."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from graft_device.runtime_packages import Machine
from graft_host.deploy import on_board
from graft_host.deploy.errors import DeployError
from graft_host.deploy.facts import BoardFacts, BoardPython, Current, InstalledKit, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from graft_host.deploy.ssh import Connection

_TIMEOUT_S = 120  # a Raspberry Pi Zero starts several Pythons, and computes the checksum of a model


def look(connection: Connection, store: str | None, model_id: str, service: str | None) -> BoardFacts:
    """Reads the facts about a board.

    Args:
        connection: the connection to the board.
        store: the store's folder on the board; the board's default when None.
        model_id: the id of the model to deploy, whose transfer may have begun.
        service: the unit to look for; all units whose command contains the store's path when None.

    Raises:
        UnreachableError: the connection was lost.
        DeployError: the board's ``/bin/sh`` does not run the script.
    """
    script = (files(on_board) / "probe.sh").read_bytes()
    unit = "" if service is None else service if service.endswith(".service") else f"{service}.service"
    done = connection.run(["sh", "-s", "--", store or "", model_id, unit], stdin=script, timeout=_TIMEOUT_S)
    lines = done.output.splitlines()
    if not lines or lines[-1] != "end=yes":
        reason = (done.errors or done.output).strip().rpartition("\n")[2] or "no output"
        raise DeployError(f"its /bin/sh does not run the script that looks at it ({reason})", board=connection.target)
    return read_facts(lines)


def read_facts(lines: Sequence[str]) -> BoardFacts:
    """Parses the output of ``probe.sh``."""
    values: dict[str, list[str]] = defaultdict(list)
    units: list[dict[str, str]] = []
    for line in lines:
        key, _, value = line.partition("=")
        values[key].append(value.strip())
        if key == "unit":
            units.append({})
        if units:
            units[-1][key] = value.strip()
    last = {key: texts[-1] for key, texts in values.items()}
    return BoardFacts(
        os=last.get("os", "unknown system"),
        user=last.get("user", ""),
        root=last.get("uid") == "0",
        sudo="sudo" in last,
        store=last["store"],
        writable="writable" in last,
        read_only="ro" in last.get("mount", "").split(","),
        free=_number(last.get("free", "")) * 1024,
        rsync="rsync" in last,
        systemd="systemd" in last,
        pythons=tuple(filter(None, map(_python, values["python"]))),
        kit=_kit(last),
        current=_current(last),
        partial=_number(last.get("partial", "")),
        leftovers=_number(last.get("leftovers", "")) * 1024,
        previous=last.get("previous"),
        foreign=last.get("foreign"),
        earlier_kit=last.get("earlier_kit"),
        units=tuple(map(_unit, units)),
        signers=last.get("signers"),
    )


def _python(line: str) -> BoardPython | None:
    parts = line.split("|")
    if len(parts) != 8:  # noqa: PLR2004  the fields that the probe prints
        return None
    path, version, bits, cpu, libc, venv, packages, real = parts
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    glibc = re.fullmatch(r"glibc (\d+)\.(\d+).*", libc)
    machine = Machine(
        cpu=cpu.lower(),
        bits=_number(bits),
        python=(numbers[0], numbers[1]),
        glibc=(int(glibc[1]), int(glibc[2])) if glibc else None,
        linux=True,
    )
    versions = dict(package.split(":", 1) for package in packages.split(",") if package)
    return BoardPython(path=path, real=real, version=numbers, venv=bool(venv), machine=machine, packages=versions)


def _kit(values: Mapping[str, str]) -> InstalledKit | None:
    record = _object(values.get("kit", ""))
    if not record:
        return None
    name, version, runtime = (str(record.get(key, "")) for key in ("id", "version", "runtime"))
    return InstalledKit(name, version, runtime, works="kit_works" in values)


def _current(values: Mapping[str, str]) -> Current | None:
    if "sha256" not in values:
        return None
    slot = {"id": values.get("current", ""), **_object(values.get("slot", ""))}
    return Current(values["sha256"], slot, _number(values.get("since", "")))


def _unit(values: Mapping[str, str]) -> Unit:
    scope, name, command = [*values["unit"].split("|", 2), "", ""][:3]
    restarts, since = _number(values.get("restarts", "")), _number(values.get("entered", ""))
    active = values.get("active", "")
    return Unit(name=name, user=scope == "user", command=command, active=active, restarts=restarts, since=since)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
