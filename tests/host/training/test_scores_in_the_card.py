"""The scores of the test photos in the card of a trained model, and what a board makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.drift.histogram import Histogram, card_histogram
from graft_device.model import read_model
from graft_host.demo.rendering.render import render_dataset
from graft_host.evaluation.kept_aside import photos_to_test, recorded_split
from graft_host.photos.dataset import scan
from tests.conftest import graft, graft_json
from tests.support.quiet import QUIET

pytestmark = pytest.mark.slow

FAST = (
    "--weights", "random", "--tap", "mixed0", "--image-size", "75", "--test-percent", "40",
    "--optimizer", "sgd", "--steps", "300",
)  # fmt: skip


def test_the_card_has_the_scores_that_the_file_gives_its_test_photos(tmp_path: Path, shared_cache: Path) -> None:
    photos, model = tmp_path / "photos", tmp_path / "parts.tflite"
    render_dataset(photos, 14, 0)
    done = graft("train", photos, "-o", model, *FAST, "--cache", shared_cache)
    assert done.returncode == 0, done.stderr
    read = read_model(model)
    reference = card_histogram(read.card.training)
    assert reference is not None
    refused = graft_json("evaluate", model, photos)["unknown"]["refused"]
    tested = photos_to_test(scan(photos, 1), recorded_split(read.card, model), 1, QUIET)
    classifier = Classifier(model)
    scores = [float(np.max(classifier.classify_scores(photo.path))) for photo in tested]
    assert len(scores) == reference.photos > 9
    assert reference == Histogram.of(scores, refused)
    assert sum(count > 0 for count in reference.counts) > 1
