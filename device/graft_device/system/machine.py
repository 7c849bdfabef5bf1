"""Reads facts about the board and its operating system from files under /proc, /sys and /etc."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from graft_device.system.plain import read_plain

ROOT = Path("/")
_KERNEL_FILE_BYTES = 1 << 22

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
"""CPU features that speed up int8 and float networks: from the kernel's name in ``/proc/cpuinfo`` to ours.

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
"""Part numbers of implementer 0x41 (Arm), from ``cputype.h`` in ``arch/arm64/include/asm`` and ``arch/arm``."""

_64_BIT_PARTS = "0xd"
"""The part numbers of Arm cores that run 64-bit code start with this."""


@dataclass(frozen=True)
class Hardware:
    """The board, its system, processor and memory.

    Attributes:
        board: the model name from the device tree, or else from the mainboard; None if unknown.
        system: the name and version of the distribution; None if unknown.
        kernel: the kernel's release; None if unknown.
        cpu: the processor's name; None if unknown.
        wide: whether the processor can run 64-bit code; None if unknown.
        features: the CPU features that the processor has, with the names in the values of ``FEATURES``, sorted.
        memory_mb: the total memory, in MB of 1e6 bytes; None if unknown.
        free_mb: the memory that programs can still get, in MB of 1e6 bytes; None if unknown.
        memory_limits: whether the kernel can enforce a memory limit on a service; None if unknown.
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
    """Reads the facts about this machine; a fact that cannot be read is None or empty.

    Args:
        root: the folder that holds ``proc``, ``sys`` and ``etc``.
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
    """The text of a small kernel file without NULs (device-tree strings end in one); empty if it can't be read."""
    try:
        return read_plain(path, _KERNEL_FILE_BYTES).decode("utf-8", "replace").replace("\0", "")
    except (OSError, ValueError):
        return ""


def read_number(path: Path) -> int | None:
    """The integer that a file contains; None if it contains anything else."""
    try:
        return int(read_text(path).strip())
    except ValueError:
        return None


def parse_pairs(text: str) -> dict[str, str]:
    """Parses ``name : value`` lines, as in /proc/cpuinfo; for a repeated name, the first value counts."""
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip():
            pairs.setdefault(name.strip(), value.strip())
    return pairs


def _board(root: Path) -> str | None:
    for file in ("proc/device-tree/model", "sys/firmware/devicetree/base/model"):
        if name := read_text(root / file).strip():
            return name
    names = [read_text(root / "sys/class/dmi/id" / file).strip() for file in ("sys_vendor", "product_name")]
    return " ".join(filter(None, names)) or None


def _system(root: Path) -> str | None:
    for file in ("etc/os-release", "usr/lib/os-release"):
        match = re.search(r'^PRETTY_NAME="?([^"\n]+)', read_text(root / file), re.MULTILINE)
        if match:
            return match[1].strip()
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
    names = (cpuinfo.get("Features") or cpuinfo.get("flags") or "").split()
    return tuple(sorted({FEATURES[name] for name in names if name in FEATURES}))


def _memory_limits(root: Path) -> bool | None:
    controllers = read_text(root / "sys/fs/cgroup/cgroup.controllers").split()
    return "memory" in controllers if controllers else None


def _megabytes(text: str | None) -> int | None:
    match = re.fullmatch(r"(\d+) kB", text or "")
    return round(int(match[1]) * 1024 / 1e6) if match else None
