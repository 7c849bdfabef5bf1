"""Finds the float weights that a model's backbone was made of, by what its card records of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace

from graft_device.errors import ModelError, WeightsError
from graft_device.model import ModelFile
from graft_host.backbones.family import Family, WeightsSource
from graft_host.backbones.registry import family_of_card
from graft_host.backbones.weights.find import RANDOM, VARIABLE, find_weights, named_weights
from graft_host.support.reporter import Reporter

_DIGITS = 12  # of a SHA-256, enough for a person to tell two files apart


def weights_of(model: ModelFile, given: str | None = None, reporter: Reporter | None = None) -> WeightsSource:
    """Finds the weights of a model's backbone, normalization as its card has it.

    Args:
        model: whose card names them.
        given: the value of ``--weights``; when None, the card's name is tried, and then ``$GRAFT_WEIGHTS``.
        reporter: receives a note and the progress of a download; None for none.

    Raises:
        ModelError: the card does not name its weights.
        BackboneError: the card's backbone is not installed.
        WeightsError: the weights cannot be found, or others were given.
    """
    name, wanted = (model.card.backbone.get(key) for key in ("weights", "weights_fingerprint"))
    if not isinstance(name, str) or not isinstance(wanted, str):
        raise ModelError(f"{model.path} does not say which weights its backbone was made of", "train it again")
    family = family_of_card(model.card.backbone.get("name"))
    if given is not None:
        source = find_weights(given, _seed(wanted, family), family, reporter)
        if source.fingerprint != wanted:
            raise WeightsError(
                f"{given} is not what {model.path} was made of: the card names {name} ({_short(wanted, family)}), "
                f"this is {source.name} ({_short(source.fingerprint, family)})"
            )
    else:
        source = _first(name, wanted, model, family, reporter)
    return replace(source, mean=model.card.mean, std=model.card.std)


def _first(name: str, wanted: str, model: ModelFile, family: Family, reporter: Reporter | None) -> WeightsSource:
    for source in _candidates(name, _seed(wanted, family), family, reporter):
        if source.fingerprint == wanted:
            return source
    raise WeightsError(
        f"{model.path} was made from weights {name} ({_short(wanted, family)}), which were not found",
        "name their file with --weights FILE",
    )


def _candidates(name: str, seed: int, family: Family, reporter: Reporter | None) -> Iterator[WeightsSource]:
    by_name = name == RANDOM or named_weights(family, name) is not None
    for spec in (name if by_name else None, os.environ.get(VARIABLE)):
        if spec:
            with contextlib.suppress(WeightsError):
                yield find_weights(spec, seed, family, reporter)


def _seed(fingerprint: str, family: Family) -> int:
    """The seed in the fingerprint of random weights; 0 for those of a file."""
    digits = fingerprint.removeprefix(family.random_prefix)
    return int(digits) if fingerprint.startswith(family.random_prefix) and digits.isdecimal() else 0


def _short(fingerprint: str, family: Family) -> str:
    return fingerprint if fingerprint.startswith(family.random_prefix) else f"SHA-256 {fingerprint[:_DIGITS]}…"
