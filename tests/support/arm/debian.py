"""Downloads Debian packages of any suite and architecture, without root rights and without the system's apt state."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITES = re.compile(r"(old)*stable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
CONFIG = """\
// The system's hooks act on the system's caches.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Architectures;
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
// Root's apt would otherwise download as a user that may have no access to the folder.
APT::Sandbox::User "root";
// An update without a network would count as a success.
APT::Update::Error-Mode "any";
// On a mirror frozen while a suite was being prepared, that suite is past its date.
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Dir::State "{folder}/state";
Dir::State::status "{folder}/state/status";
Dir::Cache "{folder}/cache";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/none";
Dir::Etc::preferences "{folder}/none/preferences";
Dir::Etc::preferencesparts "{folder}/none";
"""


class Unavailable(Exception):  # noqa: N818 - a reason to skip, not an error
    """No emulated board is available here; the message is the reason in one line."""


def run(*command: str | Path, stdin: IO[bytes] | None = None, timeout: float = 600) -> str:
    """Runs a command of this machine and returns its output.

    Raises:
        Unavailable: the command is missing, or took longer than `timeout` seconds.
        RuntimeError: the command failed; the message contains its standard error.
    """
    env = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, check=True, stdin=stdin, capture_output=True, text=True, timeout=timeout, env=env
        )
    except FileNotFoundError as error:
        raise Unavailable(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{command[0]} took longer than {timeout:.0f} s") from error
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"{command[0]} failed:\n{error.stderr.strip()}") from error
    return done.stdout


def gist(text: object) -> str:
    """Picks the most useful line of an error message: the first one marked as an error, or the last line."""
    lines = str(text).strip().splitlines() or ["no message"]
    return next((line for line in lines if line.startswith(("E: ", "ERROR: "))), lines[-1])


def download(scratch: Path, arch: str, suite: str, packages: Sequence[str]) -> list[Path]:
    """Downloads packages and their dependencies into an empty folder.

    It uses apt with its own state and the system's network settings; signatures are checked as usual.

    Raises:
        Unavailable: there is no apt, no Debian or no network.
    """
    for name in ("state/lists/partial", "cache/archives/partial", "none"):
        (scratch / name).mkdir(parents=True)
    (scratch / "state/status").touch()
    config = scratch / "apt.conf"
    config.write_text(CONFIG.format(arch=arch, folder=scratch))
    apt = ("apt-get", "--config-file", config, "--quiet")
    reason = "apt knows no mirror of Debian"
    for mirror in _mirrors():
        (scratch / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {suite} main\n")
        try:
            run(*apt, "update")
            run(*apt, "install", "--yes", "--no-install-recommends", "--download-only", *packages)
        except RuntimeError as error:
            reason = gist(error)
        else:
            return sorted((scratch / "cache/archives").glob("*.deb"))
    raise Unavailable(f"can't download Debian {suite} for {arch}: {reason}")


def _mirrors() -> list[str]:
    """The addresses from which the system gets Debian; they serve other suites and architectures too."""
    if not KEYRING.exists():
        raise Unavailable(f"this is no Debian: {KEYRING} is missing")
    try:
        addresses = run("apt-get", "update", "--print-uris")
    except RuntimeError as error:
        raise Unavailable(f"apt can't read its sources: {gist(error)}") from error
    found = re.findall(r"^'(\S+/)dists/([^/\s]+)/", addresses, re.MULTILINE)
    return list(dict.fromkeys(mirror for mirror, suite in found if SUITES.fullmatch(suite)))
