"""Serves the golden photos of the model file, which the page offers as samples."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.datastructures import QueryParams

from graft_device.errors import ModelError
from graft_device.model.samples import read_golden_photo
from graft_device.serve.problems import ProblemError

if TYPE_CHECKING:
    from graft_device.model import ModelFile

MOST_SAMPLES = 12
"""The number of samples that are offered; graftkit puts at most six into a file."""

_DIGITS = 4
_TYPES = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"RI": "image/webp"}


def samples(model: ModelFile) -> list[dict[str, Any]]:
    """The photos that the model file contains: the ``number`` to ask for, and the right ``label``."""
    return [{"number": number, "label": label} for number, (label, _) in enumerate(_photos(model), 1)]


async def read_sample(path: Path, model: ModelFile, query: QueryParams) -> tuple[bytes, str]:
    """Reads the sample that a request asks for.

    Args:
        path: the model file as it is now.
        model: the model that is served.
        query: the query string of the request, with ``number``.

    Returns:
        The bytes of the image file, and its media type.

    Raises:
        ProblemError: 422, the number is not one from 1 to ``MOST_SAMPLES``; 404, there is no such sample, or it is
            damaged.
    """
    photos, text = _photos(model), query.get("number", "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
    if not 1 <= number <= MOST_SAMPLES or len(query.multi_items()) > 1:
        raise ProblemError(422, f"number is {text!r}; give one number from 1 to {MOST_SAMPLES}")
    if number > len(photos):
        raise ProblemError(404, f"there is no sample {number}; the model file has {len(photos)}")
    file = photos[number - 1][1]
    try:
        data = await asyncio.to_thread(read_golden_photo, path, file, model.card.image_size)
    except ModelError as error:
        raise ProblemError(404, error.what) from None
    if data[:2] not in _TYPES:
        raise ProblemError(404, f"sample {number} is no JPEG, PNG or WebP")
    return data, _TYPES[data[:2]]


def _photos(model: ModelFile) -> list[tuple[str, str]]:
    """The label and the file of each sample."""
    golden = model.golden.photos if model.golden is not None else ()
    return [(photo.label, photo.file) for photo in golden if photo.file is not None][:MOST_SAMPLES]
