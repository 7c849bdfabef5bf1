"""The command line that does what a trial does."""

from __future__ import annotations

import shlex

from graft_host.studio.project.folder import MODELS


def classify_command(name: str) -> str:
    """The command line that classifies a photo with a model.

    Args:
        name: of the file in the folder of models.
    """
    return f"graft-device classify {shlex.quote(f'{MODELS}/{name}')} photo.jpg"
