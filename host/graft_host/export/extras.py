"""Labels and model card, as an export carries them."""

from __future__ import annotations

import json

from graft_device.model import CARD_NAME, LABELS_NAME, ModelFile
from graft_device.model.archive import opened_archive
from graft_device.model.reader import MOST_CARD_BYTES
from graft_device.system.strict_json import parse_json


def labels_text(model: ModelFile) -> str:
    """The labels of a model, a line each."""
    return "".join(f"{label}\n" for label in model.labels)


def card_text(model: ModelFile, exported: dict[str, str]) -> str:
    """The model card as indented JSON, with the description of an export in it.

    Args:
        model: whose card it is.
        exported: the format, and what its input and output are.
    """
    with opened_archive(model.path) as archive:
        card = parse_json(archive.read(CARD_NAME, MOST_CARD_BYTES).decode("utf-8"))
    card["exported"] = exported
    return json.dumps(card, indent=2, ensure_ascii=False) + "\n"


def extra_files(model: ModelFile, exported: dict[str, str]) -> dict[str, bytes]:
    """Labels and card by the names of their files; ``exported`` describes the export in the card."""
    return {LABELS_NAME: labels_text(model).encode(), CARD_NAME: card_text(model, exported).encode()}
