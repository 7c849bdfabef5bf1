from __future__ import annotations

import json
import signal
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from graft_device.classifier import Classifier
from graft_device.errors import ExportError, ModelError, WeightsError
from graft_device.preprocess import preprocess
from graft_host.export.export import export
from graft_host.export.shipped_head import read_head
from graft_host.export.staging import put_in_place, staging
from graft_host.photos.dataset import scan
from graft_host.photos.split_rule import SplitRule
from graft_host.tflite.metadata import archive
from tests.conftest import Trained, error_line, graft, graft_json
from tests.support.background import start_python
from tests.support.device_models import FLOAT_STD, KERNEL, network, write_artifact
from tests.support.exported import exported_scores
from tests.support.host_data import run_on_small_disk, write_photos
from tests.support.small_models import LABELS, SIZE, write_model

if TYPE_CHECKING:
    from graft_device.model import ModelFile

# The head in the file


def test_the_head_of_a_float_file_is_read_exactly(tmp_path: Path) -> None:
    kernel, bias = read_head(write_artifact(tmp_path / "m.tflite", "float32"))
    assert np.array_equal(kernel, KERNEL * np.float32(FLOAT_STD))
    assert bias == pytest.approx(127.5 * KERNEL.sum(axis=0), rel=1e-6)


def test_the_head_of_an_int8_file_is_dequantized(tmp_path: Path) -> None:
    uneven = np.array([[0.02, -0.01, 0.005], [0.001, 0.018, -0.02], [-0.006, 0.004, 0.022]], np.float32)
    kernel, bias = read_head(write_artifact(tmp_path / "m.tflite", "int8", kernel=uneven))
    centred = uneven - uneven.mean(axis=1, keepdims=True)  # what every class gets makes no difference
    step = np.abs(centred).max() / 127
    assert np.abs(kernel - centred).max() < 3 * step  # a weight may make up for another's rounding
    assert kernel / step == pytest.approx(np.rint(kernel / step), abs=1e-3)
    classifier = Classifier(tmp_path / "m.tflite")
    for colour in ((230, 20, 30), (15, 120, 100), (120, 130, 140)):
        logits = np.array(colour, np.float32) @ kernel + bias
        scores = classifier.scores(np.full((32, 32, 3), colour, np.uint8))
        wanted = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
        assert scores == pytest.approx(wanted, abs=0.02)


def test_a_file_without_a_head_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(network().replace(b"head/weights", b"tail/weights"))
    with pytest.raises(ModelError, match="has no head"):
        read_head(path)


# Refused before the work starts


def _refused(tmp_path: Path, output: str, kind: str, *, overwrite: bool = False) -> str:
    """Returns the error about an output; no file may have changed."""
    model = write_artifact(tmp_path / "m.tflite")
    before = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    with pytest.raises(ExportError) as caught:
        export(model, tmp_path / output, kind, overwrite=overwrite)
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == before
    return str(caught.value)


def test_only_known_formats_are_offered(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    line = error_line(graft("export", model, "--format", "coreml", "-o", tmp_path / "m.mlmodel"), status=2)
    assert "'coreml' is not one of 'keras', 'saved-model', 'onnx', 'frigate'" in line
    with pytest.raises(ExportError, match="no such format: coreml; choose keras, saved-model, onnx or frigate"):
        export(model, tmp_path / "m.mlmodel", "coreml")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]
    assert "coreml" not in graft("export", "--help").stdout


def test_places_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    assert "no such folder" in _refused(tmp_path, "no/x.keras", "keras")
    assert "does not end with .keras" in _refused(tmp_path, "x.h5", "keras")
    (tmp_path / "folder.keras").mkdir()
    assert "not a regular file" in _refused(tmp_path, "folder.keras", "keras", overwrite=True)
    (tmp_path / "x.keras").write_text("precious")
    assert "exists; give another name with -o, or --overwrite" in _refused(tmp_path, "x.keras", "keras")
    foreign = _refused(tmp_path, "x.keras", "keras", overwrite=True)
    assert "is not a .keras file that 'graft export' wrote, so it is not replaced" in foreign


