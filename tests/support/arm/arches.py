"""The available boards, and the packages and wheels from which they are built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Runtime = Literal["tflite-runtime", "litert"]

_COMMON = ("pillow>=9.1", "typer>=0.19,<0.29")
_SERVE = ("h11>=0.16", "prometheus-client>=0.20", "python-multipart>=0.0.18", "starlette>=0.40", "uvicorn>=0.30")
REQUIREMENTS: Mapping[Runtime, Sequence[str]] = {
    "tflite-runtime": ("tflite-runtime==2.14.0", "numpy<2", *_COMMON, *_SERVE),
    "litert": ("ai-edge-litert>=1.2", "numpy>=1.21", *_COMMON, *_SERVE),
}
INTERPRETERS: Mapping[Runtime, str] = {
    "tflite-runtime": "tflite_runtime.interpreter",
    "litert": "ai_edge_litert.interpreter",
}
SUITE, PYTHON, GLIBC_MINOR = "bookworm", "3.11", 36
PACKAGES = (f"python{PYTHON}", "libstdc++6", "zlib1g")
# QEMU 7.2 crashes under LiteRT where it sees the host's /sys, 10.0 does not, and none in between was tried.
QEMU_SUITE, OLDEST_QEMU = "trixie", 10


@dataclass(frozen=True)
class Arch:
    """An architecture: its names at Debian, at QEMU and in wheels, and what is available for it.

    Attributes:
        bits: 32 or 64, of its Python.
        machine: the output of ``uname -m``.
        runtimes: the runtimes for which there are wheels.
        packages: further packages from Debian.
        from_debian: requirements that those packages meet, because there are no wheels for them.
    """

    debian: str
    qemu: str
    cpu: str
    wheels: str
    bits: int
    machine: str
    runtimes: Sequence[Runtime]
    packages: Sequence[str] = ()
    from_debian: frozenset[str] = frozenset()


# 32-bit programs that use the old readdir() can't read a folder on ext4 under emulation (EOVERFLOW), which
# is why a whole 32-bit Debian wants a tmpfs; Python uses readdir64(), and needs none.
ARCHES: Mapping[str, Arch] = {
    "arm64": Arch("arm64", "aarch64", "cortex-a72", "aarch64", 64, "aarch64", ("tflite-runtime", "litert")),
    "armhf": Arch(
        debian="armhf",
        qemu="arm",
        cpu="cortex-a7",
        wheels="armv7l",
        bits=32,
        machine="armv7l",
        runtimes=("tflite-runtime",),
        packages=("python3-numpy", "python3-pil"),
        from_debian=frozenset({"numpy", "pillow"}),
    ),
}
PAIRS = [(arch, runtime) for arch, machine in ARCHES.items() for runtime in machine.runtimes]
"""Each board with each of its runtimes."""
