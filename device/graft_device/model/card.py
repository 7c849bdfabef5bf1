"""The model card: what a model is and where it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from graft_device.model.rules import FIELDS, check_card, is_number
from graft_device.system.strict_json import parse_json

CARD_NAME = "graft.json"
CARD_FORMAT = 1


@dataclass(frozen=True)
class ModelCard:
    """What a model is and where it comes from. Stored as ``graft.json`` in the file.

    Attributes:
        kit_version: the version of graftkit that wrote the file.
        backbone: the name, the source of the weights and their SHA-256, and the ``fingerprint`` (SHA-256) of the
            quantized backbone that computed the bottlenecks. ``fine_tuned``, if the last layers were trained too:
            ``cut``, the layer behind which they are.
        tap: the layer whose pooled output is the bottleneck, such as ``mixed7``. ``mixed5+mixed7`` names two layers,
            whose outputs are side by side. ``mixed7/2x2`` is the means of the four quarters of the layer's output.
        image_size: the width and height S of the input in pixels.
        resize: the resize rule, ``squash`` or ``crop``; see ``graft_device.preprocess``.
        quantization: ``int8``, ``dynamic``, ``float16`` or ``float32``.
        mean: the value that is subtracted from each pixel (0 to 255) for a float input.
        std: the value by which the difference of pixel and ``mean`` is divided for a float input.
        training: photo counts, split, head and accuracy figures.
        thresholds: ``unknown``, if it was set: the ``score`` below which a photo is unknown, the allowed
            ``false_rejection_rate`` of known photos, and the number of ``photos`` that were used to set it.
    """

    kit_version: str
    backbone: dict[str, Any]
    tap: str
    image_size: int
    resize: str
    quantization: str
    mean: float
    std: float
    training: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, Any] = field(default_factory=dict)

    @property
    def unknown_below(self) -> float:
        """The score below which a photo is unknown, 0 to 1; 0 if no threshold was set."""
        return float((self.thresholds.get("unknown") or {}).get("score") or 0.0)

    @property
    def fine_tuned_behind(self) -> str | None:
        """The layer behind which the backbone was fine-tuned; None if it was not."""
        cut = (self.backbone.get("fine_tuned") or {}).get("cut")
        return None if cut is None else str(cut)

    @property
    def accuracy(self) -> float | None:
        """The share of test photos that the file classified correctly, 0 to 1; None if it was not measured."""
        share = (self.training.get("accuracy") or {}).get("shipped")
        return None if share is None else float(share)

    @property
    def accuracy_text(self) -> str:
        """The accuracy for a person: on the test photos, and cross-validated if these were few."""
        if self.accuracy is None:
            return "not measured"
        tested = f"{self.accuracy:.1%} on its test photos"
        estimate = self.training["accuracy"].get("cross_validated")
        try:
            low, high = estimate["interval"]
            return f"{estimate['accuracy']:.1%} ({100 * low:.1f} to {high:.1%}) cross-validated; {tested}"
        except (KeyError, TypeError, ValueError):
            return tested

    @property
    def learned(self) -> tuple[dict[str, Any], ...]:
        """What was learned on a board, in order, each with at least ``class``, ``new`` and ``photos``."""
        entries = self.training.get("learned")
        return tuple(filter(_is_learned, entries)) if isinstance(entries, list) else ()

    def to_json(self) -> str:
        """The card as indented JSON, with its keys in a fixed order."""
        return json.dumps({"format": CARD_FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Reads a card. Fields that this version does not know are ignored.

        Raises:
            ValueError: the text is not a card, a card of a later format, or has a value of a wrong type or out of
                range.
        """
        raw = parse_json(text)
        if not isinstance(raw, dict):
            raise ValueError("the card is not an object")
        if not is_number(raw.get("format")) or raw["format"] != CARD_FORMAT:
            raise ValueError(f"format {raw.get('format')!r}, but this version reads {CARD_FORMAT}")
        check_card(raw)
        return cls(**{name: raw[name] for name in FIELDS if name in raw})


def _is_learned(entry: Any) -> bool:
    """Whether this is an entry of ``training.learned`` that can be shown; others are left out."""
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("class"), str)
        and isinstance(entry.get("new"), bool)
        and isinstance(entry.get("photos"), int)
    )
