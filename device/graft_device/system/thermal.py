"""Reads the board's temperature, whether it is throttled, and how its CPU frequency is chosen."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.system.machine import ROOT, read_number, read_text

FLAGS = {
    0: "under-voltage",
    1: "frequency capped",
    2: "throttled",
    3: "soft temperature limit",
}
"""Bits of ``vcgencmd get_throttled`` that describe the present; 16 bits higher, they mean "since the board started".

From Raspberry Pi's documentation of ``vcgencmd``.
"""

_SINCE_START = 16
_CPU_ZONES = ("cpu", "soc", "x86_pkg_temp", "package")
_FIRMWARE = ("sys/devices/platform/soc/soc:firmware", "sys/devices/platform/axi/axi:firmware")
_TIMEOUT = 5.0
_POLICIES = "sys/devices/system/cpu/cpufreq"
GOVERNOR_LINE = "echo performance | sudo tee /sys/devices/system/cpu/cpufreq/policy*/scaling_governor"


@dataclass(frozen=True)
class Thermal:
    """Temperature, throttling and CPU frequency control at one moment.

    Attributes:
        celsius: the processor's temperature, or that of the hottest zone; None if there is no sensor.
        throttled_now: why the board is throttled now; the values of ``FLAGS``.
        throttled_before: why the board was throttled at any time since it started; the values of ``FLAGS``.
        known: whether this machine reports throttling at all.
        governors: the CPU frequency governors in use; empty if the kernel reports none.
        events: how often an x86 processor was throttled since it started.
        load: the number of programs that wanted a core, averaged over the last minute; None if unknown.
    """

    celsius: float | None
    throttled_now: tuple[str, ...]
    throttled_before: tuple[str, ...]
    known: bool
    governors: tuple[str, ...]
    events: int
    load: float | None

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def read_thermal(root: Path = ROOT) -> Thermal:
    """Reads temperature, throttling and governors; a value that cannot be read is None or empty.

    Args:
        root: the folder that holds ``proc`` and ``sys``. ``vcgencmd`` is taken from PATH.
    """
    bits = _raspberry_bits(root)
    cooling = _cooling(root)
    counters = [
        read_number(path) for path in root.glob("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")
    ]
    events = [count for count in counters if count is not None]
    governors = {read_text(path).strip() for path in root.glob(f"{_POLICIES}/*/scaling_governor")}
    now = [name for bit, name in FLAGS.items() if (bits or 0) >> bit & 1]
    return Thermal(
        celsius=read_celsius(root),
        throttled_now=tuple(now if bits is not None else ["throttled"] * bool(cooling)),
        throttled_before=tuple(name for bit, name in FLAGS.items() if (bits or 0) >> (bit + _SINCE_START) & 1),
        known=bits is not None or cooling is not None or bool(events),
        governors=tuple(sorted(name for name in governors if re.fullmatch(r"[a-z_]+", name))),
        events=sum(events),
        load=_load(root),
    )


def reasons_to_distrust(before: Thermal, after: Thermal, cores: int) -> list[str]:
    """Why timings taken between two moments may not be typical of the board; each line includes what to do.

    Args:
        before: the state when the measurement started.
        after: the state when the measurement ended.
        cores: the number of cores that programs can use.
    """
    reasons = []
    slow = sorted({*before.governors, *after.governors} - {"performance"})
    if slow:
        reasons.append(
            f"the governor {', '.join(slow)} varies the CPU frequency; for reproducible figures, run: {GOVERNOR_LINE}"
        )
    flags = set(before.throttled_now) | set(after.throttled_now)
    flags |= set(after.throttled_before) - set(before.throttled_before)
    if after.events > before.events:
        flags.add("throttled")
    if flags:
        names = ", ".join(sorted(flags))
        reasons.append(f"the board was throttled ({names}); {throttling_remedy(flags)}, and measure again")
    if before.load is not None and before.load >= max(cores / 2, 1):
        reasons.append(f"other programs put a load of {before.load:.1f} on {cores} cores; stop them and measure again")
    return reasons


def throttling_remedy(flags: set[str]) -> str:
    """How to stop the throttling that the flags report."""
    if "under-voltage" in flags:
        return "use the board's official power supply (5.1 V, 3 A; 5 A for a Raspberry Pi 5) with a short cable"
    return "cool the board with a heat sink or a fan"


def read_celsius(root: Path = ROOT) -> float | None:
    """The processor's temperature, or that of the hottest zone; None if there is no sensor."""
    zones = []
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        value = read_number(zone / "temp")
        if value is not None:
            zones.append((read_text(zone / "type").strip().lower(), value / 1000))
    if not zones:
        return None
    cpu = [celsius for zone, celsius in zones if zone.startswith(_CPU_ZONES)]
    return round(max(cpu or [celsius for _, celsius in zones]), 1)


def _raspberry_bits(root: Path) -> int | None:
    """The firmware's flags, from ``vcgencmd`` or else from the kernel's file."""
    texts = [_vcgencmd(), *(read_text(root / folder / "get_throttled") for folder in _FIRMWARE)]
    for text in texts:
        match = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})", text.strip())
        if match:
            return int(match[1], 16)
    return None


def _vcgencmd() -> str:
    tool = shutil.which("vcgencmd")
    if tool is None:
        return ""
    try:
        finished = subprocess.run(
            [tool, "get_throttled"],
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return finished.stdout.decode(errors="replace") if finished.returncode == 0 else ""


def _cooling(root: Path) -> int | None:
    """By how many steps the kernel slows the processor to cool it; None if the kernel can't do that."""
    states = []
    for device in root.glob("sys/class/thermal/cooling_device*"):
        kind = read_text(device / "type").strip().lower()
        if "cpufreq" in kind or kind == "processor":
            states.append(read_number(device / "cur_state"))
    known = [state for state in states if state is not None]
    return max(known) if known else None


def _load(root: Path) -> float | None:
    try:
        return float(read_text(root / "proc/loadavg").split()[0])
    except (IndexError, ValueError):
        return None
