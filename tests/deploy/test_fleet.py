from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from graft_host.deploy.fleets.fleet import ansible_folder
from graft_host.deploy.lock import locked
from graft_host.deploy.probe import look
from graft_host.deploy.ssh import SshOptions, connected
from graft_host.deploy.target import parse_target
from tests.conftest import error_line, graft
from tests.deploy.test_board_settings import MODULES, PIP_CONF, PLACES, SESSION, is_whole, shell
from tests.support.fleets import (
    BROKEN,
    ROOT_STORE,
    UNIT,
    Fleet,
    break_runtime,
    current,
    demand_ansible,
    environment,
    fake_ansible,
    is_well,
    serve,
    start_board,
    start_of_service,
    switch_by_hand,
    wheels_for,
)
from tests.support.remote.board import HOME, Board, Spec
from tests.support.remote.kit import deploy
from tests.support.remote.park import STORE, opened
from tests.support.stores import slot_id, write_model

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
    assert list(fleet.board(BAD).at(STORE).glob("incoming/*")) == []
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


@dataclass(frozen=True)
class Shed:
    """A board with systemd, the kit and a service, and a fleet that it is in together with one that is away.

    Attributes:
        port: of the service.
        first: what the deployment to the bare board said.
    """

    board: Board
    fleet: Fleet
    port: int
    first: subprocess.CompletedProcess[str]

    def inventory(self) -> Path:
        group = {"ansible_user": "root", "graftkit_wheels": str(wheels_for(self.board)), "graftkit_settle": 1}
        return self.fleet.inventory(["shed"], GONE, graftkit_health_retries=3, **group)

    def deploy(self, model: Path, *args: object) -> subprocess.CompletedProcess[str]:
        asked = ["--inventory", self.inventory(), "--serial", "2", "--max-fail-percentage", "50", "--json"]
        return graft("deploy", model, *asked, *args, env=environment())

    def alone(self, model: Path, *args: object, status: int = 0) -> dict[str, Any]:
        """What became of it, in a deployment to it alone."""
        done = self.deploy(model, "--limit", "shed", *args)
        assert done.returncode == status, done.stdout + done.stderr
        [found] = json.loads(done.stdout)["boards"]
        return dict(found)

    def current(self) -> str:
        return current(self.board, ROOT_STORE)

    def started(self) -> int:
        return start_of_service(self.board)


@pytest.fixture(scope="module")
def sheds(boards: Fleet, models: Models) -> Shed:
    if shutil.which("systemd-nspawn") is None:
        pytest.skip("no nspawn: apt-get install systemd-container")
    board = boards.park.start("shed", Spec(systemd=True))
    first = Shed(board, boards, 0, None).deploy(models.old)  # type: ignore[arg-type]
    assert json.loads(first.stdout)["counts"] == {"changed": 1, "failed": 1}, first.stdout + first.stderr
    return Shed(board, boards, serve(board), first)


@pytest.fixture
def shed(sheds: Shed, models: Models) -> Shed:
    """One that runs the old model, and ran the new one before."""
    sheds.board.run(f"rm -f {BROKEN}", user="root")
    for model in (models.new, models.old):
        switch_by_hand(sheds.board, model)
    sheds.board.run(f"systemctl reset-failed {UNIT}; systemctl stop {UNIT}; systemctl start {UNIT}", user="root")
    return sheds


@pytest.fixture
def unloved(tmp_path: Path) -> Path:
    """A model that passes its self-test, but the service does not start with it."""
    return write_model(tmp_path / "unloved.tflite", 1.2)


