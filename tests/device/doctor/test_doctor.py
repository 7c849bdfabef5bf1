from __future__ import annotations

import base64
import importlib.util
import json
import os
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import graft_device
from graft_device.doctor.cameras import Cameras, read_cameras
from graft_device.doctor.checks import Check, run_checks
from graft_device.doctor.probe import MODELS, SIDE
from graft_device.doctor.situation import Package, RuntimeState, read_python
from graft_device.failure import Failure
from graft_device.runtime_packages import Machine
from graft_device.system.child import ChildError, ask
from graft_device.system.machine import read_hardware
from graft_device.system.thermal import GOVERNOR_LINE, read_thermal, reasons_to_distrust
from tests.conftest import error_line
from tests.conftest import graft_device as run
from tests.device.test_runtime import needs_tflite_runtime
from tests.support.boards import (
    BOOKWORM,
    BOOKWORM_32,
    BROKEN,
    LITERT,
    MISSING,
    NO_CAMERAS,
    NO_RUNTIME,
    NOTHING,
    NUMPY_2,
    PC,
    PI_3_32_BIT,
    PI_5,
    SYSTEM_PYTHON,
    TFLITE,
    TRIXIE,
    TRIXIE_32,
    VENV,
    situation,
    write_fake_runtime,
    write_tree,
    write_vcgencmd,
)  # fmt: skip
from tests.support.device_models import network, write_artifact

if TYPE_CHECKING:
    from graft_device.doctor.situation import Situation

