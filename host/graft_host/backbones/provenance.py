"""The float weights that a model's backbone was made of, found again by what its card says of them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace

from graft_device.errors import ModelError, WeightsError
from graft_device.model import ModelFile
from graft_host.backbones.weights import NAMED, WeightsSource, find_weights

_RANDOM = "random:"
_DIGITS = 12  # of a SHA-256, enough for a person to tell two files apart


def weights_of(model: ModelFile, given: str | None = None) -> WeightsSource:
    """Finds the weights of a model's backbone, normalization as its card has it.

    Args:
        model: whose card names them.
        given: what ``--weights`` says; when None, the card's name is tried, and then ``$GRAFT_WEIGHTS``.

    Raises:
        ModelError: the card doesn't say which weights they were.
        WeightsError: they cannot be found, or what is given are others.
    """
    name, wanted = (model.card.backbone.get(key) for key in ("weights", "weights_fingerprint"))
    if not isinstance(name, str) or not isinstance(wanted, str):
        raise ModelError(f"{model.path} does not say which weights its backbone was made of: train it again")
    if given is not None:
        source = find_weights(given, _seed(wanted))
        if source.fingerprint != wanted:
            raise WeightsError(
                f"{given} is not what {model.path} was made of: the card names {name} ({_short(wanted)}), "
                f"this is {source.name} ({_short(source.fingerprint)})"
            )
    else:
        source = _first(name, wanted, model)
    return replace(source, mean=model.card.mean, std=model.card.std)


def _first(name: str, wanted: str, model: ModelFile) -> WeightsSource:
    for source in _candidates(name, _seed(wanted)):
        if source.fingerprint == wanted:
            return source
    raise WeightsError(
        f"{model.path} was made of weights {name} ({_short(wanted)}), which are not at hand: "
        "name their file with --weights FILE"
    )


def _candidates(name: str, seed: int) -> Iterator[WeightsSource]:
    chosen = os.environ.get("GRAFT_WEIGHTS")
    for spec in (name if name in NAMED else None, chosen):
        if spec:
            with contextlib.suppress(WeightsError):
                yield find_weights(spec, seed)


def _seed(fingerprint: str) -> int:
    """The seed in the fingerprint of random weights; 0 for those of a file."""
    digits = fingerprint.removeprefix(_RANDOM)
    return int(digits) if fingerprint.startswith(_RANDOM) and digits.isdecimal() else 0


def _short(fingerprint: str) -> str:
    return fingerprint if fingerprint.startswith(_RANDOM) else f"SHA-256 {fingerprint[:_DIGITS]}…"