@pytest.mark.slow
def test_graft_deploy_brings_kit_and_model_and_services_follow(shed: Shed, models: Models, unloved: Path) -> None:
    old, new = models.ids
    assert "1 of 2 boards do not have the model (gone)" in error_line(shed.first, 13), shed.first.stdout
    assert {each["board"]: each["state"] for each in json.loads(shed.first.stdout)["boards"]} == {
        "shed": "changed",
        "gone": "failed",
    }
    started = shed.started()
    assert shed.alone(models.new, "--dry-run")["state"] == "would change"
    assert (shed.current(), shed.started()) == (old, started)

    assert shed.alone(models.new)["state"] == "changed"
    assert shed.started() > started > 0
    assert shed.current() == new
    started = shed.started()
    assert shed.alone(models.new)["state"] == "unchanged"
    assert shed.started() == started

    found = shed.alone(unloved, status=13)
    assert (found["state"], found["exit_status"], found["after"]["id"]) == ("failed", 12, new)
    assert UNIT in found["reason"]
    assert shed.current() == new
    assert is_well(shed.board, shed.port)


@pytest.mark.slow
def test_the_status_of_a_fleet(shed: Shed, models: Models) -> None:
    old, new = models.ids
    before = shed.board.tree(ROOT_STORE)
    told = graft("fleet", "status", "--inventory", shed.inventory(), "--json", env=environment())
    assert "1 of 2 boards is not healthy (gone); see above for the reasons" in error_line(told, 1)
    shed_now, gone = json.loads(told.stdout)["boards"]
    assert (shed_now["reachable"], shed_now["healthy"], shed_now["runtime"]) == (True, True, "litert")
    assert (shed_now["current"]["id"], shed_now["previous"]["id"]) == (old, new)
    assert [(unit["unit"], unit["state"], unit["healthy"]) for unit in shed_now["services"]] == [
        (f"{UNIT}.service", "active", True)
    ]
    assert (gone["reachable"], gone["healthy"], gone["kit"]) == (False, False, None)
    shed.board.run(f"systemctl stop {UNIT}", user="root")
    stopped = graft("fleet", "status", "--inventory", shed.inventory(), "--limit", "shed", env=environment())
    assert "1 of 1 boards is not healthy (shed)" in error_line(stopped, 1)
    line, counts = stopped.stdout.splitlines()
    assert line.startswith("shed  unhealthy    kit 0")
    assert f"with litert; model old {old[:8]}, before new {new[:8]}; {UNIT}.service is inactive" in line
    assert counts == "0 of 1 boards are healthy"
    assert shed.board.tree(ROOT_STORE) == before


@pytest.mark.slow
def test_a_run_that_was_cut_off_before_the_restart_is_ended_by_the_next(shed: Shed, models: Models) -> None:
    started = shed.started()
    switch_by_hand(shed.board, models.new)
    assert shed.alone(models.new, "--dry-run")["state"] == "would change"
    assert shed.started() == started
    assert shed.alone(models.new)["state"] == "changed"
    assert shed.started() > started
    assert is_well(shed.board, shed.port)
    assert shed.alone(models.new)["state"] == "unchanged"


@pytest.mark.slow
def test_a_service_that_failed_with_the_current_model_gets_the_one_before(
    shed: Shed, models: Models, unloved: Path
) -> None:
    switch_by_hand(shed.board, unloved)
    shed.board.run(f"systemctl restart {UNIT}", user="root", check=False)
    found = shed.alone(unloved, status=13)
    assert (found["state"], found["exit_status"], found["after"]["id"]) == ("failed", 12, models.ids[0]), found
    assert UNIT in found["reason"]
    assert shed.current() == models.ids[0]
    assert is_well(shed.board, shed.port)


@pytest.mark.slow
def test_a_service_that_is_well_with_no_model_keeps_the_current_one(shed: Shed, models: Models) -> None:
    old, _ = models.ids
    shed.board.run(f"touch {BROKEN}; systemctl restart {UNIT}", user="root", check=False)
    found = shed.alone(models.old, status=13)
    assert (found["state"], found["exit_status"], found["after"]["id"]) == ("failed", 12, old), found
    assert "going back failed" in found["reason"]
    assert shed.current() == old
    shed.board.run(f"rm {BROKEN}", user="root")
    assert shed.alone(models.old)["state"] == "changed"
    assert is_well(shed.board, shed.port)


