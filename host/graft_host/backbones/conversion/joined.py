"""Backbones of several taps: their bottlenecks are those of each tap, side by side, each with a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from graft_device.system.plain import read_plain
from graft_host.backbones.conversion.backbone import Backbone
from graft_host.backbones.conversion.cache import BackboneCache
from graft_host.backbones.conversion.trunk import Trunk, find_trunk, store_trunk
from graft_host.backbones.taps import JOIN
from graft_host.networks.cuts.cutting import cut


def joined(trunk: Trunk) -> Backbone:
    """The backbone whose bottlenecks are those of all taps of a trunk, side by side."""
    if len(trunk.backbones) == 1:
        return trunk.backbones[0]
    first = trunk.backbones[0]
    tap = JOIN.join(part.spec.tap for part in trunk.backbones)
    return Backbone(
        spec=replace(first.spec, tap=tap),
        path=trunk.path,
        fingerprint=trunk.fingerprint,
        reused=trunk.reused,
        calibration_photos=first.calibration_photos,
        former=first.former,
        parts=trunk.backbones,
    )


def joined_from(trunk: Trunk, taps: Sequence[str], cache: Path) -> Backbone:
    """The backbone of some taps of a trunk, from the cache or cut from the trunk's file.

    Args:
        trunk: its own network, with an output for each of its backbones.
        taps: of the trunk, in any order.
        cache: the folder of caches.

    Raises:
        GraftError: the trunk's file is damaged, or the cache cannot be written.
    """
    places = [place for place, part in enumerate(trunk.backbones) if part.spec.tap in taps]
    parts = tuple(trunk.backbones[place] for place in places)
    if len(parts) in {1, len(trunk.backbones)}:
        return joined(replace(trunk, backbones=parts))
    stored = BackboneCache(cache)
    if known := find_trunk(stored, parts, trunk.calibration):
        return joined(known)
    data = cut(read_plain(trunk.path), places, str(trunk.path))
    return joined(store_trunk(stored, parts, data, trunk.calibration))