@pytest.mark.parametrize("names", [["precious.txt"], ["saved_model.pb"], ["assets.extra/graft.json"], []])
def test_a_folder_that_is_not_an_export_is_never_replaced(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("precious")
    assert "is not a SavedModel that 'graft export' wrote" in _refused(tmp_path, "mine", "saved-model", overwrite=True)
    (tmp_path / "file").write_text("precious")
    assert "is not a SavedModel" in _refused(tmp_path, "file", "saved-model", overwrite=True)


def test_an_export_replaces_neither_the_model_nor_its_folder(tmp_path: Path) -> None:
    (tmp_path / "m.keras").symlink_to(tmp_path / "m.tflite")
    assert "the export would replace the model" in _refused(tmp_path, "m.keras", "keras", overwrite=True)
    folder = tmp_path / "saved"
    (folder / "assets.extra").mkdir(parents=True)
    for name in ("saved_model.pb", "assets.extra/graft.json"):
        (folder / name).touch()
    model = write_artifact(folder / "m.tflite")
    with pytest.raises(ExportError, match=r"the export would replace the model .*m\.tflite; give another name"):
        export(model, folder, "saved-model", overwrite=True)
    assert model.is_file()


def test_models_and_weights_must_exist(tmp_path: Path) -> None:
    line = error_line(graft("export", tmp_path / "no.tflite", "--format", "keras", "-o", tmp_path / "x.keras"))
    assert "no.tflite" in line
    with pytest.raises(ModelError, match="does not say which weights"):
        export(write_artifact(tmp_path / "m.tflite"), tmp_path / "x.keras", "keras")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


# Replacing an output as a whole, or not at all


def test_leftovers_of_a_killed_run_are_removed_and_files_in_use_are_kept(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from graft_host.export.staging import staging
with staging(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder, flush=True)
    time.sleep(600)
"""
    target, other = tmp_path / "out.keras", tmp_path / ".out.keras.tmp"
    other.write_text("a file of the user's")
    (tmp_path / ".else.abc.tmp").mkdir()
    (tmp_path / ".out.keras.backup.tmp").mkdir(mode=0o700)
    (tmp_path / ".out.keras.abcdefgh.tmp").mkdir(mode=0o755)
    with start_python(code, target) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        with staging(target):
            kept = (folder / "half").is_file()
        run.kill()
    assert kept
    assert (folder / "half").is_file()
    with staging(target):
        assert not folder.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".else.abc.tmp",
        ".out.keras.abcdefgh.tmp",
        ".out.keras.backup.tmp",
        ".out.keras.tmp",
    ]
    assert other.read_text() == "a file of the user's"


def test_an_error_leaves_the_old_contents_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        _interrupted(target)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "old"]


def _interrupted(target: Path) -> None:
    with staging(target) as folder:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt


def test_an_export_that_cannot_be_moved_into_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, rename = tmp_path / "out", Path.rename
    target.mkdir()
    (target / "old").write_text("old")

    def refuse(path: Path, to: Path) -> Path:
        if path.name == "new":
            raise PermissionError(13, "Permission denied")
        return rename(path, to)

    def interrupted(path: Path, to: Path) -> Path:
        moved = rename(path, to)
        if path == target:  # by Ctrl-C, right after it was moved away
            raise KeyboardInterrupt
        return moved

    with staging(target) as folder:
        (folder / "new").mkdir()
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", refuse)
            with pytest.raises(PermissionError):
                put_in_place(folder / "new", target)
        assert (target / "old").read_text() == "old"
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", interrupted)
            with pytest.raises(KeyboardInterrupt):
                put_in_place(folder / "new", target)
        assert (target / "old").read_text() == "old"
        put_in_place(folder / "new", target)
    assert target.is_dir()
    assert not (target / "old").exists()


# Real networks, opened with TensorFlow and without graftkit


def _extras(path: Path, kind: str) -> tuple[str, dict[str, Any]]:
    """Labels and card of an export."""
    if kind == "keras":
        with zipfile.ZipFile(path) as files:
            labels, card = (files.read(name).decode() for name in ("labels.txt", "graft.json"))
    else:
        labels, card = ((path / "assets.extra" / name).read_text() for name in ("labels.txt", "graft.json"))
    return labels, json.loads(card)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> ModelFile:
    """A float32 model of random weights."""
    folder = tmp_path_factory.mktemp("float")
    return write_model(folder / "small.tflite", "float32", folder / "cache", [])


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), [("keras", "x.keras"), ("saved-model", "x")])
def test_an_export_gives_the_scores_of_the_file(small: ModelFile, tmp_path: Path, kind: str, name: str) -> None:
    output, elsewhere = tmp_path / name, tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = export(small.path, output, kind)
    photos = sorted(write_photos(tmp_path / "photos", count=8).rglob("*.png"))
    pixels = np.stack([preprocess(path, SIZE, "squash") for path in photos])
    classifier = Classifier(small.path)
    expected = np.stack([classifier.scores(photo) for photo in pixels])
    assert expected.std(axis=0).min() > 0.01  # the scores of the photos differ
    scores = exported_scores(kind, output, pixels, elsewhere)
    assert np.abs(scores - expected).max() < 1e-4
    labels, card = _extras(output, kind)
    assert labels == "cats\ndogs\nowls\n"
    assert card["tap"] == "mixed0"
    assert card["backbone"] == small.card.backbone
    assert card["exported"]["format"] == kind
    assert "normalization is inside" in card["exported"]["input"]
    assert "does not recognize photos unlike those it was trained on" in card["exported"]["unknown"]
    assert done.to_json()["labels"] == list(LABELS)
    assert done.bytes == sum(path.stat().st_size for path in (output, *output.rglob("*")) if path.is_file())
    assert done.bytes < 1.5 * small.bytes  # no variable is stored twice
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "photos", "elsewhere"])
    with pytest.raises(ExportError, match="exists; give another name"):
        export(small.path, output, kind)
    if kind == "saved-model":
        (output / "stale").write_text("of an earlier export")
        export(small.path, output, kind, overwrite=True)
        assert not (output / "stale").exists()
        assert (output / "saved_model.pb").is_file()
    else:
        assert export(small.path, output, kind, overwrite=True) == done


@pytest.mark.slow
def test_a_failed_conversion_leaves_nothing(small: ModelFile, tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    with zipfile.ZipFile(small.path) as files:
        network = small.path.read_bytes()[: files.infolist()[0].header_offset]
    model.write_bytes(network + archive(LABELS, replace(small.card, tap="mixed1")))
    with pytest.raises(ExportError, match=r"m\.tflite could not be exported: its head takes 256 numbers, mixed1 gives"):
        export(model, tmp_path / "x.keras", "keras")
    with pytest.raises(WeightsError, match="no such weights file"):
        export(model, tmp_path / "x.keras", "keras", str(tmp_path / "no.h5"))
    assert [path.name for path in tmp_path.iterdir()] == ["m.tflite"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["keras", "saved-model"])
@pytest.mark.parametrize("kibibytes", [4, 700])
def test_a_full_disk_is_named(small: ModelFile, kind: str, kibibytes: int) -> None:
    """The disk has room for nothing, or for a part of the export."""
    code = """
import sys
from pathlib import Path
from graft_device.errors import ExportError
from graft_host.export.export import export
disk, model, kind = sys.argv[1:]
try:
    export(Path(model), Path(disk) / "x.keras", kind)
except ExportError as error:
    print(str(error).replace(disk, "DISK"), len(list(Path(disk).iterdir())))
"""
    output = run_on_small_disk(kibibytes, code, small.path, kind)
    reason = "no space left on device; free some space in DISK, or give another name with -o"
    assert output == f"cannot write DISK/x.keras: {reason} 0\n"


@pytest.mark.slow
def test_a_killed_export_leaves_no_partial_files(small: ModelFile, tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from graft_host.export import export
export.put_in_place = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # it is complete, and not in place yet
export.export(Path(sys.argv[1]), Path(sys.argv[2]), "saved-model")
"""
    target = tmp_path / "x"
    with start_python(code, small.path, target) as run:
        assert run.wait() == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert list(left.rglob("saved_model.pb"))
    assert left != target
    with staging(target):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_exports_of_an_int8_model_name_the_same_classes_on_real_photos(
    pets: Trained, weights_file: Path, tmp_path: Path
) -> None:
    rule = SplitRule()
    test = [photo for photo in scan(pets.photos, 2).photos if rule.part(photo.digest) == "test"][::3]
    pixels = np.stack([preprocess(photo.path, 299, "squash") for photo in test])
    classifier = Classifier(pets.model)
    expected = np.argmax([classifier.scores(photo) for photo in pixels], axis=1)
    for kind, name in (("keras", "pets.keras"), ("saved-model", "pets")):
        options = ["--format", kind, "-o", tmp_path / name, "--weights", weights_file]
        report = graft_json("export", pets.model, *options)
        assert report["export"] == str(tmp_path / name)
        assert report["input"]["shape"] == [None, 299, 299, 3]
        scores = exported_scores(kind, tmp_path / name, pixels, tmp_path)
        assert np.allclose(scores.sum(axis=1), 1, atol=1e-5)
        assert np.mean(np.argmax(scores, axis=1) == expected) >= 0.9
        assert _extras(tmp_path / name, kind)[0].splitlines() == report["labels"] == ["cats", "dogs"]
