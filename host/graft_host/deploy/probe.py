"""Looks at a board in one round trip and changes nothing there; ``probe.sh`` is what runs."""

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

_TIMEOUT_S = 120  # a Raspberry Pi Zero starts several Pythons, and sums up a model


def look(connection: Connection, store: str | None, model_id: str, service: str | None) -> BoardFacts:
    """What a board is and has.

    Args:
        connection: to it.
        store: a folder there; the board's default when None.
        model_id: of the model to deploy, whose transfer may have begun.
        service: the unit to look for; those whose command names the store when None.

    Raises:
        UnreachableError: the connection was lost.
        DeployError: no POSIX shell answers there.
    """
    script = (files(on_board) / "probe.sh").read_bytes()
    unit = "" if service is None else service if service.endswith(".service") else f"{service}.service"
    done = connection.run(["sh", "-s", "--", store or "", model_id, unit], stdin=script, timeout=_TIMEOUT_S)
    lines = done.output.splitlines()
    if not lines or lines[-1] != "end=yes":
        said = (done.errors or done.output).strip().rpartition("\n")[2]
        raise DeployError(
            f"{connection.target}: its shell does not run what looks at the board ({said or 'no output'})"
        )
    return read_facts(lines)


def read_facts(lines: Sequence[str]) -> BoardFacts:
    """Facts from what ``probe.sh`` printed."""
    found: dict[str, list[str]] = defaultdict(list)
    units: list[dict[str, str]] = []
    for line in lines:
        key, _, value = line.partition("=")
        found[key].append(value.strip())
        if key == "unit":
            units.append({})
        if units:
            units[-1][key] = value.strip()
    one = {key: values[-1] for key, values in found.items()}
    return BoardFacts(
        os=one.get("os", "unknown system"),
        user=one.get("user", ""),
        root=one.get("uid") == "0",
        sudo="sudo" in one,
        store=one["store"],
        writable="writable" in one,
        read_only="ro" in one.get("mount", "").split(","),
        free=_number(one.get("free", "")) * 1024,
        rsync="rsync" in one,
        systemd="systemd" in one,
        pythons=tuple(filter(None, map(_python, found["python"]))),
        kit=_kit(one),
        current=_current(one),
        partial=_number(one.get("partial", "")),
        leftovers=_number(one.get("leftovers", "")) * 1024,
        previous=one.get("previous"),
        earlier_kit=one.get("earlier_kit"),
        units=tuple(_unit(each) for each in units),
    )


def _python(line: str) -> BoardPython | None:
    parts = line.split("|")
    if len(parts) != 8:  # noqa: PLR2004  as the probe prints them
        return None
    path, version, bits, cpu, libc, venv, packages, _ = parts
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    glibc = re.fullmatch(r"glibc (\d+)\.(\d+).*", libc)
    machine = Machine(
        cpu=cpu.lower(),
        bits=_number(bits),
        python=(numbers[0], numbers[1]),
        glibc=(int(glibc[1]), int(glibc[2])) if glibc else None,
        linux=True,
    )
    named = dict(each.split(":", 1) for each in packages.split(",") if each)
    return BoardPython(path, numbers, bool(venv), machine, named)


def _kit(one: Mapping[str, str]) -> InstalledKit | None:
    said = _object(one.get("kit", ""))
    if not said:
        return None
    name, version, runtime = (str(said.get(key, "")) for key in ("id", "version", "runtime"))
    return InstalledKit(name, version, runtime, works="kit_works" in one)


def _current(one: Mapping[str, str]) -> Current | None:
    if "sha256" not in one:
        return None
    return Current(
        one["sha256"], {"id": one.get("current", ""), **_object(one.get("slot", ""))}, _number(one.get("since", ""))
    )


def _unit(values: Mapping[str, str]) -> Unit:
    scope, name, command = [*values["unit"].split("|", 2), "", ""][:3]
    restarts, since = _number(values.get("restarts", "")), _number(values.get("entered", ""))
    return Unit(name, scope == "user", command, values.get("active", ""), restarts, since)


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0
