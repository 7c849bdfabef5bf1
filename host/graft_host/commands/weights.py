"""``graft weights``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graft_host.commands.options import JsonOption

if TYPE_CHECKING:
    from graft_host.backbones.family import Family, NamedWeights


def weights(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Weights to fetch and verify.  [default: list them all]")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch and verify weights, or list where they belong.

    An interrupted download goes on where it ended. Where there is no network, fetch the file on another machine, and
    put it at the place that the list names.
    """
    if name is None:
        listed = [_described(family, named) for family, named in _known()]
        typer.echo(json.dumps(listed) if as_json else "\n".join(map(_text, listed)))
        return
    described = _fetched(name)
    typer.echo(json.dumps(described) if as_json else _text(described))


def _known() -> list[tuple[Family, NamedWeights]]:
    from graft_host.backbones.registry import families, family

    return [(known, named) for known in map(family, families()) for named in known.named_weights]


def _fetched(name: str) -> dict[str, Any]:
    """Fetches the file if it is missing, and verifies it.

    Raises:
        WeightsError: no weights have this name, they cannot be downloaded, or the file is another one.
    """
    from graft_device.errors import WeightsError
    from graft_host.backbones.weights import fetched
    from graft_host.commands.terminal.console import TerminalReporter

    found = next(((family, named) for family, named in _known() if named.name == name), None)
    if found is None:
        names = ", ".join(named.name for _, named in _known())
        raise WeightsError(f"there are no weights {name!r}", f"choose from {names}")
    family, named = found
    fetched(named, TerminalReporter())
    described = _described(family, named)
    if described["state"] == "damaged":
        raise WeightsError(f"{named.path()} is not the file that was published", "remove it, and fetch it again")
    return described


def _described(family: Family, named: NamedWeights) -> dict[str, Any]:
    """Where a file belongs, and whether the right one is there."""
    path = named.path()
    described: dict[str, Any] = {"name": named.name, "backbone": family.name, "path": str(path), "source": named.source}
    return {**described, "state": _state(family, named, path), "bytes": path.stat().st_size if path.is_file() else None}


def _state(family: Family, named: NamedWeights, path: Path) -> str:
    from graft_device.errors import WeightsError
    from graft_host.backbones.weights import find_weights

    if not path.is_file():
        return "missing"
    try:
        return "verified" if find_weights(str(path), family=family).name == named.name else "damaged"
    except WeightsError:
        return "damaged"


def _text(described: dict[str, Any]) -> str:
    from graft_device.text import printable

    size = "" if described["bytes"] is None else f", {described['bytes'] / 1e6:.1f} MB"
    return "\n".join(
        (
            f"{described['name']:<10} {described['state']}{size} (for --backbone {described['backbone']})",
            f"{'place':<10} {printable(described['path'])}",
            f"{'source':<10} {described['source']}",
        )
    )
