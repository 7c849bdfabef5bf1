"""MediaPipe's ImageClassifier, an independent reader of graftkit's files."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

# In a process of its own: where MediaPipe is loaded before tflite-runtime, that one can open no model any more.
_PROGRAM = """
import json, sys
import mediapipe
from mediapipe.tasks.python import BaseOptions, vision
models, photos = map(json.loads, sys.argv[1:])
for model in models:
    options = vision.ImageClassifierOptions(BaseOptions(model_asset_path=model), max_results=3)
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for photo in photos:
            found = classifier.classify(mediapipe.Image.create_from_file(photo)).classifications[0].categories
            print(json.dumps({entry.category_name: entry.score for entry in found}))
"""


def classify(models: Sequence[Path], photos: Sequence[Path]) -> list[list[dict[str, float]]]:
    """The score of each label for each photo, by model; skips the test if MediaPipe is not installed."""
    if importlib.util.find_spec("mediapipe") is None:
        pytest.skip("mediapipe has no wheel for this Python")
    arguments = [json.dumps([str(path) for path in paths]) for paths in (models, photos)]
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(models) * len(photos)
    return [answers[start : start + len(photos)] for start in range(0, len(answers), len(photos))]
