"""Models onto boards that have the kit: real ssh and rsync over a cable that counts and can be cut."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import Trained, error_line, graft_json
from tests.support.device_models import KERNEL, picture, write_artifact
from tests.support.remote.board import Board, Spec, write_config
from tests.support.remote.kit import deploy
from tests.support.remote.park import STORE, Park
from tests.support.remote.proxy import Cable, cable
from tests.support.stores import write_unknown_to_runtimes

pytestmark = pytest.mark.slow

DEVICE = f"{STORE}/venv/bin/graft-device"
BACKBONE_BYTES = 3_000_000
NO_RSYNC = Spec(hidden=("/usr/bin/rsync",))


def write_model(path: Path, head: float = 1.0, backbone: int = 0) -> Path:
    """A model of some size: noise stands for its backbone, which compresses as little."""
    write_artifact(path, kernel=KERNEL * head)
    noise = np.random.default_rng(backbone).bytes(BACKBONE_BYTES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("noise", noise)
    return path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two heads on one backbone, and one on another."""
    folder = tmp_path_factory.mktemp("models")
    return [
        write_model(folder / "first.tflite"),
        write_model(folder / "second.tflite", head=1.2),
        write_model(folder / "other.tflite", head=0.9, backbone=1),
    ]


def over(line: Cable, board: Board, park: Park) -> Board:
    """The board as reached over a cable."""
    folder = park.folder / f"{board.name}-{line.port}"
    folder.mkdir()
    config = write_config(folder, board.name, line.port, park.keys.ours, board.host_key)
    return dataclasses.replace(board, config=config)


def deployed(model: Path, board: Board, *args: object) -> Any:
    done = deploy(model, board, "--json", *args)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def current(board: Board) -> bytes:
    """The model that the board runs, which must be a whole one."""
    return board.at(f"{STORE}/current/model.tflite").read_bytes()


def classifies(board: Board) -> bool:
    picture("red").save(board.home / "red.png")
    done = board.run(f"{DEVICE} classify {STORE} red.png --json")
    # A login shell may print something before.
    return bool(json.loads(done.stdout.splitlines()[-1])["predictions"][0]["label"] == "red")


def test_twice_another_and_back(park: Park, models: list[Path]) -> None:
    board = park.start("kitchen", kit=True)
    before = board.tree()
    dry = deploy(models[0], board, "--dry-run")
    assert (dry.returncode, board.tree()) == (0, before), dry.stderr
    assert "install first.tflite" in dry.stderr

    first = deployed(models[0], board)
    assert (first["before"], first["after"]["name"], first["changed"]) == (None, "first", True)
    assert first["will"] == {"kit": False, "model": True, "restart": None}
    assert current(board) == models[0].read_bytes()
    assert classifies(board)

    before = board.tree()
    again = deploy(models[0], board)
    assert (again.returncode, again.stdout) == (0, "")
    assert "nothing to do: it is the current model" in again.stderr
    assert board.tree() == before

    second = deploy(models[1], board)
    assert second.returncode == 0, second.stderr
    assert "before     first (" in second.stdout
    assert "now        second (" in second.stdout
    assert current(board) == models[1].read_bytes()
    assert not list(board.at(f"{STORE}/incoming").iterdir())
    board.run(f"{DEVICE} rollback")
    assert current(board) == models[0].read_bytes()
    assert deployed(models[1], board)["wire_bytes"] < 0.05 * BACKBONE_BYTES


def test_a_new_head_costs_little(park: Park, models: list[Path]) -> None:
    """All bytes of the connection count: handshake, encryption, what looks at the board, and the test's answer."""
    board = park.start("hall", kit=True)
    with cable(board.port) as line:
        board = over(line, board, park)
        deployed(models[0], board)
        assert line.bytes > BACKBONE_BYTES
        before = line.bytes
        deployed(models[1], board)
        assert line.bytes - before < 0.05 * models[1].stat().st_size
    assert current(board) == models[1].read_bytes()


def test_a_new_head_on_a_real_backbone(pets: Trained, weights_file: Path, park: Park, tmp_path: Path) -> None:
    model = tmp_path / "pets.tflite"
    options = ["--weights", weights_file, "--tap", "mixed7", "--image-size", "299", "--optimizer", "sgd"]
    graft_json("train", pets.photos, "-o", model, "--cache", pets.cache, *options)
    board = park.start("stairs", kit=True)
    with cable(board.port) as line:
        board = over(line, board, park)
        deployed(pets.model, board)
        before = line.bytes
        told = deployed(model, board)
        share = (line.bytes - before) / model.stat().st_size
    assert share < 0.05, (share, told["wire_bytes"])
    assert current(board) == model.read_bytes()


@pytest.mark.parametrize("spec", [Spec(), NO_RSYNC], ids=["rsync", "no rsync"])
def test_a_cable_cut_in_the_middle(park: Park, models: list[Path], spec: Spec) -> None:
    board = park.start("cut" if spec == Spec() else "cut-plain", spec, kit=True)
    with cable(board.port) as line:
        board = over(line, board, park)
        deployed(models[0], board)
        line.cut_after, line.rate = line.to_board + BACKBONE_BYTES * 2 // 3, 3e6
        done = deploy(models[2], board)
        assert line.cuts == 1
        assert "the connection was lost, and the board keeps what it had; deploy again" in error_line(done, 10)
        assert current(board) == models[0].read_bytes()
        assert classifies(board)
        # The board may still be writing what was on its way.
        board.run("while ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q /incoming/; do sleep 0.1; done")
        before = line.to_board
        again = deploy(models[2], board)
        assert again.returncode == 0, again.stderr
        assert "MB are there already" in again.stderr
        # What had come over before does not come again.
        assert line.to_board - before < 0.6 * BACKBONE_BYTES
    assert current(board) == models[2].read_bytes()
    assert not list(board.at(f"{STORE}/incoming").iterdir())