DEVICE = Path(graft_device.__file__).resolve().parents[1]
VENV_LINE = "python3 -m venv --system-site-packages ~/graft"


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH that contains only what the test puts there."""
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return tools


def named(at: Situation, name: str) -> Check:
    (found,) = (each for each in run_checks(at) if each.name == name)
    return found


# The kernel's files


def test_a_raspberry_pi_5(tmp_path: Path) -> None:
    found = read_hardware(write_tree(tmp_path, PI_5))
    assert found.board == "Raspberry Pi 5 Model B Rev 1.0"
    assert found.raspberry
    assert (found.cpu, found.wide) == ("Cortex-A76", True)
    assert found.features == ("dotprod", "fp16", "neon")
    assert (found.memory_mb, found.free_mb) == (8454, 7615)
    assert (found.system, found.kernel) == ("Debian GNU/Linux 12 (bookworm)", "6.6.31+rpt-rpi-2712")
    assert found.memory_limits is False


def test_a_raspberry_pi_3_with_a_32_bit_system(tmp_path: Path) -> None:
    found = read_hardware(write_tree(tmp_path, PI_3_32_BIT))
    assert (found.cpu, found.wide, found.features) == ("Cortex-A53", True, ("neon",))
    assert found.memory_limits is True
    first = {**PI_3_32_BIT, "proc/cpuinfo": "CPU implementer\t: 0x41\nCPU part\t: 0xb76\nFeatures : half thumb vfp\n"}
    found = read_hardware(write_tree(tmp_path, first))
    assert (found.cpu, found.wide, found.features) == ("ARM1176", False, ())


def test_a_core_that_is_newer_than_this_kit(tmp_path: Path) -> None:
    files = {"proc/cpuinfo": "CPU implementer : 0x41\nCPU part : 0xd4f\nFeatures : asimd asimddp i8mm sve\n"}
    found = read_hardware(write_tree(tmp_path, files))
    assert (found.cpu, found.wide, found.features) == ("Arm core 0xd4f", True, ("dotprod", "i8mm", "neon", "sve"))


def test_a_pc(tmp_path: Path) -> None:
    found = read_hardware(write_tree(tmp_path, PC))
    assert (found.board, found.cpu, found.wide) == ("ACME Desk 9", "ACME x86 9000", True)
    assert found.features == ("avx2", "avx512", "avx512-vnni")
    assert found.memory_limits is None
    assert not found.raspberry


def test_where_nothing_can_be_read(tmp_path: Path, no_tools: Path) -> None:
    for files in (NOTHING, BROKEN):
        root = write_tree(tmp_path, files)
        found, heat = read_hardware(root), read_thermal(root)
        assert (found.memory_mb, found.free_mb, found.cpu, found.features) == (None, None, None, ())
        assert (heat.celsius, heat.throttled_now, heat.known, heat.load) == (None, (), False, None)
        assert json.loads(json.dumps([found.to_json(), heat.to_json()]))
        assert {each.state for each in run_checks(situation(root))} <= {"ok", "note"}


def test_folders_where_files_should_be(tmp_path: Path, no_tools: Path) -> None:
    for name in PI_5:
        (tmp_path / name).mkdir(parents=True)
    assert read_hardware(tmp_path).board is None
    assert read_thermal(tmp_path).celsius is None


# Heat


def test_heat_on_a_raspberry_pi_5(tmp_path: Path, no_tools: Path) -> None:
    root = write_tree(tmp_path, PI_5)
    write_vcgencmd(no_tools, "throttled=0x0")
    found = read_thermal(root)
    assert (found.celsius, found.governors, found.load) == (54.4, ("ondemand",), 0.08)
    assert (found.throttled_now, found.throttled_before, found.known) == ((), (), True)
    assert named(situation(root), "heat") == Check("heat", "ok", "54.4 °C, not throttled, governor ondemand")


def test_throttled_as_vcgencmd_says(tmp_path: Path, no_tools: Path) -> None:
    root = write_tree(tmp_path, PI_5)
    write_vcgencmd(no_tools, "throttled=0xe0006")
    found = read_thermal(root)
    assert found.throttled_now == ("frequency capped", "throttled")
    assert found.throttled_before == ("frequency capped", "throttled", "soft temperature limit")
    heat = named(situation(root), "heat")
    assert heat.state == "note"
    assert "throttled now (frequency capped, throttled)" in heat.text
    assert "heat sink or a fan" in heat.text
    write_vcgencmd(no_tools, "throttled=0x50000")
    heat = named(situation(root), "heat")
    assert "throttled since the board started (under-voltage, throttled)" in heat.text
    assert "power supply" in heat.text


def test_throttled_as_the_kernel_says_where_vcgencmd_fails(tmp_path: Path, no_tools: Path) -> None:
    root = write_tree(tmp_path, PI_3_32_BIT)
    write_vcgencmd(no_tools, "Can't open device file: /dev/vcio", status=255)
    found = read_thermal(root)
    assert found.throttled_now == ("under-voltage", "throttled")
    assert found.throttled_before == ("under-voltage", "throttled")
    (root / "sys/devices/platform/soc/soc:firmware/get_throttled").unlink()
    assert not read_thermal(root).known


def test_the_kernel_slows_the_processor(tmp_path: Path, no_tools: Path) -> None:
    root = write_tree(tmp_path, {**PC, "sys/class/thermal/cooling_device0/cur_state": "4\n"})
    found = read_thermal(root)
    assert (found.celsius, found.throttled_now, found.known, found.events) == (61.0, ("throttled",), True, 7)


def test_reasons_to_distrust_figures(tmp_path: Path, no_tools: Path) -> None:
    write_vcgencmd(no_tools, "throttled=0x40000")
    slow = read_thermal(write_tree(tmp_path / "5", PI_5))
    (line,) = reasons_to_distrust(slow, slow, 4)  # throttling before the measurement does not matter
    assert "ondemand" in line
    assert GOVERNOR_LINE in line
    fast = replace(slow, governors=("performance",))
    assert reasons_to_distrust(fast, fast, 4) == []
    (line,) = reasons_to_distrust(fast, replace(fast, throttled_before=("throttled", "under-voltage")), 4)
    assert line.startswith("the board was throttled (under-voltage); use the board's official power supply")
    (line,) = reasons_to_distrust(replace(fast, throttled_now=("throttled",)), fast, 4)
    assert "(throttled); cool the board" in line
    (line,) = reasons_to_distrust(fast, replace(fast, events=1), 4)
    assert "was throttled" in line
    (line,) = reasons_to_distrust(replace(fast, load=3.5), fast, 4)
    assert "other programs put a load of 3.5 on 4 cores" in line
    assert reasons_to_distrust(replace(fast, load=1.9), replace(fast, load=4.0), 4) == []


# Checks


def test_everything_works(tmp_path: Path, no_tools: Path) -> None:
    at = situation(write_tree(tmp_path, PI_5), tflite_runtime=TFLITE)
    assert at.usable == ("litert", "tflite-runtime")
    found = run_checks(at)
    assert [each.name for each in found] == [
        "board", "system", "memory", "python", "numpy", "pillow", "litert", "tflite-runtime", "camera", "heat",
    ]  # fmt: skip
    assert {each.name for each in found if each.state != "ok"} == {"camera"}  # no Picamera2
    assert found[0].text == "Raspberry Pi 5 Model B Rev 1.0, 4 cores of Cortex-A76 (dotprod, fp16, neon)"
    assert found[4].text == "1.26.4, works with tflite-runtime"
    assert found[6].text == "2.3.0, runs int8 and float32 models"


@pytest.mark.parametrize(
    ("machine", "remedy"),
    [
        (BOOKWORM, "python3 -m pip install ai-edge-litert"),
        (TRIXIE, "python3 -m pip install ai-edge-litert"),
        (BOOKWORM_32, 'python3 -m pip install "tflite-runtime==2.14.0" "numpy<2"'),
        (Machine("aarch64", 64, (3, 9), (2, 31), True), 'python3 -m pip install "tflite-runtime==2.13.0" "numpy<2"'),
    ],
)
def test_no_runtime_is_a_problem_whose_remedy_installs_one(tmp_path: Path, machine: Machine, remedy: str) -> None:
    at = situation(write_tree(tmp_path, PI_5), machine, litert=NO_RUNTIME)
    assert at.usable == ()
    assert named(at, "runtime") == Check("runtime", "problem", "no working runtime is installed", remedy)
    managed = replace(at, python=SYSTEM_PYTHON)
    assert named(managed, "runtime").remedy == f"{VENV_LINE} && . ~/graft/bin/activate && {remedy}"
    pc = replace(managed, hardware=replace(at.hardware, board="ACME"))
    assert named(pc, "runtime").remedy.startswith("python3 -m venv ~/graft && ")


def test_where_there_is_no_runtime_for_the_system(tmp_path: Path) -> None:
    at = situation(write_tree(tmp_path, PI_3_32_BIT), TRIXIE_32, litert=NO_RUNTIME)
    found = named(at, "runtime")
    assert found.text == (
        "there is no runtime for 32-bit Python 3.13 on armv7l: "
        "install the 64-bit Raspberry Pi OS, which this processor can run"
    )
    assert (found.state, found.remedy) == ("problem", "")
    assert "this system has no runtime" in named(at, "system").text
    narrow = replace(at, hardware=replace(at.hardware, wide=False), machine=replace(TRIXIE_32, cpu="armv6l"))
    assert "this processor is 32-bit only" in named(narrow, "runtime").text
    assert named(narrow, "system").state == "ok"
    musl = situation(tmp_path, Machine("x86_64", 64, (3, 12), None, True), litert=NO_RUNTIME)
    assert "use a Debian-based 64-bit system" in named(musl, "runtime").text
    assert "the runtimes need glibc" in named(musl, "system").text


def test_a_32_bit_system_with_its_runtime(tmp_path: Path) -> None:
    root = write_tree(tmp_path, PI_3_32_BIT)
    at = situation(root, BOOKWORM_32, litert=NO_RUNTIME, tflite_runtime=TFLITE)
    assert at.usable == ("tflite-runtime",)
    assert named(at, "system").state == "note"
    assert (
        "this system has only tflite-runtime 2.14.0; the processor could run a 64-bit system"
        in named(at, "system").text
    )
    assert named(at, "litert").text == "there is no litert for 32-bit Python 3.11 on armv7l"
    assert named(at, "memory").state == "note"
    assert named(at, "heat").state == "note"
    bare = replace(at, numpy=MISSING)
    assert bare.usable == ()
    assert named(bare, "numpy").remedy == f"sudo apt install -y python3-numpy python3-pil && {VENV_LINE}"


def test_a_kernel_of_64_bits_under_a_system_of_32(tmp_path: Path) -> None:
    at = situation(write_tree(tmp_path, PI_5), replace(BOOKWORM_32, cpu="aarch64"), litert=NO_RUNTIME)
    assert "32-bit on aarch64" in named(at, "system").text
    assert named(at, "runtime").remedy == 'python3 -m pip install "tflite-runtime==2.14.0" "numpy<2"'


def test_numpy_2_under_tflite_runtime(tmp_path: Path) -> None:
    remedy = 'install numpy 1: python3 -m pip install "numpy<2"'
    broken = RuntimeState("2.14.0", Failure("tflite-runtime does not work with numpy 2.2.6", remedy))
    alone = situation(tmp_path, litert=NO_RUNTIME, tflite_runtime=broken, numpy=NUMPY_2)
    assert alone.usable == ()
    assert named(alone, "tflite-runtime") == Check(
        "tflite-runtime", "problem", "2.14.0, does not work: tflite-runtime does not work with numpy 2.2.6",
        'python3 -m pip install "numpy<2"',
    )  # fmt: skip
    assert named(alone, "numpy") == Check("numpy", "note", "2.2.6, too new for tflite-runtime")
    beside = situation(tmp_path, tflite_runtime=broken, numpy=NUMPY_2)
    assert beside.usable == ("litert",)
    assert named(beside, "tflite-runtime").state == "note"


def test_a_runtime_that_crashes(tmp_path: Path) -> None:
    at = situation(tmp_path, litert=RuntimeState("2.3.0", Failure("crashes (SIGILL)")))
    assert at.usable == ()
    assert named(at, "litert") == Check(
        "litert", "problem", "2.3.0, does not work: crashes (SIGILL)",
        "python3 -m pip install --force-reinstall ai-edge-litert",
    )  # fmt: skip


def test_a_model_that_cannot_be_opened(tmp_path: Path) -> None:
    at = situation(tmp_path, litert=replace(LITERT, models={"m.tflite": "m.tflite wants more"}))
    assert at.usable == ()
    assert named(at, "litert").text == "2.3.0, cannot open a model: m.tflite wants more"


@pytest.mark.parametrize(
    ("name", "error", "remedy"),
    [
        ("numpy", "libopenblas.so.0: cannot open shared object file", "sudo apt install -y libopenblas0"),
        ("pillow", "libopenjp2.so.7: cannot open shared object file", "sudo apt install -y libopenjp2-7"),
        ("pillow", "cannot import name '_imaging'", "python3 -m pip install pillow"),
        ("numpy", "no such thing", 'python3 -m pip install "numpy<2"'),
    ],
)
def test_a_package_that_does_not_work(tmp_path: Path, name: str, error: str, remedy: str) -> None:
    at = situation(tmp_path, litert=RuntimeState("2.3.0", Failure("not tested, since it needs numpy")))
    broken = Package("9.9", Failure(error))
    at = replace(at, numpy=broken) if name == "numpy" else replace(at, pillow=broken)
    assert at.usable == ()
    assert named(at, name) == Check(name, "problem", f"9.9, does not work: {error}", remedy)


def test_a_python_where_pip_refuses(tmp_path: Path) -> None:
    at = situation(write_tree(tmp_path, PI_5), python=SYSTEM_PYTHON)
    assert named(at, "python").state == "note"
    assert named(at, "python").remedy == f"{VENV_LINE} && . ~/graft/bin/activate"
    assert named(replace(at, python=VENV), "python").remedy == ""


def test_facts_about_python(tmp_path: Path) -> None:
    (tmp_path / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = true\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "EXTERNALLY-MANAGED").touch()
    found = read_python(tmp_path, tmp_path / "lib")
    assert (found.venv, found.system_packages, found.managed) == (True, True, True)
    (tmp_path / "pyvenv.cfg").write_text("include-system-site-packages = false\n")
    assert not read_python(tmp_path, tmp_path).system_packages
    found = read_python(tmp_path / "lib", tmp_path)
    assert (found.venv, found.managed) == (False, False)


# Cameras


def test_cameras_of_a_raspberry_pi_5_in_a_venv_of_its_own(tmp_path: Path, no_tools: Path) -> None:
    (tmp_path / "usr/lib/python3/dist-packages/picamera2").mkdir(parents=True)
    (no_tools / "rpicam-hello").write_text("#!/bin/sh\n")
    (no_tools / "rpicam-hello").chmod(0o755)
    root = write_tree(tmp_path, PI_5)
    found = read_cameras(root)
    assert (found.devices, found.picamera2_system, found.tool) == ((), True, "rpicam-hello")
    camera = named(situation(root, cameras=found), "camera")
    assert (camera.state, camera.remedy) == ("note", VENV_LINE)
    assert "the system has Picamera2" in camera.text


def test_a_webcam(tmp_path: Path, no_tools: Path) -> None:
    root = write_tree(tmp_path, PI_3_32_BIT)
    found = read_cameras(root)
    assert [(each.path, each.name, each.usable) for each in found.devices] == [
        ("/dev/video0", "HD Pro Webcam C920", True)
    ]
    pc = replace(situation(root, TRIXIE), hardware=read_hardware(tmp_path / "none"))
    ready = named(replace(pc, cameras=replace(found, pyav=True)), "camera")
    assert (ready.state, ready.text) == ("ok", "V4L2: /dev/video0 (HD Pro Webcam C920)")
    without = replace(pc, cameras=replace(found, pyav=False))
    assert named(without, "camera").remedy == 'python3 -m pip install "av>=15.1"'
    assert named(replace(without, machine=BOOKWORM_32), "camera").remedy == "sudo apt install -y python3-av"
    closed = replace(found, devices=tuple(replace(each, usable=False) for each in found.devices))
    assert "usermod -aG video" in named(replace(pc, cameras=closed), "camera").remedy


def test_picamera2_on_the_board(tmp_path: Path) -> None:
    root = write_tree(tmp_path, PI_5)
    good = Cameras("0.3.31", None, True, ("imx708",), "rpicam-hello", True, ())
    assert named(situation(root, cameras=good), "camera") == Check("camera", "ok", "Picamera2 0.3.31 sees imx708")
    bad = replace(good, picamera2=None, picamera2_error="No module named 'libcamera'", attached=())
    assert "does not work: No module named 'libcamera'" in named(situation(root, cameras=bad), "camera").text
    assert "python3-picamera2" in named(situation(root, cameras=NO_CAMERAS), "camera").remedy


# The probe


def test_the_probes_networks_are_those_of_the_tests() -> None:
    for kind, packed in MODELS.items():
        assert zlib.decompress(base64.b85decode(packed)) == network(kind, SIDE)


def test_a_child_that_crashes_or_hangs_or_prints_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    programs = {
        "crash": "import os, signal\ndef main(): os.kill(os.getpid(), signal.SIGSEGV)",
        "hang": "import time\ndef main(): time.sleep(60)",
        "silent": "def main(): pass",
        "fail": "def main(): raise RuntimeError('no\\nway')",
        "report": "from graft_device.errors import ModelError\nfrom graft_device.system.child import fail\n"
        "def main(): fail(ModelError('no\\nway', 'go round'))",
    }
    for name, program in programs.items():
        (tmp_path / f"child_{name}.py").write_text(program)
    expected = {
        "crash": r"crashes \(SIGSEGV\)",
        "hang": "gave no answer within 1 seconds",
        "silent": "gave no answer",
        "fail": "way",
        "report": "no way; go round",
        "nowhere": "ModuleNotFoundError: No module named 'child_nowhere'",
    }
    for name, reason in expected.items():
        with pytest.raises(ChildError, match=f"^{reason}$") as caught:
            ask(f"child_{name}", timeout=1 if name == "hang" else 120)
        assert len(str(caught.value).splitlines()) == 1
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(ChildError, match="cannot start another Python process"):
        ask("child_silent", timeout=120)


# The command


def site(folder: Path, *names: str) -> dict[str, str]:
    """The environment of a Python with only these packages and typer."""
    folder.mkdir()
    for name in (*names, "typer", "annotated_doc", "shellingham", "typing_extensions"):
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        found = Path(spec.origin)
        package = found.parent if found.name == "__init__.py" else found
        for part in (package, package.with_name(f"{name}.libs"), package.with_name(f"{name.lower()}low.libs")):
            if part.exists():
                (folder / part.name).symlink_to(part)
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{DEVICE}"}


def doctor_with(environment: dict[str, str], *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-m", "graft_device.cli", "doctor", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


@needs_tflite_runtime
def test_doctor_runs_a_model_in_each_runtime(tmp_path: Path) -> None:
    done = run("doctor", write_artifact(tmp_path / "m.tflite"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["format"], found["runs"], found["runtimes"]) == (1, True, ["litert", "tflite-runtime"])
    for name in found["runtimes"]:
        state = found["packages"][name]
        assert (state["runs"], state["error"]) == (["int8", "float32"], None)
        assert list(state["models"].values()) == [None]
    assert found["machine"]["cores"] == len(os.sched_getaffinity(0))
    assert all(each.keys() == {"name", "state", "text", "mend"} for each in found["checks"])


def test_doctor_for_a_person() -> None:
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[-1].startswith("models run here, with litert")
    assert any(line.startswith("ok       litert ") for line in lines)


def test_a_store_stands_for_its_current_model(tmp_path: Path) -> None:
    slot = tmp_path / "slots" / "0123456789abcdef"
    slot.mkdir(parents=True)
    write_artifact(slot / "model.tflite")
    (tmp_path / "current").symlink_to("slots/0123456789abcdef")
    done = subprocess.run(
        [sys.executable, "-m", "graft_device.cli", "doctor", str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "models run here" in done.stdout


def test_a_file_that_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "m.tflite").write_bytes(b"text")
    assert "is not a .tflite model" in error_line(run("doctor", tmp_path / "m.tflite"))


def test_a_model_that_no_runtime_opens(tmp_path: Path) -> None:
    path = write_artifact(tmp_path / "m.tflite", size=32)
    data = bytearray(path.read_bytes())
    place = data.index(b'"image_size": 32')
    data[place : place + 16] = b'"image_size": 31'
    path.write_bytes(data)
    done = run("doctor", path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_with_nothing_installed(tmp_path: Path) -> None:
    done = doctor_with(site(tmp_path / "site"))
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[-1] == "no model can run here: see the lines that begin with 'problem'"
    for name in ("numpy", "pillow", "runtime"):
        place = next(n for n, line in enumerate(lines) if line.split()[:2] == ["problem", name])
        assert "fix it with:  " in lines[place + 1]
    found = json.loads(doctor_with(site(tmp_path / "again"), "--json").stdout)
    assert (found["runs"], found["runtimes"]) == (False, [])
    assert found["packages"]["numpy"]["version"] is None


def test_a_runtime_that_really_crashes(tmp_path: Path) -> None:
    environment = site(tmp_path / "site", "numpy", "PIL")
    package = tmp_path / "site" / "ai_edge_litert"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    done = doctor_with(environment)
    assert (done.returncode, done.stderr) == (1, "")
    assert "problem  litert          unknown version, does not work: crashes (SIGILL)" in done.stdout


def test_without_pillow_no_photo_can_be_classified(tmp_path: Path) -> None:
    done = doctor_with(site(tmp_path / "site", "numpy", "ai_edge_litert"), "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["runs"]) == (1, False)
    assert found["packages"]["litert"]["runs"] == ["int8", "float32"]


def test_a_runtime_that_gives_wrong_answers(tmp_path: Path) -> None:
    environment = site(tmp_path / "site", "numpy", "PIL")
    write_fake_runtime(tmp_path / "site", "ai_edge_litert", SIDE, tmp_path / "log")
    done = doctor_with(environment)
    assert done.returncode == 1
    assert "does not work: gives wrong answers (int8)" in done.stdout
