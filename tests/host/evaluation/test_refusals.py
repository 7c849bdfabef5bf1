"""What a model says of photos of none of its classes."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_device.errors import DatasetError
from graft_host.evaluation.evaluate import evaluate_folder
from graft_host.evaluation.refusals import refusals
from graft_host.photos.given.places import PhotoPlaces
from tests.support.device_models import COLOURS, NOVELTY, make_card, write_artifact
from tests.support.quiet import QUIET


def test_refused_photos_and_what_the_others_are_taken_for_are_counted() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.1, 0.1, 0.8], [0.0, 0.1, 0.9]], np.float32)
    found = refusals(scores, ("bus", "car", "tram"), 0.6, without=0)
    assert (found.photos, found.refused, found.named) == (4, 1, (1, 0, 2))
    assert list(found.confused.items()) == [("tram", 2), ("bus", 1)]
    assert found.to_json()["without"] == 0
    assert found.text().startswith("1 of 4, 25.0% (")
    assert "without" not in refusals(scores, ("bus", "car", "tram"), 0.6).to_json()


def test_a_folder_called_unknown_holds_photos_of_none_unless_the_model_has_that_label(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    pictures = {"red": ["red"], "green": ["green"], "Unknown": ["black", "blue", "white"]}
    for folder, colours in pictures.items():
        (photos / folder).mkdir(parents=True)
        for number, colour in enumerate(colours):
            Image.new("RGB", (40 + number, 30), COLOURS.get(colour, colour)).save(photos / folder / f"{colour}.png")
    card = replace(
        make_card(),
        thresholds={"unknown": {"score": 0.6, "false_rejection_rate": 0.05, "photos": 20}},
    )
    model = write_artifact(tmp_path / "model.tflite", card=card, novelty=NOVELTY)
    result = evaluate_folder(model, photos, "all", 1, QUIET)
    assert (len(result.truth), result.accuracy, len(result.paths)) == (2, 1.0, 2)
    assert result.negatives is not None
    assert (result.negatives.photos, result.negatives.refused) == (3, 2)
    assert result.negatives.confused == {"blue": 1}
    assert result.to_json()["negatives"]["confused"] == {"blue": 1}
    named = write_artifact(tmp_path / "named.tflite", labels=("red", "green", "Unknown"), card=card, novelty=NOVELTY)
    ordinary = evaluate_folder(named, photos, "all", 1, QUIET)
    assert (len(ordinary.truth), ordinary.negatives) == (5, None)
    shutil.rmtree(photos / "red")
    shutil.rmtree(photos / "green")
    with pytest.raises(DatasetError, match="at least one is needed"):
        evaluate_folder(model, PhotoPlaces(root=photos), "all", 1, QUIET)
