from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graft_device.classifier import Classifier
from graft_device.model import read_model
from graft_device.model.golden import FOLDER
from graft_device.preprocess import load
from graft_device.store.selftest import run_selftest
from graft_host.evaluation.golden import SHARE, golden_pack
from graft_host.tflite.metadata import add_metadata, archive
from tests.conftest import graft, graft_device, graft_json
from tests.support.device_models import LABELS, SIZE, make_card, network, write_artifact
from tests.support.stores import PADDING, judged, pack_of, padded, write_model


@pytest.fixture(scope="module")
def net() -> bytes:
    return add_metadata(padded(network(), PADDING), make_card())


def test_golden_photos_and_their_scores_are_in_the_file(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m.tflite", photos=True)
    golden = read_model(model).golden
    assert golden is not None
    assert [photo.label for photo in golden.photos] == [*LABELS, *LABELS]  # the best of each class, then the second
    assert [photo.file for photo in golden.photos] == [f"golden/{n}.jpg" for n in range(1, 7)]
    classifier = Classifier(model)
    with zipfile.ZipFile(model) as packed:
        assert packed.namelist()[:2] == ["labels.txt", "graft.json"]
        assert all(info.compress_type == zipfile.ZIP_STORED for info in packed.infolist())
        for photo in golden.photos:
            data = packed.read(str(photo.file))
            assert Image.open(io.BytesIO(data)).size == (SIZE, SIZE)
            np.testing.assert_allclose(classifier.scores(np.asarray(load(data))), photo.scores, atol=1e-6)
    data = model.read_bytes()[: golden.network_bytes]
    assert hashlib.sha256(data).hexdigest() == golden.network_sha256
    assert len(model.read_bytes()) - len(data) < SHARE * len(data) + 20_000
    assert run_selftest(model).kind == "golden"


def test_only_photos_classified_correctly_are_golden(net: bytes, tmp_path: Path) -> None:
    evaluation, photos = judged(tmp_path, net, make_card())
    evaluation.scores[evaluation.truth == 1] = evaluation.scores[0]  # green ones are taken for red
    evaluation.scores[0] = evaluation.scores[0] / 2 + 0.5 / len(LABELS)  # and one red has a narrow lead
    pack = golden_pack(net, archive(LABELS, make_card()), evaluation, photos)
    assert [photo.label for photo in pack.golden.photos] == ["red", "blue"] * 2
    first = hashlib.sha256(pack.files["golden/1.jpg"]).hexdigest()
    evaluation.scores[3] = evaluation.scores[0]
    again = golden_pack(net, archive(LABELS, make_card()), evaluation, photos)
    assert hashlib.sha256(again.files["golden/1.jpg"]).hexdigest() != first or evaluation.truth[3] != 0


def test_names_and_order_of_the_photos_do_not_matter(net: bytes, tmp_path: Path) -> None:
    evaluation, photos = judged(tmp_path, net, make_card())
    first = golden_pack(net, archive(LABELS, make_card()), evaluation, photos)
    (tmp_path / "moved").mkdir()
    moved = []
    for number, photo in enumerate(photos):
        path = photo.path.rename(tmp_path / "moved" / f"{number}.png")
        moved.append(replace(photo, path=path))
    assert golden_pack(net, archive(LABELS, make_card()), evaluation, moved) == first


def test_no_photo_is_stored_if_none_may_be_or_none_fits(net: bytes, tmp_path: Path) -> None:
    private = pack_of(tmp_path, net, make_card(), with_photos=False)
    small = pack_of(tmp_path, add_metadata(network(), make_card()), make_card())
    for pack in (private, small):
        assert not any(name.startswith(FOLDER) for name in pack.entries())
        assert [photo.picture for photo in pack.golden.photos] == list(range(6))
        assert json.loads(pack.entries()["golden.json"])["network"]["sha256"] == pack.golden.network_sha256


def test_an_artifact_without_golden_data_is_still_read(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite", checksum=False)
    found = read_model(model)
    assert (found.golden, found.labels) == (None, LABELS)


def faint_and_strong(folder: Path, count: int) -> None:
    """Writes photos of patches with little and with much contrast, which random weights distinguish, too."""
    rng = np.random.default_rng(0)
    for name, contrast in (("faint", 20), ("strong", 120)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            patches = (128 + rng.uniform(-contrast, contrast, (5, 5, 3))).astype(np.uint8)
            Image.fromarray(patches).resize((90, 90)).save(folder / name / f"{number}.png")


@pytest.mark.slow
def test_train_stores_golden_photos_unless_told_not_to(tmp_path: Path) -> None:
    faint_and_strong(tmp_path / "photos", 20)
    options = ["--weights", "random", "--tap", "mixed3", "--image-size", "75", "--test-percent", "30"]
    options += ["--cache", str(tmp_path / "cache")]
    model, private = tmp_path / "m.tflite", tmp_path / "p.tflite"
    report = graft_json("train", tmp_path / "photos", "-o", model, *options)
    done = graft("train", tmp_path / "photos", "-o", private, *options, "--no-golden")
    assert done.returncode == 0, done.stderr
    golden, without = read_model(model).golden, read_model(private).golden
    assert golden is not None
    assert without is not None
    assert report["accuracy"]["shipped"] == 1
    assert {photo.label for photo in golden.photos} <= set(report["labels"])
    assert all(photo.file for photo in golden.photos)
    assert all(photo.file is None for photo in without.photos)
    with zipfile.ZipFile(model) as packed, zipfile.ZipFile(private) as bare:
        size = sum(info.file_size for info in packed.infolist() if info.filename.startswith(FOLDER))
        assert 0 < size <= SHARE * golden.network_bytes
        assert bare.namelist() == ["labels.txt", "graft.json", "golden.json", "memory.bin"]
    assert golden.network_sha256 == without.network_sha256
    for path in (model, private):
        for runtime in ("litert", "tflite-runtime"):
            assert graft_device("selftest", path, "--runtime", runtime).returncode == 0
