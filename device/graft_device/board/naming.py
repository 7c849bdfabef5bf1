"""Names the views of a run, for events, topics and paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graft_device.outputs.slugs import slugs
from graft_device.outputs.views import View
from graft_device.run.event_maker import Naming

if TYPE_CHECKING:
    from graft_device.config.settings import BoardSettings, RegionSettings, SourceSettings


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
    parts = [
        tuple(filter(None, (names[place], region.name, _told(settings, region, model))))
        for place, _, region, model in found
    ]
    ids = slugs(map(_joined, parts))
    result = []
    for (place, source, region, model), own in zip(found, parts):
        view = View(ids[_joined(own)], names[place], region.name, model, (), 0.0)
        named = None if len(settings.models) == 1 else model
        naming = Naming(source.name, region.name, named, view.id if len(found) > 1 else "")
        result.append(NamedView(view, naming, place, region))
    return result


def _told(settings: BoardSettings, region: RegionSettings, model: str) -> str | None:
    """The model as a part of the id; None where it distinguishes nothing."""
    return None if len(region.models) == 1 and len(settings.models) == 1 else model


def _joined(parts: tuple[str, ...]) -> str:
    return "\0".join(parts)


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


def _views(settings: BoardSettings) -> Iterator[tuple[int, SourceSettings, RegionSettings, str]]:
    for place, source in enumerate(settings.sources):
        for region in source.regions:
            for model in region.models:
                yield place, source, region, model
