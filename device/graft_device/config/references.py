"""Checks what the tables of a file say about each other: names, models of regions, keys that exclude each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from graft_device.config.entries import Checker, Entry
from graft_device.config.kinds import suggestion
from graft_device.config.lines import KeyPath

_NAMED = ("model", "source", "sink")


def check_references(board: Entry, checker: Checker) -> None:
    """Reports every reference to something that does not exist, and what is missing or given twice.

    Args:
        board: the whole file.
        checker: collects the mistakes.
    """
    for name in ("model", "source"):
        if name not in board.given:
            checker.report(board, (), f"the file has no [[{name}]]", "add one; 'graft-device config init' writes both")
    for name in _NAMED:
        _check_names(board.of(name), checker)
    models = _names(board.of("model"))
    for source in board.of("source"):
        _check_source(source, models, checker)
        for entry in source.of("region") or (source,):
            _check_answers((board, source, entry), checker)
    for rule in board.of("rule"):
        _check_rule(board, rule, checker)


def source_names(source: Entry) -> Iterator[str]:
    """What rules may call a source: its name; where it has none, its places."""
    if "name" in source.values:
        yield source.values["name"]
    else:
        yield from places_of(source)


def places_of(source: Entry) -> tuple[str, ...]:
    """The places of a source as the file has them."""
    place = source.values.get("place")
    return (place,) if place is not None else tuple(source.values.get("places", ()))


def models_of(entry: Entry) -> tuple[str, ...]:
    """The models that a source or a region names; none if it names none."""
    model = entry.values.get("model")
    return (model,) if model is not None else tuple(entry.values.get("models", ()))


def _names(entries: Iterable[Entry]) -> list[str]:
    return [entry.values["name"] for entry in entries if entry.values.get("name")]


def _check_names(entries: tuple[Entry, ...], checker: Checker) -> None:
    seen: set[str] = set()
    for entry in entries:
        name = entry.values.get("name")
        if name is not None and name in seen:
            checker.report(entry, ("name",), f"another {entry.path[-2]} has this name, too", "give each its own name")
        seen.add(name or "")


def _check_source(source: Entry, models: list[str], checker: Checker) -> None:
    if not {"place", "places"} & source.given:
        checker.report(source, (), "place is missing", 'add it, such as place = "/dev/video0"')
    if source.values.get("places") == ():
        checker.report(source, ("places",), "places is empty", "name at least one photo")
    for number, place in enumerate(places_of(source)):
        if place.startswith("~"):
            key: KeyPath = ("place",) if "place" in source.values else ("places", number)
            checker.report(source, key, f"{place!r}: ~ does not stand for a home folder here", "write the whole path")
    for one, other in (("place", "places"), ("fps", "every"), ("model", "models")):
        _check_one(source, one, other, checker)
    if "at-least-every" in source.given and source.values.get("on_motion", "on-motion" in source.given) is False:
        checker.report(source, ("at-least-every",), "at-least-every needs on-motion", "add on-motion = true")
    regions = source.of("region")
    _check_names(regions, checker)
    _check_models(source, models, checker)


def _check_models(source: Entry, models: list[str], checker: Checker) -> None:
    regions = source.of("region")
    for entry in (source, *regions):
        if entry.values.get("models") == ():
            checker.report(entry, ("models",), "models is empty", "name at least one, or remove it")
        for name in ("model", "models"):
            _check_known(entry, name, models, checker)
    for region in regions:
        _check_one(region, "model", "models", checker)
    lacking = [entry for entry in regions or (source,) if not {"model", "models"} & (entry.given | source.given)]
    if len(models) > 1:
        for entry in lacking:
            names = " or ".join(f'"{name}"' for name in models[:3])
            checker.report(entry, (), "it names no model, and the file has several", f"add model = {names}")


def _check_answers(levels: tuple[Entry, ...], checker: Checker) -> None:
    """Reports a region that is to report both changes and states.

    Args:
        levels: the tables that it has its answers from; later ones come first.
        checker: collects the mistakes.
    """
    values = {name: value for entry in levels for name, value in entry.values.items()}
    states = "confirm" in values or "clear_after" in values or values.get("hold", 0) > 0
    if states and values.get("changes"):
        entry = next(entry for entry in reversed(levels) if "changes" in entry.values)
        checker.report(entry, ("changes",), "changes and states cannot be combined", "remove changes")


def _check_one(entry: Entry, one: str, other: str, checker: Checker) -> None:
    if {one, other} <= entry.given:
        checker.report(entry, (other,), f"it has both {one} and {other}", "remove one of them")


def _check_rule(board: Entry, rule: Entry, checker: Checker) -> None:
    sources = board.of("source")
    known = {
        "sinks": _names(board.of("sink")),
        "sources": [name for source in sources for name in source_names(source)],
        "regions": [name for source in sources for name in _names(source.of("region"))],
        "models": _names(board.of("model")),
    }
    for name, names in known.items():
        _check_known(rule, name, names, checker)


def _check_known(entry: Entry, name: str, known: list[str], checker: Checker) -> None:
    """Reports the names in a key that nothing has."""
    given = entry.values.get(name)
    if given is None:
        return
    what = name.rstrip("s")
    for number, wanted in enumerate((given,) if isinstance(given, str) else given):
        if wanted not in known:
            place: KeyPath = (name,) if isinstance(given, str) else (name, number)
            checker.report(entry, place, f"there is no {what} {wanted!r}", _choice(wanted, what, known))


def _choice(wanted: str, what: str, known: list[str]) -> str:
    close = suggestion(wanted, known)
    if close:
        return f"did you mean {close!r}?"
    if known:
        return f"choose from {', '.join(map(repr, known[:10]))}"
    return f"give one a name: [[{what}]]" if what != "region" else "add [[source.region]] with this name"
