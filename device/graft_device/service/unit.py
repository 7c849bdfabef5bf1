"""Writes the text of a systemd unit that may access what its command needs, and no more."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from graft_device.service.paths import is_hidden, reached, store_or_file
from graft_device.service.service import BACKOFF_SINCE, Service
from graft_device.service.visible import ServiceError, ServiceNeeds

WATCHDOG_S = 120
"""The watchdog is called after every frame; the slowest board takes seconds for one, and a camera may be slow."""

START_S = 180
"""From the start to the first answer; a Raspberry Pi Zero 2 takes about 30 s, and longer with a slow SD card."""

_FIRST_WAIT_S, _LONGEST_WAIT_S, _WAIT_STEPS = 2, 120, 6

_CAMERA_DEVICES = ("char-video4linux", "char-media", "char-dma_heap")
_PINS = "char-gpiochip"
_UNSAFE = re.compile(r"[^A-Za-z0-9_@%+=:,./-]")


def unit(service: Service) -> str:
    """The text of the unit file."""
    needs = service.needs
    sections = {
        "Unit": [
            f"Description={_plain(service.summary)}",
            *(["Wants=network-online.target", "After=network-online.target"] if needs.network else []),
            "StartLimitIntervalSec=0",
        ],
        "Service": [
            *_process(service), *_restart(service), *_identity(service), *_limits(service),
            *_files(service), *_devices(needs), *_network(needs), *_kernel(needs),
        ],
        "Install": ["WantedBy=multi-user.target"],
    }  # fmt: skip
    return "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items())


def quote(word: str, dollars: bool = True) -> str:
    """Quotes a word of a command line or list for systemd.

    Args:
        word: any text.
        dollars: whether systemd expands variables after ``$`` here, as in all words of a command except the first.
    """
    text = word.replace("%", "%%")
    text = text.replace("$", "$$") if dollars else text
    if text and not _UNSAFE.search(text):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(letter: str) -> str:
    if letter in {'"', "\\"}:
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(letter))


def _plain(text: str) -> str:
    """A text for people as one line, without specifiers that systemd would expand."""
    return "".join(letter if letter.isprintable() else "?" for letter in text).replace("%", "%%")


def _process(service: Service) -> list[str]:
    first, *others = service.command
    return [
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={' '.join([quote(first, dollars=False), *map(quote, others)])}",
        *(["ExecReload=/bin/kill -HUP $MAINPID"] if _can_reload(service) else []),
        f"TimeoutStartSec={START_S}",
        "TimeoutStopSec=30",
        f"WatchdogSec={WATCHDOG_S}",
        f"WorkingDirectory=/var/lib/{service.name}",
        f"Environment=HOME=/var/lib/{service.name} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
        "# Secrets belong in this file, readable by root alone: GRAFT_TOKEN=…, GRAFT_MQTT_PASSWORD=…,",
        "# GRAFT_WEBHOOK_SECRET=…, GRAFT_APPRISE_URLS=….",
        f"EnvironmentFile=-/etc/default/{service.name}",
    ]


def _can_reload(service: Service) -> bool:
    """Whether the service can reopen its files: a bound file in a home stays the old one after it is replaced."""
    named = next((Path(word) for word in service.command[1:] if word.startswith("/")), None)
    reread = service.needs.reread or (() if named is None else (named,))
    return service.needs.reload and not any(map(_bound_alone, map(reached, reread)))


def _bound_alone(path: Path) -> bool:
    return path.is_file() and store_or_file(path) == path and is_hidden(path)


def _restart(service: Service) -> list[str]:
    """Restarts with growing waits, except after a usage error (status 2)."""
    always = ["Restart=on-failure", "RestartPreventExitStatus=2"]
    if service.systemd >= BACKOFF_SINCE:
        waits = [f"RestartSec={_FIRST_WAIT_S}", f"RestartSteps={_WAIT_STEPS}", f"RestartMaxDelaySec={_LONGEST_WAIT_S}"]
        return [*always, *waits]
    step = _LONGEST_WAIT_S // _WAIT_STEPS
    count = 'f="$$RUNTIME_DIRECTORY/starts"; n=$$(cat "$$f" 2>/dev/null || echo 0); echo $$((n + 1)) >"$$f"'
    wait = f"{count}; sleep $$((n < {_WAIT_STEPS} ? n * {step} : {_LONGEST_WAIT_S}))"
    return [
        *always,
        f"RestartSec={_FIRST_WAIT_S}",
        f"# A file counts the starts; systemd {BACKOFF_SINCE} and later can lengthen the waits itself.",
        f"RuntimeDirectory={service.name}",
        "RuntimeDirectoryPreserve=restart",
        f"ExecStartPre=-/bin/sh -c '{wait}'",
        # A restart by hand does not wait.
        """ExecStopPost=-/bin/sh -c 'test "$$SERVICE_RESULT" != success || rm -f "$$RUNTIME_DIRECTORY/starts"'""",
    ]


def _identity(service: Service) -> list[str]:
    own = f"User={service.user}" if service.user else "DynamicUser=yes"
    needs = service.needs
    groups = [*(["video"] if needs.camera else []), *(["gpio"] if needs.gpio else [])]
    more = [f"SupplementaryGroups={' '.join(groups)}"] if groups else []
    return [own, *more, f"StateDirectory={service.name}", "StateDirectoryMode=0750", "UMask=0027"]


def _limits(service: Service) -> list[str]:
    return [f"MemoryMax={service.memory_max}", "TasksMax=128", "LimitCORE=0"]


def _files(service: Service) -> list[str]:
    """A read-only file system; only those parts of homes and /tmp are visible that the command reads or writes."""
    writes = list(map(reached, service.needs.writes))
    shown = [_bind("BindReadOnlyPaths", path) for path in _hidden_parts(service) if path not in writes]
    shown += [_bind("BindPaths", path) for path in writes if is_hidden(path)]
    writable = [f"ReadWritePaths={quote(str(path), dollars=False)}" for path in writes if not is_hidden(path)]
    return ["ProtectSystem=strict", "ProtectHome=tmpfs", "PrivateTmp=yes", *shown, *writable]


def _bind(key: str, path: Path) -> str:
    if ":" in str(path):
        raise ServiceError(f"{path}: systemd does not accept a colon in this name", "rename it")
    return f"{key}={quote(str(path), dollars=False)}"


def _hidden_parts(service: Service) -> list[Path]:
    """The paths in hidden folders that the command needs; a folder includes everything below it."""
    paths = [Path(sys.prefix), Path(sys.base_prefix), *map(Path, sys.path), *service.needs.reads]
    targets = {store_or_file(reached(path)) for path in paths if path.is_absolute()}
    targets |= {store_or_file(reached(Path(word))) for word in service.command if word.startswith("/")}
    hidden: list[Path] = []
    for path in sorted(targets):
        if is_hidden(path) and path.exists() and not any(folder in path.parents for folder in hidden):
            hidden.append(path)
    return hidden


def _devices(needs: ServiceNeeds) -> list[str]:
    kinds = list(_CAMERA_DEVICES if needs.camera == "picamera2" else _CAMERA_DEVICES[:1] if needs.camera else ())
    kinds += [_PINS] if needs.gpio else []
    if not kinds:
        return ["PrivateDevices=yes", "DevicePolicy=closed"]
    return ["DevicePolicy=closed", *(f"DeviceAllow={kind} rw" for kind in kinds)]


def _network(needs: ServiceNeeds) -> list[str]:
    families = ["AF_UNIX", *(["AF_INET", "AF_INET6"] if needs.network else [])]
    if needs.camera == "picamera2":
        families.append("AF_NETLINK")  # libcamera listens to udev
    lines = [f"RestrictAddressFamilies={' '.join(families)}"]
    if needs.network is None:
        lines.append("PrivateNetwork=yes")
    if needs.network != "all":
        lines.append("IPAddressDeny=any")
    return lines + (["IPAddressAllow=localhost"] if needs.network == "loopback" else [])


def _kernel(needs: ServiceNeeds) -> list[str]:
    """Forbids what no command needs. ProcSubset is not set: the runtimes read /proc/cpuinfo to choose their code."""
    switches = (
        "NoNewPrivileges", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs", "ProtectClock",
        "ProtectControlGroups", "ProtectHostname", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID",
        "LockPersonality", "MemoryDenyWriteExecute", "RemoveIPC",
    )  # fmt: skip
    return [
        *(f"{name}=yes" for name in switches),
        # In a user namespace, the groups of camera and pins would map to nobody.
        *([] if needs.camera or needs.gpio else ["PrivateUsers=yes"]),
        "ProtectProc=invisible",
        "KeyringMode=private",
        "CapabilityBoundingSet=",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "SystemCallFilter=~@privileged @resources",
        "SystemCallErrorNumber=EPERM",
    ]
