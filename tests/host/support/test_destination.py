from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from graft_device.errors import CacheError, ExportError
from graft_host.backbones.weights.find import weights_inputs
from graft_host.export.formats.keras import KIND as EXPORT
from graft_host.report.page import REPORT, page
from graft_host.support.destination import (
    MODEL,
    OutputKind,
    RunInput,
    check_cache_place,
    check_destination,
    check_replaceable,
    check_sources,
)
from tests.support.device_models import network, write_artifact
from tests.support.host_data import image_bytes, open_folder, without_privileges


def refusal(target: Path, *sources: RunInput, kind: OutputKind = MODEL) -> str:
    with pytest.raises(ExportError) as refused:
        check_destination(target, kind, sources, overwrite=True)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_files_that_a_run_reads_are_never_replaced(tmp_path: Path) -> None:
    weights = tmp_path / "weights.tflite"  # a model by its contents, so that this alone protects it
    weights.write_bytes(network())
    (tmp_path / "link.tflite").symlink_to(weights)
    (tmp_path / "hard.tflite").hardlink_to(weights)
    source = RunInput("weights", weights)
    for target in (weights, tmp_path / "link.tflite", tmp_path / "hard.tflite", tmp_path / "." / "weights.tflite"):
        for output, other in ((target, source), (weights, RunInput("weights", target))):
            assert "the model would replace the weights" in refusal(output, other)
    check_destination(weights, MODEL, [], overwrite=True)
    gone = RunInput("weights", tmp_path / "not there yet.tflite")
    assert "would replace" in refusal(tmp_path / "not there yet.tflite", gone)


def test_nothing_is_written_among_the_photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, elsewhere = tmp_path / "photos", tmp_path / "elsewhere"
    (photos / "cats").mkdir(parents=True)
    elsewhere.mkdir()
    (photos / "dogs").symlink_to(elsewhere)
    (tmp_path / "link").symlink_to(photos)
    places = [photos / "m.tflite", photos / "cats" / "m.tflite", photos / "dogs" / "m.tflite"]
    places += [tmp_path / "link" / "cats" / "m.tflite", tmp_path / "elsewhere" / ".." / "photos" / "m.tflite"]
    (tmp_path / "pointer.tflite").symlink_to(photos / "m.tflite")
    for place in (*places, tmp_path / "pointer.tflite"):
        for folder in (photos, tmp_path / "link"):
            if place != photos / "dogs" / "m.tflite" or folder == photos:
                assert "is among the photos in" in refusal(place, RunInput("photos", folder))
    monkeypatch.chdir(photos)
    assert "is among the photos in" in refusal(Path("m.tflite"), RunInput("photos", Path()))
    check_destination(Path("..") / "m.tflite", MODEL, [RunInput("photos", Path())], overwrite=True)
    check_destination(tmp_path / "photos.tflite", MODEL, [RunInput("photos", photos)], overwrite=True)
    assert list(photos.rglob("*.tflite")) == []


def test_no_cache_among_the_photos(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (tmp_path / "link").symlink_to(photos)
    for cache in (photos, photos / "cache", photos / "cats" / "cache", tmp_path / "link" / "cache"):
        with pytest.raises(CacheError, match=r"is among the photos in .*; choose another place with --cache"):
            check_cache_place(cache, photos)
    for cache in (tmp_path, tmp_path / "photos-cache", tmp_path / "cache"):
        check_cache_place(cache, photos)
    assert list(photos.iterdir()) == []


def test_a_working_folder_that_was_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    photos = RunInput("photos", tmp_path / "photos")
    assert "graft runs in was removed, so m.tflite leads nowhere" in refusal(Path("m.tflite"), photos)
    with pytest.raises(ExportError, match="so cache leads nowhere; change to another folder, or give absolute paths"):
        check_cache_place(Path("cache"), tmp_path / "photos")
    check_destination(tmp_path / "m.tflite", MODEL, [photos], overwrite=True)


def test_a_folder_that_contains_an_input_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    with pytest.raises(ExportError, match=r"the export would replace the model .*m\.tflite"):
        check_sources(tmp_path / "saved", EXPORT, [RunInput("model", tmp_path / "saved" / "m.tflite")])
    check_sources(tmp_path / "saved", EXPORT, [RunInput("model", tmp_path / "m.tflite")])


def test_only_a_file_of_the_same_kind_is_replaced(tmp_path: Path) -> None:
    model = write_artifact(tmp_path / "m.tflite")
    report, keras, other = tmp_path / "r.html", tmp_path / "x.keras", tmp_path / "other.keras"
    report.write_text(page("A title", "<p>text</p>"))
    for path, names in ((keras, ["config.json", "graft.json"]), (other, ["config.json"])):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "{}")
    foreign = {
        "empty": b"", "photo.png": image_bytes(0), "page.html": b"<!DOCTYPE html><title>graftkit</title>",
        "TFL3.txt": b"TFL3 is a flatbuffer's identifier",
    }  # fmt: skip
    for name, data in foreign.items():
        (tmp_path / name).write_bytes(data)
    own = {MODEL: model, REPORT: report, EXPORT: keras}
    for kind, mine in own.items():
        check_destination(mine, kind, [], overwrite=True)
        with pytest.raises(ExportError, match="exists; give another name with -o, or --overwrite"):
            check_destination(mine, kind, [], overwrite=False)
        for path in {*own.values(), other, *(tmp_path / name for name in foreign)} - {mine}:
            assert f"{path} exists and is not {kind.own}, so it is not replaced" in refusal(path, kind=kind)


def test_a_file_that_cannot_be_read_is_not_replaced() -> None:
    with open_folder() as folder:
        (folder / "m.tflite").write_bytes(network())
        (folder / "m.tflite").chmod(0)
        with (
            without_privileges(),
            pytest.raises(ExportError, match=r"cannot check what .*m\.tflite is: permission denied"),
        ):
            check_replaceable(folder / "m.tflite", MODEL)


def test_the_weights_that_an_option_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert weights_inputs("random") == []
    assert weights_inputs("~/w.h5") == [RunInput("weights", tmp_path / "w.h5")]
    (imagenet,) = weights_inputs("imagenet")
    assert imagenet.path.parent == tmp_path / ".keras" / "models"
