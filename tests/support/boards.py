"""The files of boards under /proc, /sys, /etc and /dev, and facts about their Pythons, for the tests of ``doctor``."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graft_device.doctor.cameras import Cameras
from graft_device.doctor.situation import Package, PythonFacts, RuntimeState, Situation
from graft_device.runtime_packages import Machine
from graft_device.system.machine import read_hardware
from graft_device.system.thermal import read_thermal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WIDE_FEATURES = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
NARROW_FEATURES = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32"

PI_5: Mapping[str, str] = {
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/cpuinfo": "".join(
        f"processor\t: {core}\nBogoMIPS\t: 108.00\nFeatures\t: {WIDE_FEATURES}\nCPU implementer\t: 0x41\n"
        "CPU architecture: 8\nCPU variant\t: 0x4\nCPU part\t: 0xd0b\nCPU revision\t: 1\n\n"
        for core in range(4)
    )
    + "Revision\t: c04170\nSerial\t\t: 00000000\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
    "proc/meminfo": "MemTotal:        8256320 kB\nMemFree:         6001152 kB\nMemAvailable:    7436544 kB\n",
    "proc/loadavg": "0.08 0.03 0.01 1/160 1234\n",
    "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-2712\n",
    "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\n',
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "54350\n",
    "sys/class/thermal/cooling_device0/type": "pwm-fan\n",
    "sys/class/thermal/cooling_device0/cur_state": "2\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "ondemand\n",
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n",
    "sys/class/video4linux/video0/name": "rp1-cfe-csi2_ch0\n",
    "sys/class/video4linux/video19/name": "rpivid\n",
    "sys/class/video4linux/video20/name": "pispbe-input\n",
    "dev/video0": "",
    "dev/video19": "",
    "dev/video20": "",
}
PI_3_32_BIT: Mapping[str, str] = {
    "proc/device-tree/model": "Raspberry Pi 3 Model B Plus Rev 1.3\0",
    "proc/cpuinfo": f"processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\nFeatures\t: {NARROW_FEATURES}\n"
    "CPU implementer\t: 0x41\nCPU architecture: 7\nCPU part\t: 0xd03\n",
    "proc/meminfo": "MemTotal:         944000 kB\nMemAvailable:     180000 kB\n",
    "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-v7\n",
    "etc/os-release": 'PRETTY_NAME="Raspbian GNU/Linux 12 (bookworm)"\n',
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "82000\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/devices/system/cpu/cpufreq/policy0/scaling_governor": "performance\n",
    "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
    "sys/class/video4linux/video0/name": "HD Pro Webcam C920\n",
    "sys/class/video4linux/video0/index": "0\n",
    "sys/class/video4linux/video1/name": "HD Pro Webcam C920\n",
    "sys/class/video4linux/video1/index": "1\n",
    "dev/video0": "",
    "dev/video1": "",
}
PC: Mapping[str, str] = {
    "sys/class/dmi/id/sys_vendor": "ACME\n",
    "sys/class/dmi/id/product_name": "Desk 9\n",
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: ACME x86 9000\nflags\t\t: fpu lm sse2 avx2 avx512f avx512_vnni\n",
    "proc/meminfo": "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n",
    "proc/loadavg": "3.52 1.00 0.50 2/300 99\n",
    "sys/class/thermal/thermal_zone0/type": "acpitz\n",
    "sys/class/thermal/thermal_zone0/temp": "27800\n",
    "sys/class/thermal/thermal_zone1/type": "x86_pkg_temp\n",
    "sys/class/thermal/thermal_zone1/temp": "61000\n",
    "sys/class/thermal/cooling_device0/type": "Processor\n",
    "sys/class/thermal/cooling_device0/cur_state": "0\n",
    "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3\n",
    "sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4\n",
}
NOTHING: Mapping[str, str] = {}
BROKEN: Mapping[str, bytes] = {
    name: b"\xff\xfe\0broken: \x80 :\n\n:::" for name in [*PI_5, *PI_3_32_BIT, *PC] if not name.startswith("dev/")
}

BOOKWORM = Machine("aarch64", 64, (3, 11), (2, 36), True)
BOOKWORM_32 = Machine("armv7l", 32, (3, 11), (2, 36), True)
TRIXIE = Machine("aarch64", 64, (3, 13), (2, 41), True)
TRIXIE_32 = Machine("armv7l", 32, (3, 13), (2, 41), True)

NUMPY_1, NUMPY_2, PILLOW, MISSING = Package("1.26.4"), Package("2.2.6"), Package("11.3.0"), Package(None)
NO_RUNTIME = RuntimeState(None)
LITERT = RuntimeState("2.3.0", None, ("int8", "float32"))
TFLITE = RuntimeState("2.14.0", None, ("int8", "float32"))
NO_CAMERAS = Cameras(None, None, False, (), None, False, ())
VENV = PythonFacts("3.11.2", "/home/pi/graft/bin/python3", 4, True, False, True, "glibc 2.36")
SYSTEM_PYTHON = replace(VENV, executable="/usr/bin/python3", venv=False, system_packages=True)


def write_tree(root: Path, files: Mapping[str, str] | Mapping[str, bytes]) -> Path:
    """Writes files below a folder; returns the folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def situation(root: Path, machine: Machine = BOOKWORM, **changes: Any) -> Situation:
    """A board on which LiteRT works, with changes; runtimes are given by their names with underscores."""
    runtimes = {"litert": changes.pop("litert", LITERT), "tflite-runtime": changes.pop("tflite_runtime", NO_RUNTIME)}
    well = Situation(
        machine, read_hardware(root), VENV, NUMPY_1, PILLOW, runtimes, NO_CAMERAS, read_thermal(root)
    )  # fmt: skip
    return replace(well, **changes)


def write_vcgencmd(folder: Path, output: str, status: int = 0) -> None:
    """Writes a ``vcgencmd`` that always gives the same answer, for a folder on PATH."""
    folder.mkdir(exist_ok=True)
    tool = folder / "vcgencmd"
    tool.write_text(f"#!/bin/sh\n[ \"$*\" = get_throttled ] || exit 9\necho '{output}'\nexit {status}\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)


FAKE_INTERPRETER = """
import numpy as np

class Interpreter:
    def __init__(self, model_path, num_threads):
        print(f"{num_threads} threads", file=open(r"LOG", "a"))
    def allocate_tensors(self):
        pass
    def get_input_details(self):
        return [{"index": 0, "shape": [1, SIDE, SIDE, 3], "dtype": np.uint8, "quantization": (1.0, 0)}]
    def get_output_details(self):
        return [{"index": 1, "shape": [1, 3], "dtype": np.uint8, "quantization": (1 / 256, 0)}]
    def set_tensor(self, index, value):
        pass
    def invoke(self):
        pass
    def get_tensor(self, index):
        return np.array([[250, 3, 3]], np.uint8)
"""


def write_fake_runtime(folder: Path, package: str, side: int, log: Path) -> None:
    """Writes a runtime that always answers with the first class, and logs with how many threads it is opened."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    program = FAKE_INTERPRETER.replace("SIDE", str(side)).replace("LOG", str(log))
    (folder / package / "interpreter.py").write_text(program)
