"""The plans of ``graft deploy`` for facts about a board, without a board."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

import graft_device
import graft_host
from graft_device.runtime_packages import Machine
from graft_host.deploy.environment import plan_kit
from graft_host.deploy.errors import DeployError, UnsuitableError
from graft_host.deploy.facts import BoardFacts, BoardPython, Current, InstalledKit, Unit
from graft_host.deploy.kit import KitWheel, build_wheel
from graft_host.deploy.plan import Model, make_plan
from graft_host.deploy.probe import read_facts
from graft_host.deploy.requirements import find_needs
from graft_host.deploy.service import choose_unit, health_url
from graft_host.deploy.ssh import _short_folder
from graft_host.deploy.target import Target, parse_target

BOOKWORM = Machine("aarch64", 64, (3, 11), (2, 36), linux=True)
PYTHON = BoardPython(
    path="/usr/bin/python3", real="/usr/bin/python3.11", version=(3, 11, 2), venv=True, machine=BOOKWORM, packages={}
)
FACTS = BoardFacts(
    os="Debian GNU/Linux 12 (bookworm)",
    user="pi",
    root=False,
    sudo=True,
    store="/home/pi/store",
    writable=True,
    read_only=False,
    free=10**10,
    rsync=True,
    systemd=True,
    pythons=(PYTHON,),
)
WHEEL = KitWheel("graftkit-0.1.0-py3-none-any.whl", b"wheel", "0.1.0")
KIT = plan_kit(WHEEL, find_needs("b", FACTS), ("serve",), None)
MODEL = Model(Path("pets.tflite"), "ab" * 32, 20_000_000, signed=False)
THERE = replace(
    FACTS,
    kit=InstalledKit(KIT.id, "0.1.0", "litert", works=True),
    current=Current(MODEL.sha256, {"id": MODEL.id}, since=1000),
)
SERVE = Unit(
    name="serve.service",
    user=False,
    command="/home/pi/store/venv/bin/graft-device serve x",
    active="active",
    restarts=0,
    since=2000,
)


def test_targets() -> None:
    assert parse_target("kitchen") == Target("kitchen")
    assert parse_target("pi@kitchen.local:") == Target("kitchen.local", "pi")
    assert parse_target("pi@[fe80::1]") == Target("fe80::1", "pi")
    assert parse_target("ssh://pi@Kitchen:2222") == Target("Kitchen", "pi", 2222)
    assert parse_target("ssh://[::1]:22/") == Target("::1", None, 22)
    assert parse_target("ssh://pi@kitchen:2222").ssh_args() == ["-p", "2222", "-l", "pi", "--", "kitchen"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("pi@fe80::1%Eth0", Target("fe80::1%Eth0", "pi")),
        ("ssh://pi@[fe80::1%Eth0]:22", Target("fe80::1%Eth0", "pi", 22)),
        ("ssh://pi@[FE80::1%25Eth0]:22", Target("FE80::1%Eth0", "pi", 22)),
        ("SSH://Pi@KITCHEN.Local", Target("KITCHEN.Local", "Pi")),
        ("ssh://a%40corp@my%2Dboard", Target("my-board", "a@corp")),
        ("ssh://pi@100%:2222", Target("100%", "pi", 2222)),
        ("a@corp.com@board", Target("board", "a@corp.com")),
        ("CORP\\pi@board", Target("board", "CORP\\pi")),
        ("ssh://board:", Target("board")),
    ],
)
def test_targets_with_signs_and_capitals(text: str, target: Target) -> None:
    assert parse_target(text) == target
    assert parse_target(str(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        "", "-oProxyCommand=x", "pi@-x", "pi@host:/srv", "a b", "ssh://", "ssh://h:port", "ssh://h/folder",
        "ssh://u:p@h", "ssh://u:p@ss/word@h:22", "ssh://h:0", "ssh://h:65536", "ssh://h:२२", "ssh://@h",
        "@h", "[::1]:22", "ssh://[name]:22", "ssh://fe80::1", "ssh://h%00", "ssh://%2DoX", "ssh://h%20x", "h\nx",
        "ssh://$(id)", "ssh://h%FF", "pi@h?x", "ssh://u;id@h",
    ],
)  # fmt: skip
def test_no_targets(text: str) -> None:
    with pytest.raises(DeployError, match=r"is not a board's address.*; write") as caught:
        parse_target(text)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert ":p@" not in str(caught.value)


def test_facts_of_an_empty_board() -> None:
    facts = read_facts(["user=pi", "uid=1000", "os=Debian", "store=/s", "free=100", "mount=ro,noatime", "end=yes"])
    assert (facts.pythons, facts.kit, facts.current, facts.units) == ((), None, None, ())
    assert (facts.free, facts.read_only, facts.writable, facts.root) == (102400, True, False, False)


def test_facts_of_a_full_board() -> None:
    lines = [
        "user=root", "uid=0", "os=Debian", "store=/s", "place=/s", "writable=yes", "free=5", "mount=rw", "rsync=yes",
        "python=/usr/bin/python3|3.11.2|32|armv7l|glibc 2.36|venv|numpy:1.24.2,pillow:9.4.0|/usr/bin/python3.11",
        "python=broken",
        'kit={"id": "k1", "version": "0.1.0", "runtime": "litert"}', "kit_works=yes", "current=ab",
        'slot={"name": "pets", "ms": 12.5}', "sha256=abcd", "since=77", "partial=12", "systemd=yes",
        "previous=cd", "earlier_kit=k0", "leftovers=3",
        "unit=system|a.service|/x serve %%", "active=active", "restarts=3", "entered=99",
        "unit=user|b.service|/y", "active=inactive", "restarts=0", "end=yes",
    ]  # fmt: skip
    facts = read_facts(lines)
    [python] = facts.pythons
    assert python.machine == Machine("armv7l", 32, (3, 11), (2, 36), linux=True)
    assert (python.version, python.packages) == ((3, 11, 2), {"numpy": "1.24.2", "pillow": "9.4.0"})
    assert facts.kit == InstalledKit("k1", "0.1.0", "litert", works=True)
    assert facts.current == Current("abcd", {"id": "ab", "name": "pets", "ms": 12.5}, 77)
    assert (facts.partial, facts.leftovers) == (12, 3072)
    assert (facts.previous, facts.earlier_kit) == ("cd", "k0")
    assert facts.units == (
        Unit(name="a.service", user=False, command="/x serve %%", active="active", restarts=3, since=99),
        Unit(name="b.service", user=True, command="/y", active="inactive", restarts=0, since=0),
    )


def with_python(version: tuple[int, ...], bits: int = 64, cpu: str = "aarch64", **changes: object) -> BoardPython:
    machine = Machine(cpu, bits, (version[0], version[1]), (2, 36), linux=True)
    return replace(PYTHON, version=version, machine=machine, **changes)  # type: ignore[arg-type]


SYSTEM = {"numpy": "1.24.2", "pillow": "9.4.0"}


@pytest.mark.parametrize(
    ("pythons", "runtime", "system"),
    [
        ([PYTHON], "litert", False),
        ([with_python((3, 9, 2))], "tflite-runtime", False),
        ([with_python((3, 11, 2), 32, packages=SYSTEM)], "tflite-runtime", True),
        ([replace(PYTHON, packages={"picamera2": "0.3"})], "litert", True),
        ([with_python((3, 8, 1)), with_python((3, 10, 1))], "litert", False),
        ([replace(PYTHON, venv=False), with_python((3, 12, 1))], "litert", False),
    ],
)
def test_runtimes(pythons: list[BoardPython], runtime: str, system: bool) -> None:
    needs = find_needs("b", replace(FACTS, pythons=tuple(pythons)))
    assert (needs.runtime, needs.system, needs.python) == (runtime, system, pythons[-1])


@pytest.mark.parametrize(
    ("pythons", "advice"),
    [
        ([], "b: there is no Python; install 3.9 or later there"),
        ([with_python((3, 8, 1))], "b: it has Python 3.8.1, and 3.9 or later is needed; install a newer system"),
        ([replace(PYTHON, venv=False)], "sudo apt install python3-venv"),
        (
            [with_python((3, 13, 1), 32, packages=SYSTEM)],
            "b: there is no runtime for 32-bit Python 3.13 on aarch64; use a 64",
        ),
        ([with_python((3, 11, 2), 32)], "sudo apt install python3-numpy python3-pil"),
    ],
)
def test_unsuitable_boards(pythons: list[BoardPython], advice: str) -> None:
    with pytest.raises(UnsuitableError, match=advice) as caught:
        find_needs("b", replace(FACTS, pythons=tuple(pythons)))
    assert caught.value.exit_status == 11


def test_what_is_there_is_left_alone() -> None:
    assert make_plan("b", THERE, MODEL, KIT, None).nothing
    assert make_plan("b", replace(THERE, units=(SERVE,)), MODEL, KIT, None).nothing
    # Nothing needs to be written, so nothing needs to be writable.
    assert make_plan("b", replace(THERE, writable=False, read_only=True, free=0), MODEL, KIT, None).nothing


@pytest.mark.parametrize(
    ("facts", "kit", "model", "restart"),
    [
        (FACTS, True, True, False),
        (replace(THERE, kit=None), True, False, False),
        (replace(THERE, kit=InstalledKit(KIT.id, "0.1.0", "litert", works=False), units=(SERVE,)), True, False, True),
        (replace(THERE, kit=InstalledKit("old", "0.0.9", "litert", works=True)), True, False, False),
        (replace(THERE, current=Current("cd" * 32, {}, 0), units=(SERVE,)), False, True, True),
        (replace(THERE, units=(replace(SERVE, since=999),)), False, False, True),
        (replace(THERE, units=(replace(SERVE, active="failed", since=0),)), False, False, True),
        (replace(THERE, units=(replace(SERVE, active="activating", since=0),)), False, False, True),
        (replace(THERE, units=(replace(SERVE, active="deactivating", since=0),)), False, False, True),
        (replace(THERE, units=(replace(SERVE, active="inactive", since=0),)), False, False, False),
        # One that somebody stopped is left so, whatever is sent.
        (replace(FACTS, units=(replace(SERVE, active="inactive", since=0),)), True, True, False),
        (replace(THERE, kit=None, units=(SERVE,), systemd=False), True, False, False),
    ],
)
def test_what_is_done(facts: BoardFacts, kit: bool, model: bool, restart: bool) -> None:
    plan = make_plan("b", facts, MODEL, KIT, None)
    assert (plan.send_kit, plan.send_model, plan.restart) == (kit, model, restart)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"read_only": True, "writable": False}, "mounted read-only"),
        ({"foreign": "letter.txt"}, "is not a store: it contains letter.txt"),
        ({"writable": False}, "pi may not write /home/pi/store; choose another folder with --store"),
        ({"free": 10**8}, "100 MB are free at /home/pi/store, and 371 MB are needed"),
    ],
)
def test_no_place(changes: dict[str, object], advice: str) -> None:
    with pytest.raises(DeployError, match=advice) as caught:
        make_plan("b", replace(FACTS, **changes), MODEL, KIT, None)  # type: ignore[arg-type]
    assert caught.value.exit_status == 6


def test_what_was_cut_off_makes_room() -> None:
    assert make_plan("b", replace(FACTS, free=10**8, leftovers=3 * 10**8), MODEL, KIT, None).sends


@pytest.mark.parametrize("store", ["/home/pi/a$b", '/home/pi/"b"', "/home/pi/a\\b", "/home/pi/a\tb"])
def test_a_folder_that_no_program_can_be_started_in(store: str) -> None:
    with pytest.raises(DeployError, match="no programs can be started in a folder with such a name") as caught:
        make_plan("b", replace(FACTS, store=store), MODEL, KIT, None)
    assert caught.value.exit_status == 2


def test_units() -> None:
    two = replace(FACTS, units=(SERVE, replace(SERVE, name="run.service")))
    with pytest.raises(DeployError, match=r"serve.service, run.service\); choose one with --service"):
        choose_unit("b", two, None)
    with pytest.raises(DeployError, match=r"^b: there is no unit x; create one with"):
        choose_unit("b", FACTS, "x")
    with pytest.raises(DeployError, match=r"pi may not restart serve\.service"):
        choose_unit("b", replace(FACTS, units=(SERVE,), sudo=False), None)
    stopped = replace(SERVE, active="inactive")
    assert choose_unit("b", replace(FACTS, units=(stopped,), sudo=False), None) == stopped
    own = replace(SERVE, user=True)
    assert choose_unit("b", replace(FACTS, units=(own,), sudo=False), None) == own


@pytest.mark.parametrize(
    ("command", "url"),
    [
        ("/v/graft-device serve /m", "http://127.0.0.1:8000/healthz"),
        ('/v/graft-device serve "/a b/m" --host 0.0.0.0 --port 81', "http://127.0.0.1:81/healthz"),
        ("/v/graft-device serve /m --host=::1 --port=82", "http://[::1]:82/healthz"),
        ("/v/graft-device serve /m --host :: --port=82", "http://[::1]:82/healthz"),
        ("/v/graft-device run /m --source /srv", ""),
        ('/v/graft-device serve "', ""),
    ],
)
def test_where_a_service_says_how_it_is(command: str, url: str) -> None:
    assert health_url(replace(SERVE, command=command)) == url


def test_the_wheel_installs_and_is_always_the_same(tmp_path: Path) -> None:
    wheel = build_wheel(["serve", "mqtt"])
    assert wheel == build_wheel()
    path = wheel.write(tmp_path)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    done = subprocess.run([*pip, f"--target={tmp_path / 'site'}", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names = set(zipfile.ZipFile(BytesIO(wheel.data)).namelist())
    assert {"graft_device/cli.py", "graft_device/py.typed", "graft_device/serve/app.py"} <= names
    assert not [name for name in names if name.startswith("graft_host") or "__pycache__" in name]
    # From what the wheel installs, as from the checkout that it was made in, the same wheel is made again.
    host = tmp_path / "site" / "graft_host"
    host.symlink_to(Path(graft_host.__file__).parent)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); import hashlib, graft_device; "
        "from graft_host.deploy.kit import build_wheel; "
        "print(graft_device.__file__, hashlib.sha256(build_wheel().data).hexdigest())"
    )
    again = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    installed, digest = again.stdout.split()
    assert installed == str(tmp_path / "site/graft_device/__init__.py") != graft_device.__file__
    assert digest == hashlib.sha256(wheel.data).hexdigest()


def test_the_socket_is_not_put_where_ssh_cannot_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a b", "100%"):
        monkeypatch.setattr("tempfile.tempdir", f"/run/{name}")
        assert name not in str(_short_folder())
    monkeypatch.setattr("tempfile.tempdir", "/run/some-where_1.d")
    assert _short_folder() == "/run/some-where_1.d"


def test_a_wheel_without_a_part_that_is_asked_for() -> None:
    with pytest.raises(DeployError, match=r"before it had flight; run again: pip install"):
        build_wheel(["flight"])


def test_a_32_bit_board_takes_the_pillow_of_its_system() -> None:
    """There is no other; the distribution has fixed its holes."""
    wheel = build_wheel(("serve",))
    narrow = replace(PYTHON, machine=replace(BOOKWORM, bits=32), packages=SYSTEM)
    wide = plan_kit(wheel, find_needs("b", FACTS), ("serve",), None).wheel
    other = plan_kit(wheel, find_needs("b", replace(FACTS, pythons=(narrow,))), ("serve",), None).wheel
    assert wide == wheel
    assert [line for line in required(wheel) if "pillow>=" in line]
    assert not [line for line in required(other) if "pillow>=" in line]
    assert len(required(other)) == len(required(wheel))
    with zipfile.ZipFile(BytesIO(other.data)) as archive:
        record = archive.read(f"graftkit-{wheel.version}.dist-info/RECORD").decode().splitlines()
        assert sorted(line.split(",")[0] for line in record) == sorted(archive.namelist())
        for name, digest, size in (line.split(",") for line in record[:-1]):
            assert len(archive.read(name)) == int(size)
            expected = base64.urlsafe_b64encode(hashlib.sha256(archive.read(name)).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={expected}"


def required(wheel: KitWheel) -> list[str]:
    with zipfile.ZipFile(BytesIO(wheel.data)) as archive:
        text = archive.read(f"graftkit-{wheel.version}.dist-info/METADATA").decode()
    return [line for line in text.splitlines() if line.startswith("Requires-Dist: ")]
