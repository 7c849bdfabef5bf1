"""Adds a picture that was tried to the photos, with what the model said of it."""

from __future__ import annotations

from dataclasses import dataclass

from graft_device.outputs.kept_files import stamp
from graft_device.outputs.noted_jpegs import with_notes
from graft_device.outputs.photo_notes import DIGEST_DIGITS, PhotoNotes
from graft_device.ranking import Prediction
from graft_device.sources.apart import CAPTURED
from graft_device.sources.base import utc_now
from graft_host.studio.album.album import Album
from graft_host.studio.album.state import Photo
from graft_host.studio.trials.trials import Trials

SOURCE = "studio"
"""What is noted as the source of a frame."""


@dataclass(frozen=True)
class Said:
    """What a person said of a picture.

    Attributes:
        model: the name of the model that was tried.
        label: the class that the picture is of, or ``unknown``.
        name: of the file; empty for a frame of a camera.
    """

    model: str
    label: str
    name: str = ""


def keep(trials: Trials, album: Album, picture: bytes, said: Said) -> Photo | None:
    """Adds a picture to the photos of a class.

    A frame is named and noted as a board does it when a person captures one. A file stays as it is.

    Args:
        trials: the models.
        album: the photos.
        picture: the bytes of an image file.
        said: what it is.

    Returns:
        The photo; None if the class has it already.

    Raises:
        PhotoError: the picture cannot be read.
        GraftError: the model cannot be used, or the photo cannot be added.
    """
    if said.name:
        return album.add(said.label, said.name, picture)
    time = utc_now()
    answer = trials.classify(said.model, picture)
    notes = PhotoNotes(
        time, SOURCE, said=said.label, model=trials.describe(said.model)["digest"][:DIGEST_DIGITS],
        predictions=tuple(Prediction(one["label"], one["score"]) for one in answer["predictions"]),
        unknown=answer["unknown"],
    )  # fmt: skip
    return album.add(said.label, f"{stamp(time)}{CAPTURED}.jpg", with_notes(picture, notes))
