from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from graft_host.deploy.fleet import ansible_folder
from tests.conftest import error_line, graft
from tests.fleets import (
    ROOT_STORE,
    UNIT,
    Fleet,
    break_runtime,
    current,
    demand_ansible,
    environment,
    serve,
    start_board,
    start_of_service,
    wheels_for,
)
from tests.remote.board import Spec
from tests.remote.park import STORE, opened
from tests.stores import slot_id, write_model

NAMES = ("attic", "barn", "cellar", "den")
BAD = "cellar"
"""Its runtime computes wrongly."""

GOOD = tuple(name for name in NAMES if name != BAD)


GONE = {"gone": {"ansible_host": "127.0.0.1", "ansible_port": 9}}
"""A board at whose address nothing listens."""

MODELS = {"old": 1.0, "new": 1.1}


@dataclass(frozen=True)
class Models:
    """Two models of one backbone."""

    old: Path
    new: Path

    @property
    def ids(self) -> tuple[str, str]:
        return slot_id(self.old), slot_id(self.new)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("models")
    return Models(*(write_model(folder / f"{name}.tflite", gain, photos=True) for name, gain in MODELS.items()))


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    demand_ansible()
    with opened(tmp_path_factory) as park:
        for name in NAMES:
            start_board(park, name)
        break_runtime(park.boards[BAD])
        yield Fleet(park, tmp_path_factory.mktemp("fleet"))


@pytest.fixture
def fleet(boards: Fleet, models: Models) -> Fleet:
    boards.reset(NAMES, models.old)
    return boards


@pytest.mark.slow
def test_a_board_that_fails_its_self_test_or_is_away_keeps_its_model_and_the_others_get_it(
    fleet: Fleet, models: Models
) -> None:
    old, new = models.ids
    inventory = fleet.inventory(NAMES, GONE)
    wanted = {"graftkit_model": str(models.new), "graftkit_serial": 5, "graftkit_max_fail_percentage": 40}
    done = fleet.play("deploy.yml", inventory, **wanted)
    assert done.status == 2, done.output
    assert done.states == {**dict.fromkeys(GOOD, "changed"), BAD: "failed", "gone": "failed"}, done.output
    assert {name: fleet.current(name) for name in NAMES} == {**dict.fromkeys(GOOD, new), BAD: old}
    bad, gone = done.board(BAD), done.board("gone")
    assert (bad["exit_status"], bad["after"]["id"]) == (3, old)
    assert "self-test" in bad["reason"]
    assert (gone["exit_status"], gone["after"]) == (10, None)
    assert "reached over ssh" in gone["reason"]
    one = done.board(GOOD[0])
    assert (one["before"]["id"], one["after"]["id"]) == (old, new)
    assert one["after"]["ms"] > 0
    assert done.summary["counts"] == {"changed": 3, "failed": 2}
    assert [done.recap(name)["failed"] for name in (*NAMES, "gone")] == [0, 0, 1, 0, 1]


@pytest.mark.slow
def test_check_mode_changes_nothing_and_neither_does_a_second_run(fleet: Fleet, models: Models) -> None:
    _, new = models.ids
    names = GOOD[:2]
    inventory = fleet.inventory(names)
    before = [fleet.board(name).tree(STORE) for name in names]
    wanted = {"graftkit_model": str(models.new), "graftkit_serial": 2}
    checked = fleet.play("deploy.yml", inventory, "--check", **wanted)
    assert checked.status == 0, checked.output
    assert set(checked.states.values()) == {"would change"}
    assert checked.board(names[0])["after"]["id"] == new
    assert [fleet.board(name).tree(STORE) for name in names] == before

    first = fleet.play("deploy.yml", inventory, **wanted)
    assert [first.recap(name)["changed"] for name in names] == [1, 1], first.output
    installed = fleet.board(names[0]).at(f"{STORE}/slots/{new}/model.tflite")
    assert installed.read_bytes() == models.new.read_bytes()
    # The head alone is new, and the backbone is there already.
    assert 0 < first.board(names[0])["sent"] < models.new.stat().st_size * 0.05
    between = [fleet.board(name).tree(STORE) for name in names]
    second = fleet.play("deploy.yml", inventory, **wanted)
    assert (second.status, set(second.states.values())) == (0, {"unchanged"})
    assert [second.recap(name)["changed"] for name in names] == [0, 0], second.output
    assert [fleet.board(name).tree(STORE) for name in names] == between


@pytest.mark.slow
def test_a_failed_batch_goes_back_and_no_other_begins(fleet: Fleet, models: Models) -> None:
    old, new = models.ids
    wanted = {"graftkit_model": str(models.new), "graftkit_serial": [1, 2, "100%"]}
    done = fleet.play("deploy.yml", fleet.inventory(["attic", "barn", BAD, "den"]), **wanted)
    assert done.status == 2, done.output
    assert done.states == {"attic": "changed", "barn": "rolled back", BAD: "failed", "den": "skipped"}
    assert {name: fleet.current(name) for name in NAMES} == {"attic": new, "barn": old, BAD: old, "den": old}
    assert done.summary["stopped"] == "1 of 2 boards of the batch failed"
    assert done.board("barn")["after"]["id"] == old
    assert models.new.name not in [path.name for path in fleet.board("den").at(STORE).glob("incoming/*")]


