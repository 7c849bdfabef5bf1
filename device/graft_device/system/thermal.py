"""How hot the board is, whether it is held back for that, and at what pace its cores may run."""

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
"""Bits of ``vcgencmd get_throttled`` for now; the same 16 higher for "since the board started".

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
    """Heat and pace at one moment.

    Attributes:
        celsius: of the processor, or of the hottest zone; None where there is no sensor.
        throttled_now: what holds the board back at this moment; see ``FLAGS``.
        throttled_before: what did since the board started.
        known: whether anything here tells of throttling.
        governors: how the cores' frequencies are chosen; empty where the kernel doesn't say.
        events: how often an x86 processor throttled since it started.
        load: programs that wanted a core, on average over the last minute.
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
    """Looks at heat and pace; what cannot be read is None or empty.

    Args:
        root: where ``proc`` and ``sys`` are. ``vcgencmd`` is taken from PATH.
    """
    bits = _raspberry_bits(root)
    cooling = _cooling(root)
    counters = [
        read_number(path) for path in root.glob("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count")
    ]
    events = [count for count in counters if count is not None]
    governors = {read_text(each).strip() for each in root.glob(f"{_POLICIES}/*/scaling_governor")}
    now = [name for bit, name in FLAGS.items() if (bits or 0) >> bit & 1]
    return Thermal(
        celsius=_celsius(root),
        throttled_now=tuple(now if bits is not None else ["throttled"] * bool(cooling)),
        throttled_before=tuple(name for bit, name in FLAGS.items() if (bits or 0) >> (bit + _SINCE_START) & 1),
        known=bits is not None or cooling is not None or bool(events),
        governors=tuple(sorted(name for name in governors if re.fullmatch(r"[a-z_]+", name))),
        events=sum(events),
        load=_load(root),
    )


def worthless(before: Thermal, after: Thermal, cores: int) -> list[str]:
    """Why figures taken between two moments tell little of the board, a line each with what to do about it.

    Args:
        before: when the measurement began.
        after: when it ended.
        cores: that programs can use.
    """
    found = []
    slow = sorted({*before.governors, *after.governors} - {"performance"})
    if slow:
        found.append(
            f"the cores' frequency is left to the governor {', '.join(slow)}: for figures that last, {GOVERNOR_LINE}"
        )
    held = set(before.throttled_now) | set(after.throttled_now)
    held |= set(after.throttled_before) - set(before.throttled_before)
    if after.events > before.events:
        held.add("throttled")
    if held:
        found.append(f"the board was held back ({', '.join(sorted(held))}): {mend(held)}, and measure again")
    if before.load is not None and before.load >= max(cores / 2, 1):
        found.append(f"other programs wanted {before.load:.1f} of {cores} cores: stop them, and measure again")
    return found


def mend(flags: set[str]) -> str:
    """What helps against the reasons that a board is held back for."""
    if "under-voltage" in flags:
        return "use the power supply made for it (5.1 V, 3 A; 5 A for a Raspberry Pi 5) and a short cable"
    return "cool it with a heat sink or a fan"


def _celsius(root: Path) -> float | None:
    zones = []
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*")):
        value = read_number(zone / "temp")
        if value is not None:
            zones.append((read_text(zone / "type").strip().lower(), value / 1000))
    if not zones:
        return None
    ours = [celsius for kind, celsius in zones if kind.startswith(_CPU_ZONES)]
    return round(max(ours or [celsius for _, celsius in zones]), 1)


def _raspberry_bits(root: Path) -> int | None:
    """The firmware's flags, from its tool or else from the kernel's copy."""
    texts = [_vcgencmd(), *(read_text(root / place / "get_throttled") for place in _FIRMWARE)]
    for text in texts:
        found = re.fullmatch(r"(?:throttled=)?(?:0x)?([0-9a-fA-F]{1,8})", text.strip())
        if found:
            return int(found[1], 16)
    return None


def _vcgencmd() -> str:
    tool = shutil.which("vcgencmd")
    if tool is None:
        return ""
    try:
        done = subprocess.run(
            [tool, "get_throttled"],
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _cooling(root: Path) -> int | None:
    """How far the kernel has slowed the processor to cool it, in steps; None where it can't."""
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
