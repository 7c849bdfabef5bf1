"""Classifies photos with a model of graftkit and MediaPipe's ImageClassifier, which reads labels and scaling from it.

pip install mediapipe
python classify_mediapipe.py pets.tflite photo.jpg
"""

from __future__ import annotations

import sys

import mediapipe
from mediapipe.tasks.python import BaseOptions
from mediapipe.tasks.python.vision import ImageClassifier, ImageClassifierOptions


def main(model: str, *photos: str) -> None:
    """Prints the best label of each photo with its score."""
    options = ImageClassifierOptions(base_options=BaseOptions(model_asset_path=model), max_results=1)
    with ImageClassifier.create_from_options(options) as classifier:
        for photo in photos:
            result = classifier.classify(mediapipe.Image.create_from_file(photo))
            best = result.classifications[0].categories[0]
            print(f"{photo}: {best.category_name} {best.score:.4f}")


if __name__ == "__main__":
    if len(sys.argv) < 3:  # noqa: PLR2004  the program, a model and a photo
        sys.exit("usage: classify_mediapipe.py MODEL.tflite PHOTO...")
    main(*sys.argv[1:])
