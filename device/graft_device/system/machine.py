"""The board and its system, as the kernel's files under /proc, /sys and /etc tell."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path("/")

FEATURES = {
    "neon": "neon",
    "asimd": "neon",
    "asimddp": "dotprod",
    "asimdhp": "fp16",
    "i8mm": "i8mm",
    "sve": "sve",
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "avx512-vnni",
    "avx_vnni": "avx-vnni",
}
"""The kernel's names in ``/proc/cpuinfo`` of what speeds int8 and float networks up, and ours.

From Linux's ``Documentation/arch/arm64/elf_hwcaps.rst`` and ``arch/x86/include/asm/cpufeatures.h``.
"""

_ARM_CORES = {
    "0xb76": "ARM1176",
    "0xc07": "Cortex-A7",
    "0xc08": "Cortex-A8",
    "0xc09": "Cortex-A9",
    "0xc0f": "Cortex-A15",
    "0xd03": "Cortex-A53",
    "0xd04": "Cortex-A35",
    "0xd05": "Cortex-A55",
    "0xd07": "Cortex-A57",
    "0xd08": "Cortex-A72",
    "0xd09": "Cortex-A73",
    "0xd0a": "Cortex-A75",
    "0xd0b": "Cortex-A76",
    "0xd0c": "Neoverse-N1",
    "0xd0d": "Cortex-A77",
    "0xd41": "Cortex-A78",
}
"""Part numbers of implementer 0x41 (Arm), from ``arch/arm64/include/asm/cputype.h`` and ``arch/arm``'s."""

_64_BIT_PARTS = "0xd"
"""Arm's part numbers of cores that run 64-bit code begin with this."""


@dataclass(frozen=True)
class Hardware:
    """What is there to compute with.

    Attributes:
        board: the model that the device tree names, or the mainboard's; None where neither says.
        system: name and version of the distribution.
        kernel: its release.
        cpu: the processor's name.
        wide: whether the processor can run 64-bit code; None where that is not known.
        features: of ``FEATURES``, sorted.
        memory_mb: all of it, in MB of 1e6 bytes; None where unknown.
        free_mb: what programs can still get.
        memory_limits: whether the kernel can hold a service to a memory limit; None where that is not known.
    """

    board: str | None
    system: str | None
    kernel: str | None
    cpu: str | None
    wide: bool | None
    features: tuple[str, ...]
    memory_mb: int | None
    free_mb: int | None
    memory_limits: bool | None

    @property
    def raspberry(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return "raspberry pi" in (self.board or "").lower()

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {**asdict(self), "features": list(self.features)}


def read_hardware(root: Path = ROOT) -> Hardware:
    """Looks at the machine; what cannot be read is None or empty.

    Args:
        root: where ``proc``, ``sys`` and ``etc`` are.
    """
    cpuinfo = parse_pairs(read_text(root / "proc/cpuinfo"))
    memory = parse_pairs(read_text(root / "proc/meminfo"))
    return Hardware(
        board=_board(root),
        system=_system(root),
        kernel=read_text(root / "proc/sys/kernel/osrelease").strip() or None,
        cpu=_cpu(cpuinfo),
        wide=_wide(cpuinfo),
        features=_features(cpuinfo),
        memory_mb=_megabytes(memory.get("MemTotal")),
        free_mb=_megabytes(memory.get("MemAvailable")),
        memory_limits=_memory_limits(root),
    )


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_text(path: Path) -> str:
    """A small file of the kernel's; empty where it can't be read, without the NUL that device-tree strings end in."""
    try:
        return path.read_bytes().decode("utf-8", "replace").replace("\0", "")
    except (OSError, ValueError):
        return ""


def read_number(path: Path) -> int | None:
    """A file that holds one whole number; None where it doesn't."""
    try:
        return int(read_text(path).strip())
    except ValueError:
        return None


def parse_pairs(text: str) -> dict[str, str]:
    """``name : value`` lines, as in /proc/cpuinfo; of a name that comes again, the first that has a value."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip():
            found.setdefault(name.strip(), value.strip())
    return found


def _board(root: Path) -> str | None:
    for place in ("proc/device-tree/model", "sys/firmware/devicetree/base/model"):
        if name := read_text(root / place).strip():
            return name
    named = [read_text(root / "sys/class/dmi/id" / part).strip() for part in ("sys_vendor", "product_name")]
    return " ".join(filter(None, named)) or None


def _system(root: Path) -> str | None:
    for place in ("etc/os-release", "usr/lib/os-release"):
        found = re.search(r'^PRETTY_NAME="?([^"\n]+)', read_text(root / place), re.MULTILINE)
        if found:
            return found[1].strip()
    return None


def _cpu(cpuinfo: dict[str, str]) -> str | None:
    part = cpuinfo.get("CPU part", "").lower()
    if cpuinfo.get("CPU implementer", "").lower() == "0x41" and part:
        return _ARM_CORES.get(part, f"Arm core {part}")
    return cpuinfo.get("model name") or cpuinfo.get("Processor")


def _wide(cpuinfo: dict[str, str]) -> bool | None:
    if "flags" in cpuinfo:
        return "lm" in cpuinfo["flags"].split()
    if cpuinfo.get("CPU implementer", "").lower() != "0x41":
        return None
    return cpuinfo.get("CPU part", "").lower().startswith(_64_BIT_PARTS)


def _features(cpuinfo: dict[str, str]) -> tuple[str, ...]:
    listed = (cpuinfo.get("Features") or cpuinfo.get("flags") or "").split()
    return tuple(sorted({FEATURES[name] for name in listed if name in FEATURES}))


def _memory_limits(root: Path) -> bool | None:
    controllers = read_text(root / "sys/fs/cgroup/cgroup.controllers").split()
    return "memory" in controllers if controllers else None


def _megabytes(text: str | None) -> int | None:
    found = re.fullmatch(r"(\d+) kB", text or "")
    return round(int(found[1]) * 1024 / 1e6) if found else None
