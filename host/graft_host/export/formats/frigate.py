"""The folder that Frigate's custom classification reads, since Frigate 0.17.

Frigate takes ``model.tflite`` and ``labelmap.txt`` from ``model_cache/NAME`` in its config folder. It resizes a region
of the camera's frame to 224 x 224 with OpenCV, gives the RGB pixels to the model as uint8, divides the output by its
sum, and drops a label whose score, rounded to two decimals, is below the threshold of its config.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

from graft_device.errors import ExportError, ModelError
from graft_host.export.format import Format, Image, Product, Source
from graft_host.support.destination import OutputKind

SIDE = 224
"""The width and height of Frigate's input in pixels."""

MODEL_NAME, LABELS_NAME = "model.tflite", "labelmap.txt"

DEFAULT_THRESHOLD = 0.8
"""Frigate's, where its config has none."""

_CROPPED = (
    "The model was trained with --resize crop, but Frigate gives it the whole region: train it with --resize squash."
)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")  # a folder, a key of YAML and a part of an MQTT topic
_PLAIN_KEY = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z0-9_-]*", re.IGNORECASE)
"""A key that YAML reads as text without quotes."""


def check_name(output: Path) -> None:
    """Raises ExportError unless Frigate can have a model of this name."""
    if not _NAME.fullmatch(output.name):
        raise ExportError(
            f"Frigate uses the folder's name in its config and in MQTT topics, so {output.name!r} cannot be one",
            "give a name of letters, digits, _ and - with -o",
        )


def check_model(source: Source) -> None:
    """Raises ExportError unless Frigate can run the model and read its labels."""
    model = source.model
    size = model.card.image_size
    if model.card.quantization != "int8":
        raise ExportError(
            f"{model.path} takes float32 pixels, and Frigate gives uint8", "train it with --quantize int8, the default"
        )
    if size != SIDE:
        raise ExportError(
            f"{model.path} takes {size} x {size} pixels, and Frigate gives {SIDE} x {SIDE}",
            f"train it with --image-size {SIDE}",
        )
    for label in model.labels:
        if label != label.strip() or "\r" in label:
            raise ExportError(
                f"Frigate would not read the label {label!r} as it is", "rename the class folder, and train again"
            )


def threshold_of(source: Source) -> float:
    """The threshold for Frigate's config: the model's for unknown photos, rounded up to the two decimals of a score."""
    below = source.model.card.unknown_below
    return math.ceil(below * 100 - 1e-9) / 100 if below else DEFAULT_THRESHOLD


def next_steps(source: Source, output: Path) -> str:
    """What to do in Frigate, with the lines for its config.

    Args:
        source: the model.
        output: the exported folder, whose name is the model's name in Frigate.
    """
    card, name = source.model.card, output.name
    key = name if _PLAIN_KEY.fullmatch(name) else json.dumps(name)
    origin = "the model's, for unknown photos" if card.unknown_below else "Frigate's default: the model has none"
    lines = [
        f"Copy the folder to model_cache/{name} in Frigate's config folder, add these lines to config.yml, and restart",
        "Frigate:",
        "",
        "classification:",
        "  custom:",
        f"    {key}:",
        f"      threshold: {threshold_of(source):.2f}  # {origin}",
        "      object_config:  # for objects that Frigate tracks",
        "        objects: [person]  # which of its labels",
        "        classification_type: sub_label  # or: attribute",
        "      # In place of object_config, for a fixed part of a camera's frame:",
        "      # state_config:",
        "      #   interval: 10  # seconds",
        "      #   cameras:",
        "      #     front:  # the camera's name",
        "      #       crop: [0.0, 0.0, 1.0, 1.0]  # left, top, right and bottom, as shares of the frame",
        "",
        f"Do not train {name} in Frigate: that would replace the model.",
    ]
    if card.resize == "crop":
        lines.append(_CROPPED)
    return "\n".join(lines)


def _recognises(folder: Path) -> bool:
    """Whether a folder holds a model of graftkit and its labels for Frigate, and nothing else."""
    from graft_device.model import read_model

    if not folder.is_dir() or {path.name for path in folder.iterdir()} != {MODEL_NAME, LABELS_NAME}:
        return False
    try:
        read_model(folder / MODEL_NAME)
    except ModelError:
        return False
    return True


def _write(source: Source, folder: Path) -> Product:
    from graft_device.system.plain import read_plain
    from graft_host.export.extras import labels_text

    product = folder / "export"
    product.mkdir()
    (product / MODEL_NAME).write_bytes(read_plain(source.model.path))
    (product / LABELS_NAME).write_bytes(labels_text(source.model).encode())
    return Product(path=product, image=Image(size=SIDE, dtype="uint8", batch=1))


FORMAT = Format(
    name="frigate",
    help="a folder for Frigate's custom classification",
    folder=True,
    kind=OutputKind("export", "pets", "a folder that 'graft export --format frigate' wrote", _recognises),
    check_name=check_name,
    check=check_model,
    uses_weights=False,
    write=_write,
    next_steps=next_steps,
)
