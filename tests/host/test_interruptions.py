"""Ctrl-C at every moment of what changes files on a workstation, and of what makes a kit on a board."""

from __future__ import annotations

import io
import os
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graft_device.runtime_packages import Machine
from graft_host.backbones.conversion.cache import BackboneCache
from graft_host.deploy import wheels as board_wheels
from graft_host.deploy.kit import KitWheel
from graft_host.deploy.on_board import kit as board_kit
from graft_host.export.staging import put_in_place, staging
from graft_host.report.report import write_report
from graft_host.support import download as download_module
from graft_host.support import scratch as scratch_module
from graft_host.support.download import Published, download
from graft_host.support.kept import results
from graft_host.support.kept.results import ResultCache
from graft_host.support.vector_store import BottleneckStore
from graft_host.training.guards import write_model
from tests.support.device_models import KERNEL, write_artifact
from tests.support.file_server import file_server
from tests.support.interrupting import Action, interrupt_everywhere, names


def test_a_download(in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, before = np.random.default_rng(0).bytes(3000), 500
    monkeypatch.setattr(download_module, "_CHUNK", 1000)
    monkeypatch.setenv("no_proxy", "*")

    def is_kept(place: Path) -> None:
        if (place / "weights").exists():
            assert (place / "weights").read_bytes() == data
        else:
            part = (place / "weights.part").read_bytes()
            assert len(part) >= before
            assert data.startswith(part)

    def is_complete(place: Path) -> None:
        assert names(place) == ["weights"]
        assert (place / "weights").read_bytes() == data

    with file_server(data) as server:
        file = Published(url=server.url, size=len(data), md5=server.md5)
        action = Action(
            prepare=lambda place: (place / "weights.part").write_bytes(data[:before]),
            act=lambda place: download(file, place / "weights", lambda *_: None, lambda: None),
            interrupted=is_kept,
            finished=is_complete,
        )
        assert interrupt_everywhere(action, in_memory) > 80


@pytest.mark.parametrize("of_files", [True, False])
def test_an_export(in_memory: Path, of_files: bool) -> None:
    def write(path: Path, text: str) -> None:
        if of_files:
            path.mkdir()
        (path / "network" if of_files else path).write_text(text)

    def read(place: Path) -> str:
        return (place / "out" / "network" if of_files else place / "out").read_text()

    def act(place: Path) -> None:
        with staging(place / "out") as workbench:
            write(workbench / "new", "new")
            put_in_place(workbench / "new", place / "out")

    def is_whole(place: Path) -> None:
        assert read(place) in {"old", "new"}

    def is_new(place: Path) -> None:
        assert read(place) == "new"
        assert names(place) == ["out"]

    action = Action(prepare=lambda place: write(place / "out", "old"), act=act, interrupted=is_whole, finished=is_new)
    assert interrupt_everywhere(action, in_memory) > 30


def test_a_model_and_its_report(in_memory: Path) -> None:
    old, new = [
        write_artifact(in_memory / str(gain), kernel=KERNEL * np.float32(gain)).read_bytes() for gain in (1.0, 1.5)
    ]
    pages = [f'<!doctype html><meta name="generator" content="graftkit {n}">' for n in ("old", "new")]

    def write(place: Path, model: bytes, page: str) -> None:
        write_model(place / "m.tflite", model, overwrite=True)
        write_report(place / "m.html", page, overwrite=True)

    def is_whole(place: Path) -> None:
        assert (place / "m.tflite").read_bytes() in {old, new}
        assert (place / "m.html").read_text() in pages

    def is_new(place: Path) -> None:
        assert names(place) == ["m.html", "m.tflite"]
        assert (place / "m.tflite").read_bytes() == new
        assert (place / "m.html").read_text() == pages[1]

    action = Action(
        prepare=lambda place: write(place, old, pages[0]),
        act=lambda place: write(place, new, pages[1]),
        interrupted=is_whole,
        finished=is_new,
    )
    assert interrupt_everywhere(action, in_memory) > 50


# The cache


@pytest.mark.parametrize("damaged", [False, True])
def test_a_store_of_bottlenecks(in_memory: Path, damaged: bool) -> None:
    old = {f"old {n}": np.full(4, n, np.float32) for n in range(3)}
    new = {f"new {n}": np.full(4, -n, np.float32) for n in range(3)}

    def opened(place: Path) -> BottleneckStore:
        return BottleneckStore(place / "vectors.sqlite", np.dtype(np.float32), 4)

    def prepare(place: Path) -> None:
        with opened(place) as store:
            store.put(list(old.items()))
        if damaged:
            (place / "vectors.sqlite").write_bytes(b"damaged" * 100)

    def act(place: Path) -> None:
        with opened(place) as store:
            known = store.known([*old, *new])
            assert damaged or known >= old.keys(), "vectors were lost"
            assert len(known & new.keys()) in {0, 3}, "a batch is stored whole or not at all"
            vectors = {**old, **new}
            store.put([(key, vector) for key, vector in vectors.items() if key not in known])
            assert np.array_equal(store.matrix(list(vectors)), np.stack(list(vectors.values())))

    def is_alone(place: Path) -> None:
        others = [name for name in names(place) if name != "vectors.sqlite"]
        assert [name.partition("damaged-")[0] for name in others] == ["vectors.sqlite."] * damaged

    assert interrupt_everywhere(Action(prepare=prepare, act=act, finished=is_alone), in_memory, stride=3) > 30


def age(folder: Path) -> None:
    """Makes the temporary files of an interrupted run as old as those that the next one removes."""
    for path in folder.glob(".*.tmp"):
        os.utime(path, (time.time() - 2 * 86400,) * 2)


def test_a_result(in_memory: Path) -> None:
    results.code()  # once, not in each folder

    def recall(place: Path) -> None:
        assert ResultCache(place).recall("kind", ["input"], (), lambda: [1, 2]) == [1, 2]
        assert ResultCache(place).recall("kind", ["another"], (), lambda: [3]) == [3]

    def is_alone(place: Path) -> None:
        assert len(names(place / "results")) == 2

    action = Action(act=recall, interrupted=lambda place: age(place / "results"), finished=is_alone)
    assert interrupt_everywhere(action, in_memory) > 40


def test_a_quantized_backbone(in_memory: Path) -> None:
    key = "a" * 32

    def act(place: Path) -> None:
        cache = BackboneCache(place)
        if cache.find(key, ["photo"]) is None:
            cache.store(key, b"network", ["photo"])

    def is_whole(place: Path) -> None:
        found = BackboneCache(place).find(key, ["photo"])
        assert found is None or found.path.read_bytes() == b"network"

    def is_stored(place: Path) -> None:
        assert BackboneCache(place).find(key, ["photo"]) is not None
        assert len(names(place / "backbones")) == 2

    assert interrupt_everywhere(Action(act=act, interrupted=is_whole, finished=is_stored), in_memory) > 50


def test_a_temporary_folder(in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def act(place: Path) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(place))
        monkeypatch.setattr(scratch_module, "_STALE_SECONDS", -1)
        scratch_module.remove_stale_scratch()
        with scratch_module.scratch() as scratch:
            scratch_module.write_scratch(scratch / "photos.npy", b"photos")

    def is_empty(place: Path) -> None:
        assert names(place) == []

    assert interrupt_everywhere(Action(act=act, finished=is_empty), in_memory) > 10


def wheel(name: str, *requirements: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        lines = [f"Requires-Dist: {requirement}\n" for requirement in requirements]
        archive.writestr(f"{name}-1.0.dist-info/METADATA", "".join([f"Name: {name}\n", *lines]))
    return buffer.getvalue()


def test_wheels_for_a_board(in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip is replaced by a function that writes a wheel in two pieces."""
    kit, numpy = KitWheel("graftkit-1.0-py3-none-any.whl", wheel("graftkit", "numpy"), "1.0"), wheel("numpy")

    def pip(wheels: Path, *_: object) -> None:
        (wheels / "numpy-1.0-py3-none-any.whl").write_bytes(numpy[:10])
        (wheels / "numpy-1.0-py3-none-any.whl").write_bytes(numpy)

    monkeypatch.setattr(board_wheels, "_pip", pip)
    machine = Machine("aarch64", 64, (3, 11), (2, 36), linux=True)

    def are_whole(place: Path) -> None:
        found = board_wheels.fetch(place / "wheels", machine, kit, (), (), ())
        assert [path.read_bytes() for path in found] == [numpy]
        assert [path.name for path in (place / "wheels").iterdir() if names(path)] == [found[0].parent.name]

    action = Action(
        act=lambda place: board_wheels.fetch(place / "wheels", machine, kit, (), (), ()), finished=are_whole
    )
    assert interrupt_everywhere(action, in_memory) > 50


# The board's kit

KIT = "0123456789ab"


def fake_kit(path: Path, *files: str) -> None:
    path.mkdir(parents=True)
    for name in (*files, "kit.json"):
        (path / name).touch()


def test_a_kit_that_is_made_again(in_memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes one, pip and venv, is replaced; the rest is what runs on a board."""

    def install(python: str, _request: dict[str, Any], environment: dict[str, str]) -> None:
        Path(environment["TMPDIR"], "unpacked").touch()
        bin_folder = Path(python).parent
        bin_folder.mkdir(parents=True)
        (bin_folder / "new").write_text(f"#!{python}\n")

    monkeypatch.setattr(board_kit, "_run", lambda *_: "[]")
    monkeypatch.setattr(board_kit, "_install", install)
    monkeypatch.setattr(board_kit, "_works", lambda kit: (kit / "bin" / "new").exists())
    monkeypatch.setattr(os, "sync", lambda: None)  # waits for every disk of this machine

    def is_usable(place: Path) -> None:
        assert (place / "kits" / KIT / "kit.json").exists()
        assert len(names(place / "kits" / KIT)) == 2

    def is_new(place: Path) -> None:
        assert names(place / "kits") == [KIT]
        assert names(place / "kits" / KIT) == ["bin", "kit.json"]
        assert (place / "kits" / KIT / "bin" / "new").read_text() == f"#!{place}/venv/bin/python -I\n"

    request = {"id": KIT, "version": "1", "runtime": "litert", "wheel": "0", "system": False, "requirements": []}
    action = Action(
        prepare=lambda place: fake_kit(place / "kits" / KIT, "old"),
        act=lambda place: board_kit.make(place, request),
        interrupted=is_usable,
        finished=is_new,
    )
    assert interrupt_everywhere(action, in_memory) > 40


def test_a_switch_to_another_kit(in_memory: Path) -> None:
    def prepare(place: Path) -> None:
        fake_kit(place / "kits" / "ab0123456789")
        fake_kit(place / "kits" / KIT)
        (place / "venv").symlink_to("kits/ab0123456789")

    def is_usable(place: Path) -> None:
        assert (place / "venv" / "kit.json").exists()

    def is_switched(place: Path) -> None:
        assert str((place / "venv").readlink()) == f"kits/{KIT}"
        assert (names(place), names(place / "kits")) == ([".kits.lock", "kits", "venv"], [KIT])

    action = Action(
        prepare=prepare,
        act=lambda place: board_kit.activate(place, {"id": KIT, "prune": True}),
        interrupted=is_usable,
        finished=is_switched,
    )
    assert interrupt_everywhere(action, in_memory) > 40
