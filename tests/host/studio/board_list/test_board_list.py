"""The list of boards in ``studio.toml``, and what the studio makes of a board's choices."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from graft_device.errors import GraftError
from graft_host.studio.board_list.boards import BoardList
from graft_host.studio.board_list.choices import Deploying, read_deploying, read_way_back
from graft_host.studio.board_list.kept import KeptBoard
from graft_host.studio.project.folder import Project, open_project
from graft_host.studio.project.models import find_models
from graft_host.studio.tasks.registry import task
from tests.support.device_models import write_artifact
from tests.support.ports import free_port
from tests.support.running import eventually

HOSTILE = ("-oProxyCommand=touch /tmp/x", "pi@-oProxyCommand=x", "$(reboot)", "a b", "ssh://pi@h:0", "pi@h\nHost x", "")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return open_project(tmp_path / "pets")


def test_boards_are_kept_beside_what_a_person_wrote_and_seen_by_another_studio(project: Project) -> None:
    project.settings.write_text("# mine\n[train]\ntap = 'x' # too\n")
    one, other = BoardList(project), BoardList(project)
    one.add("pi@kitchen", "")
    one.add("ssh://pi@10.0.0.2:2222", "My  Hall <b>")
    expected = (KeptBoard("kitchen", "pi@kitchen"), KeptBoard("My Hall <b>", "ssh://pi@10.0.0.2:2222"))
    assert other.all() == expected
    assert project.settings.read_text().startswith("# mine\n[train]\ntap = 'x' # too\n")
    with pytest.raises(GraftError, match="already"):
        other.add("pi@kitchen", "another")
    with pytest.raises(GraftError, match="already"):
        other.add("pi@attic", "kitchen")
    other.remove(expected[0])
    assert one.all() == expected[1:]


@pytest.mark.parametrize("address", HOSTILE)
def test_what_is_no_address_never_reaches_ssh(project: Project, address: str) -> None:
    boards = BoardList(project)
    with pytest.raises(GraftError):
        boards.add(address, "name")
    assert not project.settings.exists()
    project.settings.write_text(f"[boards]\ngood = 'pi@good'\nbad = '''{address}'''\nworse = 7\n")
    assert boards.all() == (KeptBoard("good", "pi@good"),)
    for kind, more in (("deploy", {"model": "models/x.tflite"}), ("way_back", {"store": "/s", "slot": "ab" * 8})):
        with pytest.raises(GraftError):
            task(kind).check(project, {"board": address, **more})
    with pytest.raises(GraftError):
        task("collect").check(project, {"boards": ["pi@good", address]})


@pytest.mark.parametrize(
    "change",
    [
        {"model": "../outside.tflite"}, {"model": "models/link.tflite"}, {"model": "models/none.tflite"}, {"model": ""},
        {"model": 7}, {"keep": 0}, {"keep": "3"}, {"runtime": "other"}, {"service": "-x"}, {"store": "/a\n/b"},
    ],
)  # fmt: skip
def test_a_deployment_is_checked_before_it_is_queued(project: Project, change: dict[str, object]) -> None:
    outside = write_artifact(project.root.parent / "outside.tflite")
    write_artifact(project.models / "x.tflite")
    (project.models / "link.tflite").symlink_to(outside)
    assert [model.path for model in find_models(project)] == ["models/x.tflite"]
    sound = {"board": "pi@kitchen", "model": "models/x.tflite"}
    assert read_deploying(sound, project) == Deploying(board="pi@kitchen", model="models/x.tflite")
    with pytest.raises(GraftError):
        task("deploy").check(project, {**sound, **change})


def test_the_command_lines_do_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Deploying(
        board="pi@kitchen", model="models/a b.tflite", offline=True, store="/data/my store", service="x.service",
        keep=5, runtime="litert", allow_downgrade=True,
    )  # fmt: skip
    assert read_deploying(chosen.to_json()) == chosen
    assert chosen.command() == (
        "graft deploy 'models/a b.tflite' pi@kitchen --offline --store '/data/my store' --service x.service --keep 5 "
        "--runtime litert --allow-downgrade"
    )
    assert Deploying(board="h", model="m").command(dry_run=True) == "graft deploy m h --dry-run"
    back = {"board": "ssh://pi@h:22", "store": "/my store", "slot": "ab" * 8}
    words = shlex.split(task("way_back").command(back))
    assert words[:-1] == ["ssh", "-p", "22", "pi@h"]
    assert shlex.split(words[-1])[:3] == ["/my store/venv/bin/graft-device", "rollback", "ab" * 8]
    monkeypatch.setenv("GRAFT_SSH_CONFIG", "/my/config")
    assert task("collect").command({"boards": ["a", "b"], "move": True}) == "graft collect a b --move -F /my/config"
    for change in ({"store": "relative"}, {"slot": "../x"}, {"slot": ""}):
        with pytest.raises(GraftError):
            read_way_back({**back, **change})


def test_a_board_that_does_not_answer_is_explained_and_stops_no_other(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").touch()
    monkeypatch.setenv("GRAFT_SSH_CONFIG", str(tmp_path / "config"))
    boards = BoardList(project)
    addresses = [f"ssh://pi@127.0.0.1:{free_port()}" for _ in range(3)]
    for address in addresses:
        boards.look(address)
    eventually(lambda: not any(boards.last_look(address).busy for address in addresses))
    for look in map(boards.last_look, addresses):
        assert "nothing listens there" in look.what
        assert "check that the board is on" in look.remedy
        assert look.seen is None