@pytest.mark.slow
def test_a_first_model_stays_though_the_service_is_not_well(shed: Shed, unloved: Path) -> None:
    shed.board.run(f"cd {ROOT_STORE} && rm -rf current previous slots", user="root")
    found = shed.alone(unloved, status=13)
    assert (found["state"], found["exit_status"], found["before"]) == ("failed", 12, None), found
    assert UNIT in found["reason"]
    assert found["reason"].endswith("there is nothing to go back to")
    assert shed.current() == found["after"]["id"] == slot_id(unloved)


@pytest.mark.slow
def test_other_extras_are_another_kit(shed: Shed, models: Models) -> None:
    with_camera = shed.alone(models.old, "--dry-run", "--extra", "camera", "--extra", "mqtt", "--extra", "serve")
    assert with_camera["state"] == "would change"
    same = shed.alone(models.old, "--dry-run", "--extra", "serve", "--extra", "mqtt")
    assert same["state"] == "unchanged"


@pytest.fixture(scope="module")
def hut(boards: Fleet) -> Board:
    """A board with nothing on it, to which no test but its own deploys to the same store."""
    return boards.park.start("hut")


@pytest.mark.slow
def test_the_first_model_of_a_board_stays_where_another_of_the_batch_fails(
    hut: Board, boards: Fleet, models: Models
) -> None:
    inventory = boards.inventory(["hut"], GONE, graftkit_wheels=str(wheels_for(hut)))
    done = graft("deploy", models.old, "--inventory", inventory, "--serial", "2", "--json", env=environment())
    assert "1 of 2 boards do not have the model (gone)" in error_line(done, 13), done.stdout
    found = {each["board"]: each for each in json.loads(done.stdout)["boards"]}
    assert {name: each["state"] for name, each in found.items()} == {"hut": "changed", "gone": "failed"}
    assert (found["hut"]["before"], found["gone"]["before"]) == (None, None)
    assert current(hut) == models.ids[0]
    # Line by line on standard error with --json, and kit and model by their names.
    lines = [line for line in done.stderr.splitlines() if line.startswith("hut ")]
    assert re.fullmatch(
        r"hut   changed       kit none -> 0\S+ \w{6}; model none -> old \w{8}, - -> [\d.]+ ms.*", lines[0]
    )
    assert (found["hut"]["changes"], found["gone"]["changes"]) == (["kit", "model"], [])
    # The command finds the role's kit, and the other way round below.
    alone = deploy(models.old, hut, "--json")
    assert alone.returncode == 0, alone.stderr
    assert json.loads(alone.stdout)["will"] == {"kit": False, "model": False, "restart": None}
    assert found["hut"]["kit"]["after"]["id"] == json.loads(alone.stdout)["kit"]["id"]


@pytest.mark.slow
def test_the_role_finds_the_kit_of_the_command_and_waits_for_it(hut: Board, boards: Fleet, models: Models) -> None:
    store = "by-command"
    told = deploy(models.old, hut, "--json", "--store", store)
    assert told.returncode == 0, told.stderr
    inventory = boards.inventory(["hut"], graftkit_wheels=str(wheels_for(hut)), graftkit_lock_wait=0)
    asked = ["--inventory", inventory, "--store", store, "--json"]
    same = graft("deploy", models.old, *asked, env=environment())
    assert json.loads(same.stdout)["counts"] == {"unchanged": 1}, same.stdout + same.stderr
    with connected(parse_target(hut.address), SshOptions(hut.config)) as connection:
        facts = look(connection, store, "0" * 16, None)
        with locked(connection, facts, facts.pythons[0].path, print):
            busy = graft("deploy", models.new, *asked, env=environment())
    [found] = json.loads(busy.stdout)["boards"]
    assert (found["state"], found["exit_status"]) == ("failed", 7)
    assert found["reason"] == "another deployment to it is in progress; try again later"
    free = graft("deploy", models.new, "--inventory", inventory, "--store", store, env=environment())
    assert free.returncode == 0, free.stderr
    line, counts = free.stdout.splitlines()
    assert re.fullmatch(r"hut  changed       model old \w{8} -> new \w{8}, [\d.]+ -> [\d.]+ ms, \d+ bytes sent", line)
    assert counts == "changed 1"
    after = deploy(models.new, hut, "--json", "--store", store)
    assert json.loads(after.stdout)["changed"] is False, after.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bash", "fish"])
