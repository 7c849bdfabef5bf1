"""Makes a board a 64-bit Arm board: its Python is Debian's for Arm, under QEMU."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.support.arm.arches import ARCHES, PACKAGES, SUITE
from tests.support.arm.board import prepare
from tests.support.arm.debian import download, run
from tests.support.arm.kept import name_of, once
from tests.support.remote.board import Spec

_PACKAGES = (*PACKAGES, "python3.11-venv")
_ROOT, _QEMU = "/opt/arm", "/opt/qemu"
_LAUNCHER = """\
#!/bin/sh
ulimit -c 0
exec {qemu}/{name} -0 "$0" -cpu {cpu} -L {root} {root}/usr/bin/python3.11 "$@"
"""


def arm_spec(folder: Path) -> Spec:
    """The specification of an Arm board: its Python reports Arm, while the shell's programs are this machine's.

    Args:
        folder: the folder for Debian and QEMU.

    Raises:
        tests.support.arm.debian.Unavailable: there is no Debian, or no emulator runs here.
    """
    arch = ARCHES["arm64"]
    qemu = prepare(folder, requirements={}).qemu
    root = once(folder / name_of(arch.debian, f"{SUITE}-venv", _PACKAGES), _build)
    launcher = _LAUNCHER.format(qemu=_QEMU, name=qemu.name, cpu=arch.cpu, root=_ROOT)
    return Spec(
        hidden=("/usr/bin/python3", "/usr/bin/python3.11"),
        programs={"python3": launcher},
        shown={_ROOT: root, _QEMU: qemu.parent},
    )


def _build(part: Path) -> None:
    with tempfile.TemporaryDirectory(dir=part) as scratch:
        for package in download(Path(scratch), ARCHES["arm64"].debian, SUITE, _PACKAGES):
            run("dpkg", "-x", package, part)
