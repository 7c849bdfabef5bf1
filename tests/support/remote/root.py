"""Builds a board's file system: this machine's /usr, read-only, and separate folders for everything else."""

from __future__ import annotations

import hashlib
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER, UID = "pi", 1000
HOME = f"/home/{USER}"
WRITABLE = ("home", "root", "var", "tmp", "srv", "opt", "run")
_LINKS = ("bin", "sbin", "lib", "lib64", "lib32")
_SHARED = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "ssl", "ca-certificates", "python3",
           "python3.11", "localtime", "resolv.conf", "debian_version", "pam.d", "security", "login.defs")  # fmt: skip
_PASSWD = f"""\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sshd:x:100:65534::/run/sshd:/usr/sbin/nologin
{USER}:x:{UID}:{UID}:{USER}:{HOME}:{{shell}}
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
_GROUP = f"root:x:0:\ndaemon:x:1:\nvideo:x:44:\n{USER}:x:{UID}:\nnogroup:x:65534:\n"
_UNITS = {
    "sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D -e\nKillMode=process\nRuntimeDirectory=sshd\n",
    "board.target": "[Unit]\nRequires=basic.target sshd.service\nAfter=basic.target sshd.service\nAllowIsolate=yes\n",
}
_SSHD = """\
{more}
Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
Subsystem sftp internal-sftp
MaxStartups 100
MaxSessions 100
"""


@dataclass(frozen=True)
class Spec:
    """The specification of a board.

    Attributes:
        hidden: programs and folders of /usr that the board lacks, such as ``/usr/bin/rsync``.
        systemd: whether the board runs systemd, in a container, where nothing can be hidden, small or read-only.
        programs: files of this machine, or texts, to put into the board's /usr/local/bin under these names.
        shown: further folders of this machine that the board sees, read-only, by their paths on the board.
        read_only: whether nothing can be written anywhere but in /tmp and /run.
        room_mb: the size of /home and /var together in MB; unlimited when None.
        environment: environment variables of its sessions.
        sshd: lines for its sshd's configuration, which go before the usual ones.
        login_shell: the login shell of its user.
        files: the texts of further files by their paths, such as ``/etc/pip.conf``.
    """

    hidden: Sequence[str] = ()
    systemd: bool = False
    programs: Mapping[str, Path | str] | None = None
    shown: Mapping[str, Path] | None = None
    read_only: bool = False
    room_mb: int | None = None
    environment: Mapping[str, str] | None = None
    sshd: Sequence[str] = ()
    login_shell: str = "/bin/sh"
    files: Mapping[str, str] | None = None


def make_root(folder: Path, spec: Spec, port: int, host_key: Path, authorized: str) -> Path:
    """Creates a board's folders; the script below mounts those that it shares with this machine."""
    root = folder / "root"
    shutil.rmtree(root / "etc", ignore_errors=True)
    for name in (*WRITABLE, "usr", "usr.local/bin", "proc", "sys", "dev", "etc/ssh", f"home/{USER}", "run/sshd"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in _LINKS:
        source = Path("/") / name
        if source.is_symlink() and not (root / name).is_symlink():
            (root / name).symlink_to(source.readlink())
    _write_etc(root / "etc", spec, port, host_key, authorized)
    for name, program in (spec.programs or {}).items():
        target = root / "usr.local/bin" / name
        target.write_text(program if isinstance(program, str) else program.read_text())
        target.chmod(0o755)
    for path, text in (spec.files or {}).items():
        (root / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (root / path.lstrip("/")).write_text(text)
    for name in spec.shown or {}:
        (root / name.lstrip("/")).mkdir(parents=True, exist_ok=True)
    for name in ("var/tmp", "var/lib", "var/cache"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "var/tmp"):
        (root / name).chmod(0o1777)
    (root / "root").chmod(0o700)
    shutil.chown(root / f"home/{USER}", UID, UID)
    return root


def _write_etc(etc: Path, spec: Spec, port: int, host_key: Path, authorized: str) -> None:
    for name in _SHARED:
        source = Path("/etc") / name
        if source.is_dir():
            shutil.copytree(source, etc / name, symlinks=True, dirs_exist_ok=True, ignore_dangling_symlinks=True)
        elif source.is_file():
            shutil.copyfile(source, etc / name)
    shutil.copyfile("/usr/lib/os-release", etc / "os-release")
    variables = " ".join(f'"{name}={value}"' for name, value in (spec.environment or {}).items())
    more = [*spec.sshd, *([f"SetEnv {variables}"] if variables else [])]
    texts = {
        "passwd": _PASSWD.format(shell=spec.login_shell),
        "group": _GROUP,
        "shadow": f"root:*:19000::::::\n{USER}:*:19000::::::\n",
        "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
        "hosts": "127.0.0.1 localhost board\n",
        "ssh/authorized_keys": authorized,
        "ssh/sshd_config": _SSHD.format(port=port, more="\n".join(more)),
    }
    for name, text in texts.items():
        (etc / name).write_text(text)
    if spec.systemd:
        (etc / "systemd/system").mkdir(parents=True, exist_ok=True)
        (etc / "machine-id").write_text("0123456789abcdef0123456789abcdef\n")
        for name, text in _UNITS.items():
            (etc / "systemd/system" / name).write_text(text)
    shutil.copyfile(host_key, etc / "ssh/host_key")
    (etc / "ssh/host_key").chmod(0o600)


def mount_script(root: Path, spec: Spec) -> str:
    """The script that runs first in the board's namespaces; at its end it becomes the board's sshd."""
    here = shlex.quote(str(root))
    lines = [
        "set -e",
        "mount --make-rprivate /",
        f"cd {here}",
        "mount --bind . .",
        f"cd {here}",
        *_bind_read_only("/usr", "usr"),
        "mount --bind usr.local usr/local",
        *(line for name, path in (spec.shown or {}).items() for line in _bind_read_only(str(path), name.lstrip("/"))),
        "mount -t proc proc proc",
        "mount -t tmpfs -o mode=755 tmpfs dev",
        "mkdir dev/pts dev/shm; chmod 1777 dev/shm",
        "for one in null zero full random urandom tty; do touch dev/$one; mount --bind /dev/$one dev/$one; done",
        "mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts; ln -s pts/ptmx dev/ptmx",
        "ln -s /proc/self/fd dev/fd",
        # A program that can't be started is one that isn't there, to whoever looks for it.
        *(f"[ ! -f .{path} ] || mount --bind /dev/null .{path}" for path in map(shlex.quote, spec.hidden)),
        *(f"[ ! -d .{path} ] || mount -t tmpfs tmpfs .{path}" for path in map(shlex.quote, spec.hidden)),
    ]
    if spec.room_mb is not None:
        lines += [
            "mkdir run/room",
            f"mount -t tmpfs -o size={spec.room_mb}m,mode=755 tmpfs run/room",
            "for one in home var; do cp -a $one run/room/; mount --bind run/room/$one $one; done",
        ]
    if spec.read_only:
        lines += [
            "for one in tmp run; do mount -t tmpfs -o mode=1777 tmpfs $one; done; mkdir -m 755 run/sshd",
            "mount -o remount,bind,ro .",
        ]
    return "\n".join([*lines, "exec chroot . /usr/sbin/sshd -D -e -f /etc/ssh/sshd_config"])


def container_command(root: Path) -> list[str]:
    """The command that starts a board that runs systemd."""
    options = [
        "--quiet",
        "--register=no",
        "--keep-unit",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--hostname=board",
    ]
    mounts = ["--bind-ro=/usr", f"--bind={root}/usr.local:/usr/local"]
    return [
        "systemd-nspawn",
        *options,
        f"--directory={root}",
        f"--machine={_machine(root)}",
        *mounts,
        "--boot",
        "systemd.unit=board.target",
    ]


def _machine(root: Path) -> str:
    """A name that no other container has."""
    return f"board-{hashlib.sha256(str(root).encode()).hexdigest()[:12]}"


def _bind_read_only(source: str, target: str) -> list[str]:
    source, target = shlex.quote(source), shlex.quote(target)
    return [f"mount --bind {source} {target}", f"mount -o remount,bind,ro {target}"]
