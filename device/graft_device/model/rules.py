"""What the values in a model card may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from reprlib import Repr
from typing import Any

LARGEST_SIDE = 8192
"""Pixels of the input's side."""

LONGEST_TEXT = 1000
"""Letters of a name in the card."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


@dataclass(frozen=True)
class Rule:
    """What a value may be.

    Attributes:
        allows: whether a value is right.
        words: the allowed values in words.
    """

    allows: Callable[[Any], bool]
    words: str


def is_number(value: object) -> bool:
    """Whether a value of parsed JSON is a number; a boolean is not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(low: float, high: float, words: str, *, whole: bool = False) -> Rule:
    def allows(value: Any) -> bool:
        return is_number(value) and (not whole or isinstance(value, int)) and low <= value <= high

    return Rule(allows, words)


TEXT = Rule(
    lambda value: isinstance(value, str) and len(value) <= LONGEST_TEXT, f"a text of at most {LONGEST_TEXT} letters"
)
OBJECT = Rule(lambda value: isinstance(value, dict), "an object")
FLAG = Rule(lambda value: isinstance(value, bool), "true or false")
SIDE = _number(1, LARGEST_SIDE, f"a whole number from 1 to {LARGEST_SIDE}", whole=True)
MEAN = _number(-1e6, 1e6, "a number from -1000000 to 1000000")
SPREAD = _number(1e-6, 1e6, "a number from 0.000001 to 1000000")
SHARE = _number(0, 1, "a number from 0 to 1")
COUNT = _number(0, 2**53, "a whole number from 0", whole=True)
TEMPERATURE = _number(1e-6, 1e6, "a number above 0, at most 1000000")
NUMBER = Rule(is_number, "a number")

FIELDS: dict[str, Rule] = {
    "kit_version": TEXT,
    "backbone": OBJECT,
    "tap": TEXT,
    "image_size": SIDE,
    "resize": TEXT,
    "quantization": TEXT,
    "mean": MEAN,
    "std": SPREAD,
    "training": OBJECT,
    "thresholds": OBJECT,
}
"""The fields of a card. The first eight are required."""

REQUIRED = tuple(FIELDS)[:8]

_INNER: dict[tuple[str, ...], Rule] = {
    ("backbone", "name"): TEXT,
    ("backbone", "weights"): TEXT,
    ("backbone", "weights_fingerprint"): TEXT,
    ("backbone", "fingerprint"): TEXT,
    ("backbone", "pretrained"): FLAG,
    ("backbone", "calibration_photos"): COUNT,
    ("backbone", "fine_tuned"): OBJECT,
    ("backbone", "fine_tuned", "cut"): TEXT,
    ("training", "accuracy"): OBJECT,
    ("training", "accuracy", "float_head"): SHARE,
    ("training", "accuracy", "shipped"): SHARE,
    ("training", "accuracy", "float32"): SHARE,
    ("training", "accuracy", "agreement"): SHARE,
    ("training", "calibration"): OBJECT,
    ("training", "calibration", "temperature"): TEMPERATURE,
    ("training", "calibration", "ece"): OBJECT,
    ("training", "calibration", "ece", "before"): NUMBER,
    ("training", "calibration", "ece", "after"): NUMBER,
    ("training", "calibration", "ece", "by_chance"): OBJECT,
    ("training", "calibration", "ece", "by_chance", "mean"): NUMBER,
    ("training", "calibration", "ece", "by_chance", "low"): NUMBER,
    ("training", "calibration", "ece", "by_chance", "high"): NUMBER,
    ("training", "calibration", "photos"): COUNT,
    ("training", "photos"): OBJECT,
    ("training", "photos", "train"): COUNT,
    ("training", "photos", "validation"): COUNT,
    ("training", "photos", "test"): COUNT,
    ("training", "photos", "skipped"): COUNT,
    ("training", "split"): OBJECT,
    ("training", "head"): OBJECT,
    ("thresholds", "unknown"): OBJECT,
    ("thresholds", "unknown", "score"): SHARE,
    ("thresholds", "unknown", "false_rejection_rate"): SHARE,
    ("thresholds", "unknown", "photos"): COUNT,
}
"""The entries of ``backbone``, ``training`` and ``thresholds`` that graftkit reads; others are only shown.

An entry may be missing or null. An entry comes after the object that contains it.
"""


def check_card(raw: Mapping[str, Any]) -> None:
    """Raises ValueError, which names the entry, unless all values of a card are of the right type and in range."""
    missing = [name for name in REQUIRED if name not in raw]
    if missing:
        raise ValueError(f"no {', '.join(missing)}")
    for name, rule in FIELDS.items():
        if name in raw:
            _check((name,), raw[name], rule)
    for keys, rule in _INNER.items():
        value: Any = raw
        for key in keys:
            value = None if value is None else value.get(key)
        if value is not None:
            _check(keys, value, rule)


def _check(keys: tuple[str, ...], value: Any, rule: Rule) -> None:
    if not rule.allows(value):
        raise ValueError(f"{'.'.join(keys)} is {_SHORT.repr(value)}, not {rule.words}")
