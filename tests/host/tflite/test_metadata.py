from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

from graft_device.classifier import Classifier
from graft_host.support import flatbuffer
from graft_host.tflite.metadata import METADATA_NAME, attach
from tests.support import mediapipe_reader
from tests.support.device_models import COLOURS, LABELS, make_card, network, picture, write_artifact


def test_zipfile_reads_labels_and_card() -> None:
    card = make_card(accuracy={"shipped": 0.5})
    with zipfile.ZipFile(io.BytesIO(attach(network(), ["a b", "ü", "日本"], card))) as archive:
        assert archive.namelist() == ["labels.txt", "graft.json"]
        assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
        assert archive.read("labels.txt").decode() == "a b\nü\n日本\n"
        assert json.loads(archive.read("graft.json"))["training"] == {"accuracy": {"shipped": 0.5}}
        assert archive.testzip() is None


def test_the_same_model_is_the_same_bytes() -> None:
    assert attach(network(), LABELS, make_card()) == attach(network(), LABELS, make_card())


def test_there_is_one_standard_buffer() -> None:
    model = flatbuffer.unpack(attach(network(), LABELS, make_card()), "artifact")
    assert [entry.name for entry in model.metadata] == [METADATA_NAME]
    data = bytes(model.buffers[model.metadata[0].buffer].data)
    assert data[4:8] == b"M001"


def test_the_network_is_not_changed() -> None:
    before = flatbuffer.unpack(network(), "before")
    after = flatbuffer.unpack(attach(network(), LABELS, make_card()), "after")
    for old, new in zip(before.buffers, after.buffers, strict=False):
        assert (old.data is None and new.data is None) or bytes(old.data) == bytes(new.data)
    assert len(after.buffers) == len(before.buffers) + 1
    assert [t.type for t in after.subgraphs[0].tensors] == [t.type for t in before.subgraphs[0].tensors]
    assert after.subgraphs[0].tensors[0].type == schema.TensorType.UINT8


@pytest.mark.service  # importing MediaPipe takes seconds
def test_mediapipe_shows_our_labels_and_scores(tmp_path: Path) -> None:
    """MediaPipe is an independent reader: it needs metadata, labels and normalization as in the standard."""
    models = [write_artifact(tmp_path / f"{kind}.tflite", kind) for kind in ("int8", "float32")]
    photos = [tmp_path / f"{colour}.png" for colour in COLOURS]
    for colour, photo in zip(COLOURS, photos, strict=True):
        picture(colour, (32, 32)).save(photo)
    for model, answers in zip(models, mediapipe_reader.classify(models, photos), strict=True):
        ours = Classifier(model)
        for colour, photo, scores in zip(COLOURS, photos, answers, strict=True):
            expected = dict(ours.classify(photo))
            assert scores.keys() == expected.keys()
            assert max(scores, key=lambda label: scores[label]) == colour
            for label, score in expected.items():
                assert scores[label] == pytest.approx(score, abs=2 / 256)
