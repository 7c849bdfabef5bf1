"""A file that a board learned: deployed to a board and installed there, with and without demanded signatures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import error_line
from tests.support.learning_models import write_learnable, write_photos_of
from tests.support.remote.board import UID, Board
from tests.support.remote.kit import deploy
from tests.support.remote.park import STORE, Park

pytestmark = pytest.mark.slow

DEVICE = f"{STORE}/venv/bin/graft-device"


def learned(board: Board, label: str, *options: str) -> str:
    """The command that learns a colour from the current model into ``COLOUR.tflite`` in the board's home."""
    write_photos_of(board.home / label, label, 6)
    return f"{DEVICE} learn {STORE} --class {label} {label} -o {label}.tflite {' '.join(options)}"


def names(board: Board, *labels: str) -> bool:
    """Whether the board's current model names another photo of each colour."""
    found = []
    for label in labels:
        (photo,) = write_photos_of(board.home / "unseen", label, 1, seed=7)
        done = board.run(f"{DEVICE} classify {STORE} unseen/{photo.name} --json")
        found.append(json.loads(done.stdout.splitlines()[-1])["predictions"][0]["label"])
    return found == list(labels)


def fetched(board: Board, label: str, folder: Path) -> Path:
    """What the board learned, and its signature, on the workstation."""
    for path in board.home.glob(f"{label}.tflite*"):
        shutil.copyfile(path, folder / path.name)
    return folder / f"{label}.tflite"


def test_what_a_board_learned_is_installed_and_deployed_like_any_model(park: Park, tmp_path: Path) -> None:
    board, key = park.start("learner", kit=True), park.keys.ours
    signers = board.at(f"{STORE}/allowed_signers")
    line = f'graft@here namespaces="graftkit" {key.with_suffix(".pub").read_text()}'
    assert deploy(write_learnable(tmp_path / "colours.tflite"), board).returncode == 0
    board.run(learned(board, "yellow"))
    unsigned = fetched(board, "yellow", tmp_path)

    signers.write_text(line)
    refused = [board.run(f"{DEVICE} install yellow.tflite", check=False), deploy(unsigned, board)]
    assert ["it is not signed" in error_line(done, 4) for done in refused] == [True, True]
    without_key = board.run(learned(board, "black"), check=False)
    assert "give a key that is in that list: --key FILE" in error_line(without_key, 4)
    assert list(board.home.glob("*black*")) == [board.home / "black"]

    signers.unlink()
    board.run(f"{DEVICE} install yellow.tflite")
    assert names(board, "red", "yellow")
    board.run(f"{DEVICE} rollback")
    assert not names(board, "yellow")
    told = json.loads(deploy(unsigned, board, "--json").stdout)
    assert (told["after"]["name"], told["changed"]) == ("yellow", True)
    assert names(board, "red", "yellow")

    signers.write_text(line)
    shutil.copyfile(key, board.home / "key")
    (board.home / "key").chmod(0o600)
    shutil.chown(board.home / "key", UID, UID)
    board.run(learned(board, "black", "--key", "key"))
    done = deploy(fetched(board, "black", tmp_path), board, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["after"]["signer"] == "graft@here"
    assert names(board, "yellow", "black")
    board.run(learned(board, "crimson", "--key", "key", "--max-loss", "1"))
    assert "by graft@here" in board.run(f"{DEVICE} install crimson.tflite").stdout
