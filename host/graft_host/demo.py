"""A whole run on photos that the kit renders itself."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graft_device.classifier import Classifier
from graft_device.errors import ExportError, WeightsError
from graft_host.pipeline import TrainOptions, TrainResult, train
from graft_host.render import PARTS, render_dataset
from graft_host.reporter import Reporter
from graft_host.weights import find_weights

PHOTOS_A_CLASS = 60
_TAP, _IMAGE_SIZE = "mixed7", 224
_SEED = 0