def test_a_board_with_settings_of_its_own(name: str, boards: Fleet, models: Models) -> None:
    """Of pip, of the session for Python, and a login shell that prints something."""
    noise = "umask 077\necho welcome home\n"
    files = {**MODULES, f"{HOME}/.bashrc": noise, f"{HOME}/.config/fish/config.fish": noise}
    files["/etc/pip.conf"] = PIP_CONF.format(where=PLACES[0])
    board = boards.park.start(f"own-{name}", Spec(login_shell=shell(name), environment=SESSION, files=files))
    # The wheels are for the same Python; in a session of this board it does not even start.
    inventory = boards.inventory([board.name], graftkit_wheels=str(wheels_for(boards.board(GOOD[0]))))
    for model in (models.old, models.new):
        done = graft("deploy", model, "--inventory", inventory, "--json", env=environment())
        assert done.returncode == 0, done.stdout + done.stderr
    installed = board.at(f"{STORE}/current/model.tflite")
    assert installed.read_bytes() == models.new.read_bytes()
    assert installed.stat().st_mode & 0o777 == 0o644
    assert is_whole(board)
    told = graft("fleet", "status", "--inventory", inventory, env=environment())
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.splitlines()[-1] == "1 of 1 boards are healthy"


@pytest.mark.slow
def test_allowed_signers_are_put_on_boards(hut: Board, boards: Fleet, models: Models, tmp_path: Path) -> None:
    store, key = "signed", boards.park.keys.ours
    model, signers = tmp_path / "signed.tflite", tmp_path / "signers"
    model.write_bytes(models.old.read_bytes())
    signers.write_text(f'graft@here namespaces="graftkit" {key.with_suffix(".pub").read_text()}')
    inventory = boards.inventory(["hut"], graftkit_wheels=str(wheels_for(hut)))
    many = ["--inventory", inventory, "--store", store, "--allowed-signers", signers]
    assert "it is not signed" in error_line(graft("deploy", model, *many, env=environment()), 4)
    assert "it is not signed" in error_line(deploy(model, hut, "--store", store, "--allowed-signers", signers), 4)
    assert not (hut.home / store).exists()
    sign = ["ssh-keygen", "-Y", "sign", "-q", "-n", "graftkit", "-f", str(key)]
    subprocess.run([*sign, model], check=True, capture_output=True)
    told = deploy(model, hut, "--store", store, "--allowed-signers", signers, "--json")
    assert told.returncode == 0, told.stderr
    assert (json.loads(told.stdout)["signers"], json.loads(told.stdout)["after"]["signer"]) == (True, "graft@here")
    assert (hut.home / store / "allowed_signers").read_bytes() == signers.read_bytes()
    assert "it is not signed" in error_line(deploy(models.new, hut, "--store", store), 4)
    same = graft("deploy", model, *many, "--json", env=environment())
    assert json.loads(same.stdout)["counts"] == {"unchanged": 1}, same.stderr
    signers.write_text(signers.read_text() + "# nobody else\n")
    other = graft("deploy", model, *many, "--json", env=environment())
    assert json.loads(other.stdout)["boards"][0]["changes"] == ["signers"], other.stderr
    assert (hut.home / store / "allowed_signers").read_bytes() == signers.read_bytes()


@pytest.mark.slow
def test_a_store_may_be_relative_and_have_blanks(hut: Board, boards: Fleet, models: Models) -> None:
    inventory = boards.inventory(["hut"], graftkit_wheels=str(wheels_for(hut)))
    asked = ["--inventory", inventory, "--store", "our own/graft kit"]
    first = graft("deploy", models.old, *asked, env=environment())
    assert first.returncode == 0, first.stdout + first.stderr
    installed = hut.home / "our own" / "graft kit" / "current" / "model.tflite"
    assert installed.read_bytes() == models.old.read_bytes()
    second = graft("deploy", models.old, *asked, "--json", env=environment())
    assert json.loads(second.stdout)["counts"] == {"unchanged": 1}, second.stderr


