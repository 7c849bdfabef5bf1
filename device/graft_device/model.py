"""Reads the labels and the model card of a ``.tflite`` file, with ``zipfile`` alone."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from graft_device.errors import ModelError
from graft_device.system.plain import NotAFileError, open_plain

LABELS_NAME = "labels.txt"
CARD_NAME = "graft.json"
CARD_FORMAT = 1

_IDENTIFIER = b"TFL3"
_NOVEL_LEAD = 0.1


@dataclass(frozen=True)
class ModelCard:
    """What a model is and where it comes from. Stored as ``graft.json`` in the file.

    Attributes:
        kit_version: the version of graftkit that wrote the file.
        backbone: the name, the source of the weights and their SHA-256, and the ``fingerprint`` (SHA-256) of the
            quantized backbone that computed the bottlenecks.
        tap: the layer whose pooled output is the bottleneck, ``mixed0`` to ``mixed10``.
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
        unknown = self.thresholds.get("unknown", {})
        score = unknown.get("score", 0.0) if isinstance(unknown, dict) else 0.0
        return float(score) if isinstance(score, (int, float)) else 0.0

    @property
    def accuracy(self) -> float | None:
        """The share of test photos that the file classified correctly, 0 to 1; None if it was not measured."""
        accuracy = self.training.get("accuracy")
        share = accuracy.get("shipped") if isinstance(accuracy, dict) else None
        return float(share) if isinstance(share, (int, float)) else None

    def to_json(self) -> str:
        """The card as indented JSON, with its keys in a fixed order."""
        return json.dumps({"format": CARD_FORMAT, **asdict(self)}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Reads a card. Fields that this version does not know are ignored.

        Raises:
            ValueError: the text is not a card, or a card of a later format.
        """
        raw = _finite(json.loads(text))
        if not isinstance(raw, dict):
            raise ValueError("the card is not an object")
        if raw.get("format") != CARD_FORMAT:
            raise ValueError(f"format {raw.get('format')!r}, but this version reads {CARD_FORMAT}")
        values = {name: _checked(raw, name, kinds) for name, kinds in _FIELDS.items() if name in raw}
        missing = [name for name in _REQUIRED if name not in values]
        if missing:
            raise ValueError(f"no {', '.join(missing)}")
        return cls(**values)


def _finite(value: Any) -> Any:
    """Replaces infinities and NaN by None: Python writes and reads them, but they are not JSON."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and value - value != 0 else value


_FIELDS: dict[str, tuple[type, ...]] = {
    "kit_version": (str,),
    "backbone": (dict,),
    "tap": (str,),
    "image_size": (int,),
    "resize": (str,),
    "quantization": (str,),
    "mean": (int, float),
    "std": (int, float),
    "training": (dict,),
    "thresholds": (dict,),
}
_REQUIRED = tuple(_FIELDS)[:8]


@dataclass(frozen=True)
class ModelFile:
    """A model file on disk.

    Attributes:
        path: the ``.tflite`` file.
        labels: the K class names in the order of the output tensor.
        card: the model card.
        bytes: the size of the file.
    """

    path: Path
    labels: tuple[str, ...]
    card: ModelCard
    bytes: int

    @property
    def novel_below(self) -> float:
        """The score below which an unknown photo is unlike all photos that the model was trained on; 0 for never.

        The network flattens the scores of such a photo until all are about 1/K. A photo that is between classes keeps
        a lead over 1/K. The limit is at a tenth of the lead that the threshold has.
        """
        chance = 1 / len(self.labels)
        return max(0.0, chance + _NOVEL_LEAD * (self.card.unknown_below - chance)) if self.card.unknown_below else 0.0

    def to_json(self) -> dict[str, Any]:
        """Path, size, labels and card as plain values."""
        card = json.loads(self.card.to_json())
        return {"model": str(self.path), "bytes": self.bytes, "labels": list(self.labels), "card": card}


def read_model(path: str | Path) -> ModelFile:
    """Reads the labels and the card of a model that ``graft train`` wrote.

    Raises:
        ModelError: the file is missing, cut short, or was not written by graftkit.
    """
    path = Path(path)
    try:
        with open_plain(path) as file:
            if file.read(8)[4:8] != _IDENTIFIER:
                raise ModelError(f"{path} is not a .tflite model", "give the file that 'graft train' wrote")
            with zipfile.ZipFile(file) as archive:
                labels = _labels(archive.read(LABELS_NAME).decode("utf-8"))
                card = ModelCard.from_json(archive.read(CARD_NAME).decode("utf-8"))
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        remedy = "give the .tflite that 'graft train' wrote" if isinstance(error, NotAFileError) else ""
        raise ModelError(f"cannot read model {path}: {error.strerror or error}", remedy) from error
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise ModelError(
            f"{path} has no model card: it is cut short or was not written by graftkit",
            "copy it again, or make it with 'graft train'",
        ) from error
    except (ValueError, RuntimeError, zlib.error) as error:  # zipfile raises RuntimeError for what it cannot unpack
        raise ModelError(
            f"{path} has a model card that cannot be used ({error})", "update graftkit, or train the model again"
        ) from error
    return ModelFile(path, labels, card, size)


def _labels(text: str) -> tuple[str, ...]:
    labels = tuple(text.removesuffix("\n").split("\n"))
    if "" in labels:
        raise ValueError(f"{LABELS_NAME} has an empty line")
    return labels


def _checked(raw: dict[str, Any], name: str, kinds: tuple[type, ...]) -> Any:
    value = raw[name]
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}")
    return value
