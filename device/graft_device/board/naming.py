"""Names the views of a run, for events, topics and paths."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.outputs.views import View
from graft_device.run.event_maker import Naming

if TYPE_CHECKING:
    from graft_device.config.settings import BoardSettings, RegionSettings, SourceSettings

_LONGEST = 40


@dataclass(frozen=True)
class NamedView:
    """A view before its model is opened.

    Attributes:
        view: its names, without labels.
        naming: what its events carry.
        source: the place of its source in the settings.
        region: its region.
    """

    view: View
    naming: Naming
    source: int
    region: RegionSettings


def named_views(settings: BoardSettings, names: Sequence[str]) -> list[NamedView]:
    """The views of a run, in order.

    Args:
        settings: of the run.
        names: what observers call each source, different from each other.
    """
    found = list(_views(settings))
    single = len(found) == 1
    taken: set[str] = set()
    result = []
    for place, source, region, model in found:
        alone = len(region.models) == 1 and len(settings.models) == 1
        parts = (names[place], region.name, None if alone else model)
        identity = _free("-".join(_slug(part) for part in parts if part), taken)
        view = View(identity, names[place], region.name, model, (), 0.0)
        naming = Naming(
            source.name, region.name, None if len(settings.models) == 1 else model, "" if single else identity
        )
        result.append(NamedView(view, naming, place, region))
    return result


def source_names(settings: BoardSettings, usual: Sequence[str]) -> list[str]:
    """What observers call each source: its name in the settings, or its usual one; different from each other."""
    names: list[str] = []
    for source, name in zip(settings.sources, usual):
        wanted, number = source.name or name, 1
        while wanted in names:
            number += 1
            wanted = f"{source.name or name} {number}"
        names.append(wanted)
    return names


def slugs(names: Sequence[str]) -> list[str]:
    """Names as small letters, digits and dashes, different from each other."""
    taken: set[str] = set()
    return [_free(_slug(name), taken) for name in names]


def _views(settings: BoardSettings) -> Iterator[tuple[int, SourceSettings, RegionSettings, str]]:
    for place, source in enumerate(settings.sources):
        for region in source.regions:
            for model in region.models:
                yield place, source, region, model


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[-_LONGEST:].strip("-") or "view"


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name)
    return name
