"""Notes in the EXIF of kept photos."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from graft_device.outputs.photo_notes import PhotoNotes, exif_of, notes_of
from graft_device.ranking import Prediction

texts = st.text(max_size=40)
predictions = st.builds(Prediction, texts, st.floats(0, 1).map(lambda score: round(score, 4)))
times = st.integers(0, 4_000_000_000_000).map(
    lambda ms: f"{datetime.fromtimestamp(ms // 1000, timezone.utc):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
)
notes = st.builds(
    PhotoNotes,
    times,
    texts,
    texts,
    st.none() | texts,
    texts,
    st.lists(predictions, max_size=3).map(tuple),
    st.booleans(),
)


def saved(exif: Image.Exif | bytes) -> Image.Image:
    """An opened JPEG with this EXIF."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG", exif=exif)
    return Image.open(buffer)


@given(notes)
def test_notes_are_read_as_they_were_written(noted: PhotoNotes) -> None:
    assert notes_of(saved(exif_of(noted, "1.0"))) == noted


def test_other_programs_find_the_time_and_the_place_in_the_usual_fields() -> None:
    exif = saved(exif_of(PhotoNotes("2026-01-31T12:00:01.250Z", "door", "bowl"), "1.0")).getexif()
    assert exif[0x010E] == "door/bowl"
    inner = exif.get_ifd(0x8769)
    assert (inner[0x9003], inner[0x9011], inner[0x9291]) == ("2026:01:31 12:00:01", "+00:00", "250")


@pytest.mark.parametrize("comment", [b"", b"ASCII\0\0\0{", b"ASCII\0\0\0[]", b'ASCII\0\0\0{"graftkit": 1}', b"hello"])
def test_other_comments_are_no_notes(comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    assert notes_of(saved(exif)) is None
