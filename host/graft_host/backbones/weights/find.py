"""Backbone weights: where they come from, and how two of them are distinguished."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from graft_device.errors import WeightsError
from graft_device.system.plain import NotAFileError, open_plain
from graft_device.system.urls import scheme, shown
from graft_host.backbones.family import Family, WeightsFile, WeightsSource
from graft_host.backbones.known_weights import known_weights
from graft_host.backbones.named_weights import IMAGENET, NamedWeights
from graft_host.backbones.registry import DEFAULT, families, usable_families
from graft_host.backbones.registry import family as known_family
from graft_host.backbones.taps import layer_of
from graft_host.support.destination import RunInput
from graft_host.support.reporter import Reporter

RANDOM = "random"

VARIABLE = "GRAFT_WEIGHTS"
"""The environment variable that replaces the default of ``--weights``."""


def find_weights(
    spec: str, seed: int = 0, family: Family | None = None, reporter: Reporter | None = None
) -> WeightsSource:
    """Finds the weights that ``--weights`` names.

    Args:
        spec: ``random``, a name that the family knows, or the path of a file.
        seed: what ``random`` is drawn from.
        family: the backbones that they are for; Inception-v3 when None.
        reporter: receives a note and the progress of a download; None for none.

    Raises:
        WeightsError: there is no such file, it is not one of the family's, or named weights cannot be downloaded.
    """
    family = family or known_family(DEFAULT)
    if spec == RANDOM:
        fingerprint = f"{family.random_prefix}{seed}"
        return WeightsSource(
            family=family, name=RANDOM, path=None, fingerprint=fingerprint, seed=seed, mean=family.mean, std=family.std
        )
    named = named_weights(family, spec)
    if named is not None:
        return _identified(fetched(named, reporter), named.name, family, named)
    if scheme(spec):
        raise WeightsError(f"{shown(spec)} is a URL, not a file", "download it, and give the file")
    path = Path(os.path.expanduser(spec))  # noqa: PTH111  Path's own fails where there is no such user
    return _identified(path, path.name, family)


def named_weights(family: Family, spec: str) -> NamedWeights | None:
    """The weights that the family knows by this name; None if it is a path or ``random``."""
    return next((weights for weights in family.named_weights if weights.name == spec), None)


def usual_weights(family: Family) -> str:
    """The value of ``--weights`` for the weights that a family is usually given."""
    return family.named_weights[0].name if family.named_weights else IMAGENET


def reads(family: Family, spec: str) -> bool:
    """Whether a family reads the weights file at a path."""
    try:
        find_weights(spec, family=family)
    except WeightsError:
        return False
    return True


def from_environment(spec: str, family: Family) -> bool:
    """Whether ``--weights`` is what ``$GRAFT_WEIGHTS`` names, and that is a file of another family.

    Args:
        spec: the value of ``--weights``.
        family: a family that does not read it.
    """
    if spec != os.environ.get(VARIABLE):
        return False
    return any(reads(other, spec) for other in usable_families() if other.name != family.name)


def fetched(named: NamedWeights, reporter: Reporter | None = None) -> Path:
    """The file of named weights, downloaded if it is not on this machine.

    Args:
        named: the weights.
        reporter: receives a note and the progress of a download; None for none.

    Raises:
        WeightsError: the file cannot be downloaded.
    """
    if reporter is not None and named.note and not named.is_here:
        reporter.note(named.note)
    return named.fetch(reporter)


def check_tap(source: WeightsSource, tap: str) -> None:
    """Makes sure that the family has the tap, and that the weights reach it.

    Args:
        source: the weights.
        tap: one tap, or several with ``+`` between them.

    Raises:
        BackboneError: the family has no such tap, or one is named twice.
        WeightsError: the weights end before it, or the file is of another network.
    """
    deepest = source.family.taps_of(tap)[-1]
    if source.path is not None and source.family.check_reach is not None:
        source.family.check_reach(source, layer_of(deepest))


def weights_inputs(spec: str, family: Family | None = None) -> list[RunInput]:
    """The file that a run reads because of ``--weights``; empty for random weights.

    Args:
        spec: the value of ``--weights``.
        family: the backbones that they are for; Inception-v3 when None.
    """
    if spec == RANDOM:
        return []
    named = named_weights(family or known_family(DEFAULT), spec)
    path = Path(os.path.expanduser(spec)) if named is None else named.path()  # noqa: PTH111  as above
    return [RunInput("weights", path)]


def another_file(named: NamedWeights) -> WeightsError:
    """The error that a file is not the one that was published."""
    if named.package:
        return WeightsError(
            f"{named.path()} is damaged: it is not the file that was published",
            f"install it again: {named.brought_by}",
        )
    return WeightsError(f"{named.path()} is not the file that was published", "remove it, and fetch it again")


def _identified(path: Path, name: str, family: Family, named: NamedWeights | None = None) -> WeightsSource:
    if family.identify is None:
        raise WeightsError(
            f"{family.title} reads no weights file, so not {path}", f"give --weights {family.weights_choices}"
        )
    file = _with_digests(path, name, family)
    if named is not None and named.package and file.sha256 != named.published.get("sha256"):
        raise another_file(named)
    _check_family(file, family)
    return family.identify(file)


def _check_family(file: WeightsFile, family: Family) -> None:
    """Raises WeightsError if a known file is of another family."""
    sums = {file.sha256, file.md5}
    for known, entry in known_weights().items():
        if entry["backbone"] != family.name and sums & {entry.get("sha256"), entry.get("md5")}:
            called = "" if known == entry["backbone"] else f" ({known})"
            raise WeightsError(
                f"{file.path} has weights of {entry['backbone']}{called}, not of {family.name}",
                f"give --backbone {entry['backbone']}",
            )


def _with_digests(path: Path, name: str, family: Family) -> WeightsFile:
    try:
        with open_plain(path) as file:
            sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            while block := file.read(1 << 20):
                sha256.update(block)
                md5.update(block)
    except (FileNotFoundError, ValueError) as error:
        if str(path) in families():
            raise WeightsError(f"{path} is a backbone, not weights", f"give --backbone {path} instead") from error
        raise WeightsError(f"no such weights file: {path}", f"give {family.weights_choices}") from error
    except OSError as error:
        remedy = f"give {family.weights_choices}" if isinstance(error, NotAFileError) else ""
        raise WeightsError(f"cannot read weights {path}: {error.strerror or error}", remedy) from error
    return WeightsFile(path=path, name=name, sha256=sha256.hexdigest(), md5=md5.hexdigest())