@pytest.mark.slow
def test_wheels_of_a_kit_that_can_not_be_installed_are_removed(
    hut: Board, boards: Fleet, models: Models, tmp_path: Path
) -> None:
    inventory = boards.inventory(["hut"], graftkit_wheels=str(tmp_path), graftkit_store="barren")
    done = graft("deploy", models.old, "--inventory", inventory, "--json", env=environment())
    assert done.returncode == 13, done.stdout + done.stderr
    [found] = json.loads(done.stdout)["boards"]
    assert "pip can't install the kit" in found["reason"]
    assert list((hut.home / "barren").glob("incoming/*")) == []


def test_what_is_given_goes_before_the_inventory_though_it_is_usual(models: Models, tmp_path: Path) -> None:
    inventory = _local(tmp_path)
    fake = fake_ansible(tmp_path / "bin")
    ours = {"graftkit_model", "graftkit_wheel", "graftkit_summary_file", "graftkit_report_folder"}
    graft("deploy", models.new, "--inventory", inventory, env=fake)
    assert set(_given(tmp_path)) == ours
    numbers = ["--max-fail-percentage", "0", "--keep", "3", "--settle", "5"]
    usual = [*numbers, "--runtime", "auto", "--extra", "serve", "--extra", "mqtt"]
    graft("deploy", models.new, "--inventory", inventory, *usual, env=fake)
    assert {name: value for name, value in _given(tmp_path).items() if name not in ours} == {
        "graftkit_max_fail_percentage": 0,
        "graftkit_keep": 3,
        "graftkit_settle": 5,
        "graftkit_runtime": "auto",
        "graftkit_extras": ["mqtt", "serve"],
    }


@pytest.mark.parametrize("name", [b"{{ 6 * 7 }}.tflite", b"{%.tflite", b"caf\xe9.tflite", b"two\nlines.tflite"])
def test_a_name_that_ansible_does_not_take_is_said_in_one_line(models: Models, tmp_path: Path, name: bytes) -> None:
    fake = fake_ansible(tmp_path / "bin")
    model = tmp_path / os.fsdecode(name)
    model.write_bytes(models.new.read_bytes())
    line = error_line(graft("deploy", model, "--inventory", _local(tmp_path), env=fake), 2)
    assert "Ansible" in line
    assert "name" in line
    assert not (tmp_path / "bin" / "given.json").exists()


def test_what_a_fleet_needs_is_said_in_one_line(models: Models, tmp_path: Path) -> None:
    inventory = tmp_path / "fleet.yml"
    inventory.write_text("all:\n  hosts:\n    nowhere:\n")
    without = graft("deploy", models.new, "--inventory", inventory, env={**environment(), "PATH": str(tmp_path)})
    assert "sudo apt install ansible-core rsync" in error_line(without)
    demand_ansible()
    assert "no such inventory" in error_line(graft("deploy", models.new, "--inventory", tmp_path / "no.yml"), 2)
    unknown = graft("deploy", models.new, "--inventory", inventory, "--limit", "attic", env=environment())
    assert "before it wrote a summary" in error_line(unknown)
    assert "Specified inventory, host pattern and/or --limit" in unknown.stderr
    assert graft("deploy", models.new, "pi@attic", "--inventory", inventory).returncode == 2
    assert graft("deploy", models.new).returncode == 2


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    demand_ansible()
    played = Fleet(None, tmp_path).play("deploy.yml", _local(tmp_path), graftkit_model=str(tmp_path / "no.tflite"))  # type: ignore[arg-type]
    assert played.status == 2
    assert "no.tflite: no such file" in played.text


@pytest.mark.service
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


def _given(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "bin" / "given.json").read_text()))