def test_a_cable_cut_anywhere(park: Park, models: list[Path]) -> None:
    board = park.start("often", kit=True)
    with cable(board.port) as line:
        board = over(line, board, park)
        before = line.to_board
        deployed(models[0], board)
        first, turn = line.to_board - before, 1
        before = line.to_board
        deployed(models[1], board)
        small = line.to_board - before
        assert small < first
        for share in (0.1, 0.25, 0.4, 0.55, 0.7):
            line.cut_after = line.to_board + int(share * small)
            done = deploy(models[turn := 1 - turn], board)
            assert done.returncode in {0, 10}, done.stderr
            line.cut_after = None
            assert current(board) in {models[0].read_bytes(), models[1].read_bytes()}
            assert classifies(board)
        deployed(models[0], board)
    assert line.cuts >= 3
    assert current(board) == models[0].read_bytes()


def test_a_cable_cut_while_the_kit_is_sent(park: Park, models: list[Path]) -> None:
    board = park.start("aged", kit=True)
    store = board.at(STORE)
    link = (store / "venv").readlink()
    # As if it were an earlier kit: that it has another name is all that is looked at.
    (store / link).rename(store / "kits" / "earlier")
    (store / "kits" / "earlier" / "kit.json").write_text('{"id": "earlier", "version": "0.0.9", "runtime": "litert"}')
    (store / "venv").unlink()
    (store / "venv").symlink_to("kits/earlier")
    with cable(board.port) as line:
        cut = over(line, board, park)
        line.cut_after = 10_000_000
        error_line(deploy(models[0], cut), 10)
    assert (store / "venv").readlink() == Path("kits/earlier")
    assert "0.1" in board.run(f"{DEVICE} --version").stdout
    told = deployed(models[0], board)
    assert told["will"] == {"kit": True, "model": True, "restart": None}
    assert (store / "venv").readlink() == link
    assert classifies(board)
    assert deployed(models[0], board)["changed"] is False


def test_without_rsync(park: Park, models: list[Path]) -> None:
    board = park.start("plain", NO_RSYNC, kit=True)
    told = deployed(models[0], board)
    assert told["wire_bytes"] == models[0].stat().st_size
    assert current(board) == models[0].read_bytes()


def test_a_signature_travels_along(park: Park, models: list[Path], tmp_path: Path) -> None:
    board = park.start("signed", kit=True)
    key = park.keys.ours
    allowed = f'graft@here namespaces="graftkit" {key.with_suffix(".pub").read_text()}'
    board.at(f"{STORE}/allowed_signers").write_text(allowed)
    unsigned = deploy(models[0], board)
    assert "it is not signed" in error_line(unsigned, 4)
    assert not board.at(f"{STORE}/current").exists()
    signed = tmp_path / "first.tflite"
    signed.write_bytes(models[0].read_bytes())
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-n", "graftkit", "-f", str(key)]
    subprocess.run([*sign, signed], check=True, capture_output=True)
    assert deployed(signed, board)["after"]["signer"] == "graft@here"


def test_a_failing_self_test(park: Park, models: list[Path], tmp_path: Path) -> None:
    """A network that no runtime knows passes every check but the last."""
    board = park.start("strict", kit=True)
    deployed(models[0], board)
    bad = tmp_path / "bad.tflite"
    write_unknown_to_runtimes(bad, models[1])
    before = {name: each for name, each in board.tree().items() if "/incoming" not in name}
    done = deploy(bad, board)
    line = error_line(done, 3)
    assert "it goes on with first" in line
    assert {name: each for name, each in board.tree().items() if "/incoming" not in name} == before
    assert not list(board.at(f"{STORE}/incoming").iterdir())


def test_a_file_that_changes_on_its_way(park: Park, models: list[Path]) -> None:
    spoil = f'for one in {STORE}/incoming/*/model.tflite; do printf x >>"$one"; done'
    worn = f'#!/bin/sh\n/usr/bin/rsync "$@" || exit\n[ "$1" != --server ] || {{ {spoil}; }}\n'
    board = park.start("worn", Spec(programs={"rsync": worn}), kit=True)
    line = error_line(deploy(models[0], board), 8)
    assert "it has no model yet" in line
    assert not board.at(f"{STORE}/current").exists()


@pytest.mark.parametrize("name", ["ab" * 8, "kit-0123456789ab", "its own", "-rf.tflite"])
def test_a_model_with_the_name_of_something_else(name: str, park: Park, models: list[Path], tmp_path: Path) -> None:
    """Such as of the folders of unfinished transfers, whose names are ids."""
    own = hashlib.sha256(models[0].read_bytes()).hexdigest()[:16]
    path = tmp_path / name.replace("its own", own)
    path.write_bytes(models[0].read_bytes())
    board = park.boards.get("namesake") or park.start("namesake", kit=True)
    told = deployed(path, board)
    assert told["after"]["name"] == path.name.removesuffix(".tflite")
    assert current(board) == models[0].read_bytes()
    assert not list(board.at(f"{STORE}/incoming").iterdir())
    board.run(f"cd {STORE} && rm -rf current previous slots")