@pytest.mark.slow
def test_boards_go_back_once(fleet: Fleet, models: Models) -> None:
    old, new = models.ids
    two = ["attic", "barn"]
    for name in two:
        fleet.install(name, models.new)
    inventory = fleet.inventory(two)
    wanted = {"graftkit_serial": 2, "graftkit_rollback_from": new[:6]}
    first = fleet.play("rollback.yml", inventory, **wanted)
    assert (first.status, set(first.states.values())) == (0, {"changed"}), first.output
    assert first.board("attic")["before"]["id"] == new
    assert [fleet.current(name) for name in two] == [old, old]
    again = fleet.play("rollback.yml", inventory, **wanted)
    assert (again.status, set(again.states.values())) == (0, {"unchanged"}), again.output
    assert [fleet.current(name) for name in two] == [old, old]


@pytest.mark.slow
def test_the_role_by_itself_fails_the_board_that_fails(fleet: Fleet, models: Models, tmp_path: Path) -> None:
    old, new = models.ids
    play = {
        "hosts": "all",
        "gather_facts": False,
        "roles": [{"role": str(ansible_folder() / "roles" / "graftkit")}],
    }
    playbook = tmp_path / "play.json"
    playbook.write_text(json.dumps([play]))
    inventory = fleet.inventory(["den", BAD], graftkit_model=str(models.new), graftkit_transfer="copy")
    done = fleet.play(playbook, inventory)
    assert done.status == 2
    assert [done.recap(name)["failed"] for name in ("den", BAD)] == [0, 1], done.output
    assert [fleet.current(name) for name in ("den", BAD)] == [new, old]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("systemd-nspawn") is None, reason="no nspawn: apt-get install systemd-container")
def test_graft_deploy_brings_kit_and_model_and_services_follow(boards: Fleet, models: Models, tmp_path: Path) -> None:
    shed = boards.park.start("shed", Spec(systemd=True))
    group = {"ansible_user": "root", "graftkit_wheels": str(wheels_for(shed)), "graftkit_settle": 1}
    inventory = boards.inventory(["shed"], GONE, **group)
    asked = ["--inventory", inventory, "--serial", "2", "--max-fail-percentage", "50"]
    first = graft("deploy", models.old, *asked, "--json", env=environment())
    assert "1 of 2 boards do not have the model (gone)" in error_line(first, 13), first.stdout
    assert {each["board"]: each["state"] for each in json.loads(first.stdout)["boards"]} == {
        "shed": "changed",
        "gone": "failed",
    }
    port = serve(shed)
    checked = graft("deploy", models.new, *asked, "--dry-run", "--limit", "shed", env=environment())
    assert (checked.returncode, "would change 1" in checked.stdout) == (0, True), checked.stdout + checked.stderr
    started = start_of_service(shed)
    assert started > 0

    second = graft("deploy", models.new, *asked, "--limit", "shed", env=environment())
    assert second.returncode == 0, second.stdout + second.stderr
    assert start_of_service(shed) > started
    assert current(shed, ROOT_STORE) == slot_id(models.new)
    started = start_of_service(shed)
    again = graft("deploy", models.new, *asked, "--limit", "shed", "--json", env=environment())
    assert (again.returncode, json.loads(again.stdout)["counts"]) == (0, {"unchanged": 1}), again.stderr
    assert start_of_service(shed) == started

    # This one passes its self-test, but the service does not start with it.
    unloved = write_model(tmp_path / "unloved.tflite", 1.2)
    failed = graft("deploy", unloved, *asked, "--limit", "shed", "--json", env=environment())
    assert failed.returncode == 13
    [found] = json.loads(failed.stdout)["boards"]
    assert (found["state"], found["exit_status"], found["after"]["name"]) == ("failed", 12, "new")
    assert UNIT in found["reason"]
    assert current(shed, ROOT_STORE) == slot_id(models.new)
    health = f"curl -sS --fail http://127.0.0.1:{port}/healthz"
    assert json.loads(shed.run(health, user="root").stdout)["status"] == "ok"


def test_what_a_fleet_needs_is_said_in_one_line(models: Models, tmp_path: Path) -> None:
    inventory = tmp_path / "fleet.yml"
    inventory.write_text("all:\n  hosts:\n    nowhere:\n")
    without = graft("deploy", models.new, "--inventory", inventory, env={**environment(), "PATH": str(tmp_path)})
    assert "sudo apt install ansible-core rsync" in error_line(without)
    demand_ansible()
    assert "no such inventory" in error_line(graft("deploy", models.new, "--inventory", tmp_path / "no.yml"), 2)
    unknown = graft("deploy", models.new, "--inventory", inventory, "--limit", "attic", env=environment())
    assert "before there was a summary" in error_line(unknown)
    assert "Specified inventory, host pattern and/or --limit" in unknown.stderr
    assert graft("deploy", models.new, "pi@attic", "--inventory", inventory).returncode == 2
    assert graft("deploy", models.new).returncode == 2


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    demand_ansible()
    played = Fleet(None, tmp_path).play("deploy.yml", _local(tmp_path), graftkit_model=str(tmp_path / "no.tflite"))  # type: ignore[arg-type]
    assert played.status == 2
    assert "no.tflite: no such file" in played.text


def test_the_role_and_playbooks_are_lint_clean() -> None:
    if shutil.which("ansible-lint") is None:
        pytest.skip("no ansible-lint: apt-get install ansible-lint")
    command = ["ansible-lint", "--offline", "--strict", "--nocolor"]
    done = subprocess.run(command, cwd=ansible_folder(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _local(folder: Path) -> Path:
    path = folder / "local.yml"
    path.write_text("all:\n  hosts:\n    here:\n      ansible_connection: local\n")
    return path
