"""Checks what is in a wheel and a source archive: every file that belongs there and none that does not.

``make dist`` runs it on the folder that holds the two files: ``python -m tests.support.dist_contents dist``.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path, PurePosixPath

REPOSITORY = Path(__file__).resolve().parents[2]
_EXTRA_IN_WHEEL = {"graft_host/backbones/backbones.toml": "models/backbones.toml"}
_FOLDERS_IN_WHEEL = {
    "graft_device": "device/graft_device",
    "graft_host": "host/graft_host",
    "graft_host/ansible": "deploy/ansible",
}
_NOT_IN_ARCHIVE = (".ci/",)


def tracked(folder: str = ".") -> set[str]:
    """The files below a folder of the repository that git tracks, relative to that folder."""
    command = ["git", "-C", str(REPOSITORY / folder), "ls-files", "-z", "."]
    listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    return {name for name in listed.split("\0") if name}


def wheel_files() -> set[str]:
    """What a wheel must contain besides its metadata."""
    files = set(_EXTRA_IN_WHEEL)
    for inside, folder in _FOLDERS_IN_WHEEL.items():
        files |= {f"{inside}/{name}" for name in tracked(folder)}
    return files


def archive_files() -> set[str]:
    """What a source archive must contain besides its metadata."""
    return {name for name in tracked() if not name.startswith(_NOT_IN_ARCHIVE)}


def check_wheel(wheel: Path) -> list[str]:
    """The faults of a wheel, one line each."""
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
        about = {PurePosixPath(name).name: name for name in opened.namelist() if ".dist-info/" in name}
        metadata = message_from_bytes(opened.read(about["METADATA"]))
        scripts = opened.read(about["entry_points.txt"]).decode() if "entry_points.txt" in about else ""
    faults = _differences("wheel", names, wheel_files())
    if metadata["License-Expression"] != "Apache-2.0" or "LICENSE" not in about:
        faults.append("wheel: no licence in the metadata, or no LICENSE file")
    if "# graftkit" not in str(metadata.get_payload()):
        faults.append("wheel: the README is not its description")
    faults += [f"wheel: no command {name}" for name in ("graft", "graft-device") if f"{name} = " not in scripts]
    return faults


def check_archive(archive: Path) -> list[str]:
    """The faults of a source archive, one line each."""
    with tarfile.open(archive) as opened:
        names = {member.name.partition("/")[2] for member in opened.getmembers() if not member.isdir()}
    return _differences("source archive", names - {"PKG-INFO"}, archive_files())


def _differences(kind: str, names: set[str], wanted: set[str]) -> list[str]:
    lacking = [f"{kind} lacks {name}" for name in sorted(wanted - names)]
    return lacking + [f"{kind} has {name}, which does not belong there" for name in sorted(names - wanted)]


def main() -> None:
    """Checks the one wheel and the one source archive of a folder; exit status 1 if there is a fault."""
    folder = Path(sys.argv[1])
    wheels, archives = list(folder.glob("*.whl")), list(folder.glob("*.tar.gz"))
    if (len(wheels), len(archives)) != (1, 1):
        sys.exit(f"{folder} must hold one wheel and one source archive, not {len(wheels)} and {len(archives)}")
    faults = check_wheel(wheels[0]) + check_archive(archives[0])
    if faults:
        sys.exit("\n".join(faults))
    sys.stdout.write(f"{wheels[0].name} and {archives[0].name} hold what they should and nothing else\n")


if __name__ == "__main__":
    main()
