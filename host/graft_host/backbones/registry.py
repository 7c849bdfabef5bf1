"""Finds families of backbones by name.

Built-in families are listed here. An installed package adds its own by an entry point in the group ``ENTRY_POINTS``,
``name = module:attribute``.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import TYPE_CHECKING

from graft_host.backbones.family import BackboneError, Family

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

ENTRY_POINTS = "graftkit.backbones"

DEFAULT = "inception-v3"

_LITE = "graft_host.backbones.efficientnet_lite.family"

_BUILT_IN = {
    DEFAULT: ("graft_host.backbones.inception_v3.family", "FAMILY"),
    "efficientnet-lite0": (_LITE, "LITE0"),
    "efficientnet-lite1": (_LITE, "LITE1"),
    "efficientnet-lite2": (_LITE, "LITE2"),
}


def families() -> tuple[str, ...]:
    """The names of all families, built in and installed."""
    return tuple(dict.fromkeys([*_BUILT_IN, *(point.name for point in _installed())]))


def family(name: str) -> Family:
    """The family of a name.

    Raises:
        BackboneError: there is none, or the package that names it does not define it.
    """
    if name in _BUILT_IN:
        module, attribute = _BUILT_IN[name]
        return _checked(getattr(importlib.import_module(module), attribute), name)
    for point in _installed():
        if point.name != name:
            continue
        try:
            return _checked(point.load(), name)
        except (ImportError, AttributeError) as error:
            raise BackboneError(
                f"backbone {name} cannot be imported from {point.value} ({error})", "install its package again"
            ) from error
    raise BackboneError(f"there is no backbone '{name}'", f"choose from {', '.join(families())}")


def usable_families() -> tuple[Family, ...]:
    """All families, without those whose package cannot be imported."""
    usable = []
    for name in families():
        with contextlib.suppress(BackboneError):
            usable.append(family(name))
    return tuple(usable)


def family_of_card(name: object) -> Family:
    """The family that a model card names; cards without a name are of the first family.

    Raises:
        BackboneError: no family that is installed has this name.
    """
    for known in families():
        candidate = family(known)
        if name is None or name == candidate.name_in_card:
            return candidate
    raise BackboneError(f"the model's backbone '{name}' is not installed", "install the package that defines it")


def title_of(name: str) -> str:
    """The title of a family; its name if it is not installed."""
    try:
        return family(name).title
    except BackboneError:
        return name


def title_of_card(name: object) -> str:
    """The title of the family that a model card names; the name itself if the family is not installed."""
    try:
        return family_of_card(name).title
    except BackboneError:
        return str(name)


def _installed() -> EntryPoints:
    from importlib.metadata import entry_points  # loads more than --help does

    return entry_points(group=ENTRY_POINTS)


def _checked(attribute: object, name: str) -> Family:
    if not isinstance(attribute, Family) or attribute.name != name:
        raise BackboneError(f"the package of backbone {name} defines no such family", "install another version of it")
    return attribute
